//! A public authority's certificates: Debian's pebble stands for it, and sees the hosts through a DNS of its own.

use crate::MARKED;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Marked, Repository, write_plain_site};
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The guise of this journey, which speaks TLS and has a domain that an authority could know.
const SECURED: Marked = Marked {
    name: "guise-test-acme",
    link_prefix: "gw",
    network: Ipv4Addr::new(169, 254, 176, 0),
    id_base: 0x4800_0000,
    pool_bytes: MARKED.pool_bytes,
};
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
/// How long certificates are valid, in seconds: renewed when a third of it is left.
const VALID: u64 = 45;

/// Where the edge listens, and where the authority looks for `http-01`.
#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    https: u16,
    looked_at: u16,
}

pub fn certifies(other: &Guise) -> Result<()> {
    let guise = Guise::prepare(other.program(), &SECURED)?;
    let directory = guise.directory().join("pebble");
    fs::create_dir_all(&directory)?;
    let ports = Ports {
        http: free()?,
        https: free()?,
        looked_at: free()?,
    };
    certify_pebble(&directory)?;
    // At first nobody answers where it looks over HTTP: TLS must do.
    let pebble = Pebble::start(&directory.join("closed"), ports)?;
    configure(&guise, ports, &pebble)?;
    guise.start()?;
    let repository = Repository::create(&guise.directory().join("site"))?;
    write_plain_site(&repository)?;
    repository.commit("Begin")?;
    let root = repository.root();
    guise.run(root, &["up"])?.ok()?;
    let first = await_certificate(&guise, root, "", PATIENCE)?;
    let host = first["hosts"][0]
        .as_str()
        .context("a certificate without a host")?;
    let issuer = issuer(ports.https, host)?;
    ensure!(
        issuer.contains("Pebble"),
        "{host} is served with one of {issuer:?}"
    );
    // It is renewed by itself.
    let id = first["id"].as_str().context("a certificate without an id")?;
    await_certificate(&guise, root, id, Duration::from_secs(VALID) + PATIENCE)?;
    guise.kill_daemon()?;
    drop(pebble);

    // Another authority, which looks over HTTP: another account.
    let pebble = Pebble::start(
        &directory.join("open"),
        Ports {
            looked_at: ports.http,
            https: free()?,
            ..ports
        },
    )?;
    configure(&guise, ports, &pebble)?;
    guise.start()?;
    guise
        .run(root, &["environment", "branch", "other", "main"])?
        .ok()?;
    let is_of_other = |found: &Value| {
        let hosts = found["hosts"].as_array().into_iter().flatten();
        hosts
            .filter_map(Value::as_str)
            .any(|host| host.starts_with("other-"))
    };
    until("the branch has a certificate", PATIENCE, || {
        let found = certificates(&guise, root)?;
        Ok(found.iter().any(|found| is_of_other(found) && found["id"] != ""))
    })?;
    drop(pebble);

    // The authority is gone: the list says so, and the site is served.
    guise
        .run(root, &["environment", "branch", "refused", "main"])?
        .ok()?;
    until("the list says what is wrong", PATIENCE, || {
        let found = certificates(&guise, root)?;
        Ok(found.iter().any(|found| {
            let problem = found["problem"].as_str().unwrap_or_default();
            problem.contains("speaking to the authority") && problem.contains("tried again in")
        }))
    })
}

fn certificates(guise: &Guise, root: &Path) -> Result<Vec<Value>> {
    let listed = guise.json(root, &["certificate", "list"])?;
    listed
        .as_array()
        .cloned()
        .context("certificate list prints no list")
}

/// The first certificate of an authority that is another than `id`.
fn await_certificate(guise: &Guise, root: &Path, id: &str, patience: Duration) -> Result<Value> {
    let mut last = Value::Null;
    until("there is a certificate", patience, || {
        let found = certificates(guise, root)?;
        let found = found.into_iter().find(|found| found["source"] == "acme");
        last = found.unwrap_or_default();
        Ok(last["id"]
            .as_str()
            .is_some_and(|found| !found.is_empty() && found != id))
    })
    .with_context(|| format!("what there is: {last}"))?;
    Ok(last)
}

fn until(what: &str, patience: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        ensure!(begun.elapsed() < patience, "not within {patience:?}: {what}");
        sleep(PAUSE);
    }
    Ok(())
}

fn issuer(port: u16, host: &str) -> Result<String> {
    let address = format!("127.0.0.1:{port}");
    let shown = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", host])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = shown.lines().find(|line| line.starts_with("issuer="));
    line.map(str::to_owned).context("no certificate was shown")
}

fn free() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// What is set apart from what every guise of a test has.
fn configure(guise: &Guise, ports: Ports, pebble: &Pebble) -> Result<()> {
    let path = guise.state().join("config.toml");
    let kept = fs::read_to_string(&path)?;
    let instance = kept.find("[instance]").context("a guise without [instance]")?;
    let instance = kept[instance..].split("[acme]").next().unwrap_or_default();
    let (http, https) = (ports.http, ports.https);
    let (directory, ca) = (
        &pebble.directory,
        certificate_of(&guise.directory().join("pebble")),
    );
    fs::write(
        &path,
        format!(
            "edge_listen = \"127.0.0.1:{http}\"\nedge_listen_tls = \"127.0.0.1:{https}\"\npool_bytes = {}\ndomain = \"sites.example\"\n\n{instance}\n[acme]\ndirectory = \"{directory}\"\nca = \"{}\"\n",
            SECURED.pool_bytes,
            ca.display()
        ),
    )?;
    Ok(())
}

fn certificate_of(directory: &Path) -> PathBuf {
    directory.join("pebble.pem")
}

/// What pebble's own API is served with.
fn certify_pebble(directory: &Path) -> Result<()> {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
                 -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
                 -keyout pebble.key -out pebble.pem";
    let made = Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(directory)
        .output()?;
    ensure!(
        made.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}

/// An authority and the DNS that it asks; both end when it is dropped.
struct Pebble {
    directory: String,
    processes: Vec<Child>,
}

impl Pebble {
    fn start(files: &Path, ports: Ports) -> Result<Self> {
        fs::create_dir_all(files)?;
        let (api, management, dns) = (free()?, free()?, free()?);
        let certificates = files.parent().context("no directory above")?;
        let configuration = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{}", free()?),
            "certificate": certificate_of(certificates),
            "privateKey": certificates.join("pebble.key"),
            "httpPort": ports.looked_at,
            "tlsPort": ports.https,
            "certificateValidityPeriod": VALID,
        }});
        let file = files.join("pebble.json");
        fs::write(&file, configuration.to_string())?;
        let mut started = Self {
            directory: format!("https://localhost:{api}/dir"),
            processes: Vec::new(),
        };
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-dns01", &format!("127.0.0.1:{dns}"), "-management"]);
        names.arg(format!("127.0.0.1:{management}"));
        names.args([
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-defaultIPv6",
            "",
        ]);
        let mut pebble = Command::new("pebble");
        pebble.args(["-dnsserver", &format!("127.0.0.1:{dns}"), "-config"]);
        pebble.arg(&file).env("PEBBLE_VA_NOSLEEP", "1");
        for command in [&mut names, &mut pebble] {
            let log = fs::File::create(files.join(format!("{}.log", started.processes.len())))?;
            command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null());
            let child = command.spawn();
            started
                .processes
                .push(child.context("the Debian package pebble is missing")?);
        }
        until("pebble answers", PATIENCE, || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, api)).is_ok())
        })?;
        Ok(started)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
