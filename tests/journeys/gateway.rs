//! People who come over SSH, with OpenSSH's own programs: pushing by roles, shells, copies, forwarded ports, and those
//! who must not come in.

mod person;
mod traffic;

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use person::{Host, Person};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A worker to go into, and a directory to copy into.
const MORE: &str = r#"
mounts:
    data:
        source: storage
        source_path: data
workers:
    queue:
        commands:
            start: sleep infinity
variables:
    env:
        GREETING: hello
"#;

pub fn people_get_what_is_theirs(guise: &Guise) -> Result<()> {
    let site = Site::write(guise, "gateway")?;
    site.repository.append(".platform.app.yaml", MORE)?;
    site.repository.commit("Add a worker and a mount")?;
    guise.run(site.repository.root(), &["up"])?.ok()?;
    let host = Host::of(&site)?;
    let person = |name: &str, roles: &[&str]| Person::add(&host, &site, name, roles);
    let ada = person("ada", &["production:contributor", "development:contributor"])?;
    let victor = person("victor", &["viewer"])?;
    let mallory = Person::stranger(&host, &site, "mallory")?;

    pushes(&site, &ada, &victor)?;
    commands(&site, &ada, &victor)?;
    traffic::copies(&ada)?;
    traffic::large_streams(&ada)?;
    traffic::a_reader_that_stops(&site, &ada)?;
    traffic::many_at_once(&ada)?;
    forwards(&ada)?;
    strangers(&host, &ada, &mallory)?;
    survives_guised(&site, &ada)
}

/// Clones, pushes as a contributor, and is refused where that is not enough.
fn pushes(site: &Site<'_>, ada: &Person, victor: &Person) -> Result<()> {
    let directory = site.guise.directory().join("gateway-clone");
    ada.git(
        site.guise.directory(),
        &["clone", "--quiet", &ada.host.url(), "gateway-clone"],
    )?
    .ok()?;
    let clone = Repository::at(&directory);
    clone.write("page.txt", "by ada")?;
    clone.commit("Change the page")?;
    let push = ada.git(&directory, &["push", "origin", "main"])?;
    ensure!(push.code == Some(0), "ada may push: {}", push.stderr);
    ensure!(
        push.stderr.contains("remote:"),
        "the log is not shown: {}",
        push.stderr
    );
    site.serves("by ada")?;
    let audit = site
        .guise
        .json(site.repository.root(), &["audit", "--user", "ada"])?;
    let pushed = |entry: &serde_json::Value| entry["action"] == "environment.push";
    ensure!(
        audit.as_array().is_some_and(|entries| entries.iter().any(pushed)),
        "the log of who did what has no push of ada's: {audit}"
    );

    // The form with a colon, and another environment.
    let colon = ada.host.colon();
    ada.git(
        &directory,
        &["push", "--quiet", &colon, "main:refs/heads/feature"],
    )?
    .ok()?;
    let refused = |person: &Person, arguments: &[&str], words: &str| -> Result<()> {
        let push = person.git(&directory, arguments)?;
        ensure!(
            push.code != Some(0) && push.stderr.contains(words),
            "{arguments:?} by {}: {:?}\n{}",
            person.name,
            push.code,
            push.stderr
        );
        Ok(())
    };
    clone.write("page.txt", "rewritten")?;
    ada.git(&directory, &["commit", "--quiet", "--amend", "-am", "Rewrite"])?
        .ok()?;
    refused(
        ada,
        &["push", "--force", "origin", "main"],
        "rewrite the history of main",
    )?;
    refused(ada, &["push", "origin", ":feature"], "may not delete feature")?;
    refused(victor, &["push", "origin", "main:feature"], "may not push")?;
    victor.git(&directory, &["fetch", "--quiet", "origin"])?.ok()?;
    site.serves("by ada")?;
    site.guise
        .run(
            site.repository.root(),
            &["environment", "delete", "feature", "--yes"],
        )?
        .ok()?;
    Ok(())
}

/// Runs commands, in the app and in its worker, with and without a terminal.
fn commands(site: &Site<'_>, ada: &Person, victor: &Person) -> Result<()> {
    let says = |command: &str, expected: &str| -> Result<()> {
        let said = ada.ssh(&[command])?.ok()?;
        ensure!(
            said.trim_end() == expected,
            "{command} says {said:?} instead of {expected:?}"
        );
        Ok(())
    };
    says("pwd", "/app")?;
    says("echo $GREETING $PLATFORM_APPLICATION_NAME", "hello app")?;
    says("id -un", "web")?;
    let both = ada.ssh(&["echo out; echo err >&2; exit 7"])?;
    ensure!(
        (both.code, both.stdout.as_str()) == (Some(7), "out\n") && both.stderr.contains("err"),
        "output, errors and status are {both:?}"
    );
    let killed = ada.ssh(&["kill -TERM $$"])?;
    ensure!(killed.code == Some(128 + 15), "a killed command: {killed:?}");
    let sent = ada
        .ssh_with(&["-o", "SetEnv=COLOUR=blue"], &["echo $COLOUR"], b"")?
        .ok()?;
    ensure!(sent == "blue\n", "a sent variable is {sent:?}");
    let echoed = ada.ssh_with(&[], &["tr a-z A-Z"], b"shout")?.ok()?;
    ensure!(echoed == "SHOUT", "the input arrives as {echoed:?}");
    let worker = ada
        .at("--app--queue")
        .ssh(&["echo $PLATFORM_APPLICATION_NAME; hostname"])?
        .ok()?;
    ensure!(worker.contains("queue"), "the worker says {worker:?}");

    let size = ada.in_terminal("stty cols 91 rows 33", "stty size; tty")?;
    ensure!(
        size.contains("33 91") && size.contains("/dev/pts/"),
        "a terminal of 91 columns is {size:?}"
    );
    let shell = ada.in_terminal("true", "")?;
    ensure!(
        shell.contains("app of main in"),
        "the shell greets with {shell:?}"
    );

    let printed = site.guise.run(site.repository.root(), &["ssh", "--pipe"])?.ok()?;
    ensure!(
        printed.trim() == ada.host.app_url(),
        "guise ssh --pipe prints {printed:?}"
    );
    let viewer = victor.ssh(&["id"])?;
    ensure!(
        viewer.code == Some(255) && viewer.stderr.contains("contributor"),
        "a viewer gets a shell: {viewer:?}"
    );
    let git_only = ada.at("").ssh(&["id"])?;
    ensure!(
        git_only.code == Some(255) && git_only.stderr.contains("git"),
        "the repository's name gives a shell: {git_only:?}"
    );
    Ok(())
}

/// Reaches the app's own port from here, and nothing that the app does not reach.
fn forwards(ada: &Person) -> Result<()> {
    let inside = ada.ssh(&["echo $PORT"])?.ok()?;
    let forward = ada.forward("localhost", inside.trim())?;
    let page = http::get(&format!("http://127.0.0.1:{}/", forward.port))?;
    ensure!(
        page.text() == "by ada",
        "through the tunnel the page says {:?}",
        page.text()
    );
    // The machine's own loopback, where the gateway listens, is none of the app's.
    let outside = ada.forward("127.0.0.1", &ada.host.port.to_string())?;
    ensure!(
        is_closed(outside.port)?,
        "the machine's own ports can be reached through an app"
    );
    let unknown = ada.forward("example.org", "80")?;
    ensure!(
        is_closed(unknown.port)?,
        "a name that the app has not leads somewhere"
    );
    Ok(())
}

/// Whether a connection ends without a byte.
fn is_closed(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut byte = [0];
    Ok(matches!(stream.read(&mut byte), Ok(0)) || stream.write_all(b"x").is_err())
}

/// No unknown key, no name that leads nowhere, no garbage comes in or does harm.
fn strangers(host: &Host, ada: &Person, mallory: &Person) -> Result<()> {
    let denied = |person: &Person| -> Result<()> {
        let answer = person.ssh(&["id"])?;
        ensure!(
            answer.code == Some(255) && answer.stderr.contains("Permission denied (publickey)"),
            "{} comes in as {:?}: {answer:?}",
            person.name,
            person.login
        );
        Ok(())
    };
    denied(mallory)?;
    // As long as the client's own messages leave room for: it cuts them at 1024 bytes.
    let long = "a".repeat(900);
    for login in [
        "root",
        "../../etc/passwd",
        "abcdefgh12345-main--app",
        "a\u{fc}b",
        "abcdefgh12345",
        &long,
    ] {
        denied(&ada.named(login))?;
    }
    let password = ada.ssh_with(
        &["-o", "PreferredAuthentications=password,keyboard-interactive"],
        &["id"],
        b"",
    )?;
    ensure!(
        password.stderr.contains("Permission denied"),
        "a password is asked for: {password:?}"
    );
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff",
        &[0; 70_000],
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", host.port))?;
        // It may be closed half-way.
        let _ = stream.write_all(garbage);
    }
    ada.ssh(&["true"])?.ok()?;
    Ok(())
}

/// A session goes on when guised is killed, and the next guised finds the gateway.
fn survives_guised(site: &Site<'_>, ada: &Person) -> Result<()> {
    let mut session = ada.command(&[], &["read line; echo got $line"]).spawn()?;
    std::thread::sleep(Duration::from_secs(2));
    site.guise.kill_daemon()?;
    session
        .stdin
        .take()
        .context("the session has an input")?
        .write_all(b"this\n")?;
    let mut said = String::new();
    session
        .stdout
        .take()
        .context("the session has an output")?
        .read_to_string(&mut said)?;
    session.wait()?;
    ensure!(said == "got this\n", "without guised the session says {said:?}");
    site.guise.start()?;
    ada.ssh(&["true"])?.ok()?;
    Ok(())
}
