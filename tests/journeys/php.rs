//! What only PHP has: PHP-FPM behind nginx, extensions that are asked for, settings of its own.

use crate::example;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

/// How long a line of mail is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn runs_scripts_as_its_configuration_says(guise: &Guise) -> Result<()> {
    let repository = Repository::copy(&example("php")?, &guise.directory().join("php-settings"))?;
    let root = repository.root();
    let (before, after) = (
        "  extensions: [apcu]",
        "  extensions: [apcu]\n  xdebug: {idekey: guise}",
    );
    repository.replace(".platform.app.yaml", before, after)?;
    repository.commit("Debug")?;
    guise.run(root, &["up"])?.ok()?;
    let url = guise.url(root)?;
    settings_are_those_of_the_app(&url)?;
    scripts_run_where_they_may(guise, &repository, &url).context("scripts")?;
    the_command_line_has_no_limits_of_requests(guise, &repository)?;
    a_request_with_the_key_is_debugged(guise, &repository, &url).context("Xdebug")?;
    a_variable_of_the_environment_goes_before_the_apps(guise, &repository, &url)?;
    mail_reaches_the_relay(guise, &repository).context("mail")?;
    guise.run(root, &["--yes", "project", "delete"])?.ok()?;
    Ok(())
}

fn settings_are_those_of_the_app(url: &str) -> Result<()> {
    let settings: Value = serde_json::from_str(&http::get(&format!("{url}settings"))?.text())?;
    ensure!(settings["program"] == "fpm-fcgi", "{settings}");
    ensure!(settings["memory_limit"] == "96M", "variables.php: {settings}");
    let loaded = settings["extensions"]
        .as_array()
        .context("no list of extensions")?;
    let is_loaded = |name: &str| loaded.iter().any(|extension| extension == name);
    ensure!(is_loaded("apcu") && is_loaded("pdo_mysql"), "{settings}");
    ensure!(!is_loaded("soap") && !is_loaded("xdebug"), "{settings}");
    Ok(())
}

fn scripts_run_where_they_may(guise: &Guise, repository: &Repository, url: &str) -> Result<()> {
    let upload = "echo '<?php echo 6 * 7;' > uploads/evil.php";
    inside(guise, repository, upload)?;
    for (path, status, text) in [
        ("about.php", 200, "This is fpm-fcgi\n"),
        ("uploads/evil.php", 200, "<?php echo 6 * 7;\n"),
        ("uploads/none.php", 404, ""),
        ("style.css", 200, "body"),
        ("any/page", 200, ""),
    ] {
        let answer = http::get(&format!("{url}{path}"))?;
        ensure!(
            answer.status == status && answer.text().contains(text),
            "{path}: {} {:?}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

fn the_command_line_has_no_limits_of_requests(guise: &Guise, repository: &Repository) -> Result<()> {
    let show = r#"php -r 'echo ini_get("memory_limit"), " ", ini_get("max_execution_time"), "\n";'"#;
    let said = inside(guise, repository, show)?;
    ensure!(said == "-1 0\n", "{said}");
    let said = inside(
        guise,
        repository,
        "grep pm.max_children /etc/php/*/fpm/php-fpm.conf",
    )?;
    ensure!(said == "pm.max_children = 10\n", "{said}");
    let log = inside(guise, repository, "grep about.php /var/log/php.access.log")?;
    ensure!(log.contains("GET 200") && log.contains("kB"), "{log}");
    Ok(())
}

/// Listens where a tunnel would end, and prints the first thing that Xdebug says.
const LISTEN: &str = r#"rm -f /run/xdebug-tunnel.sock; php -r '$s = stream_socket_server("unix:///run/xdebug-tunnel.sock");
echo fread(stream_socket_accept($s, 20), 2000);' >/tmp/said & sleep 1;
curl -s -o /dev/null -m 3 http://localhost/about.php -H "Cookie: XDEBUG_SESSION=$1"; kill $! 2>/dev/null
tr '\0' '\n' </tmp/said"#;

fn a_request_with_the_key_is_debugged(guise: &Guise, repository: &Repository, url: &str) -> Result<()> {
    let loaded = |url: &str| -> Result<bool> {
        let settings: Value = serde_json::from_str(&http::get(url)?.text())?;
        Ok(settings["extensions"].to_string().contains("xdebug"))
    };
    ensure!(!loaded(&format!("{url}settings"))?, "a plain request has Xdebug");
    let with_key = format!("{url}settings?XDEBUG_SESSION_START=guise");
    ensure!(loaded(&with_key)?, "a request with the key has no Xdebug");
    let listen = |key: &str| inside(guise, repository, &format!("set -- {key}; {LISTEN}"));
    let said = listen("guise")?;
    ensure!(
        said.contains("about.php") && said.contains("idekey=\"guise\""),
        "Xdebug says {said:?}"
    );
    let said = listen("other")?;
    ensure!(said.is_empty(), "another key is debugged: {said:?}");
    Ok(())
}

fn a_variable_of_the_environment_goes_before_the_apps(
    guise: &Guise,
    repository: &Repository,
    url: &str,
) -> Result<()> {
    let create = "variable create php:memory_limit --level environment --value 80M";
    let words: Vec<&str> = create.split(' ').collect();
    guise.run(repository.root(), &words)?.ok()?;
    let settings: Value = serde_json::from_str(&http::get(&format!("{url}settings"))?.text())?;
    ensure!(settings["memory_limit"] == "80M", "{settings}");
    Ok(())
}

/// PHP's `mail()` of production hands its message to the relay, here one that takes a single message.
fn mail_reaches_the_relay(guise: &Guise, repository: &Repository) -> Result<()> {
    let relay = TcpListener::bind((guise.gateway(), 25)).context("listening as the relay")?;
    let taken = thread::spawn(move || take_message(&relay));
    let send = r#"php -r 'exit(mail("ada@example.org", "Hello", "Sent from PHP", "From: site@example.org") ? 0 : 1);'"#;
    inside(guise, repository, send)?;
    let message = taken.join().ok().context("the relay panicked")??;
    for part in [
        "MAIL FROM:<site@example.org>",
        "RCPT TO:<ada@example.org>",
        "Subject: Hello",
        "Sent from PHP",
    ] {
        ensure!(message.contains(part), "no {part:?} in\n{message}");
    }
    let words = ["environment", "info", "enable_smtp", "false"];
    guise.run(repository.root(), &words)?.ok()?;
    let refused = inside(
        guise,
        repository,
        "echo | /usr/sbin/sendmail ada@example.org 2>&1; echo $?",
    )?;
    ensure!(
        refused.contains("sends no mail") && refused.ends_with("69\n"),
        "{refused}"
    );
    Ok(())
}

/// Says what RFC 5321 wants said, and answers all that it heard.
fn take_message(relay: &TcpListener) -> Result<String> {
    let (mut stream, _) = relay.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 relay\r\n")?;
    let (mut heard, mut is_data) = (String::new(), false);
    for line in lines {
        let line = line?;
        heard.push_str(&line);
        heard.push('\n');
        let answer = match line.as_str() {
            "." => "250 taken",
            _ if is_data => continue,
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 yes",
        };
        is_data = line == "DATA";
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
        if line == "QUIT" {
            break;
        }
    }
    Ok(heard)
}

fn inside(guise: &Guise, repository: &Repository, script: &str) -> Result<String> {
    guise
        .run(
            repository.root(),
            &["exec", "-c", "app", "--", "sh", "-c", script],
        )?
        .ok()
}
