//! `cargo xtask bench ssh`: what goes through the gateway, beside OpenSSH's own sshd on the same loopback.

use crate::{
    bench::{MARKED, Row, print},
    options::Options,
    packages,
    programs::{become_root, build_guise},
};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, write_plain_site};
use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const MEGABYTES: u32 = 500;
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, and how `ssh` gets there.
struct Server {
    port: String,
    user: String,
    key: PathBuf,
}

/// An sshd that ends with this value.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures both, one after the other, again and again, and prints a table.
pub fn ssh(options: &Options) -> Result<()> {
    become_root("make containers")?;
    packages::install(&["openssh-client", "openssh-server"])?;
    let guise = Guise::prepare(&build_guise(true)?, &MARKED)?;
    guise.start()?;
    let key = guise.directory().join("key");
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key))?;
    let gateway = gateway(&guise, &key)?;
    let (sshd, _running) = sshd(guise.directory(), &key)?;
    let mut rows = Vec::new();
    for (server, names) in [
        (
            &gateway,
            ["gateway: up", "gateway: down", "gateway: connect and run true"],
        ),
        (&sshd, ["sshd: up", "sshd: down", "sshd: connect and run true"]),
    ] {
        let [up, down, connect] = names;
        let times = |measure: &dyn Fn() -> Result<f64>| {
            (0..options.repetitions)
                .map(|_| measure())
                .collect::<Result<Vec<_>>>()
        };
        rows.push(row(up, "MB/s", times(&|| server.up())?));
        rows.push(row(down, "MB/s", times(&|| server.down())?));
        rows.push(row(connect, "ms", times(&|| server.connect())?));
    }
    print(&rows);
    Ok(())
}

fn row(name: &'static str, unit: &'static str, samples: Vec<f64>) -> Row {
    Row { name, samples, unit }
}

/// A site's app behind the gateway, with the key of a user who may go there.
fn gateway(guise: &Guise, key: &Path) -> Result<Server> {
    let tree = Repository::create(&guise.directory().join("plain"))?;
    write_plain_site(&tree)?;
    tree.commit("Begin")?;
    guise.run(tree.root(), &["up"])?.ok()?;
    let public = key.with_extension("pub");
    let public = public.to_str().context("a path in UTF-8")?;
    guise
        .run(tree.root(), &["init", "--user", "bench", "--ssh-key", public])?
        .ok()?;
    let url = guise.run(tree.root(), &["ssh", "--pipe"])?.ok()?;
    let (user, host) = url
        .trim()
        .strip_prefix("ssh://")
        .and_then(|rest| rest.split_once('@'))
        .with_context(|| format!("guise ssh --pipe prints {url:?}"))?;
    let (_, port) = host.rsplit_once(':').context("the address has no port")?;
    let server = Server {
        port: port.into(),
        user: user.into(),
        key: key.into(),
    };
    server.await_start()?;
    Ok(server)
}

/// sshd as Debian has it, for root and one key.
fn sshd(directory: &Path, key: &Path) -> Result<(Server, Sshd)> {
    let directory = directory.join("sshd");
    fs::create_dir_all(&directory)?;
    // Where it separates its privileges (sshd(8)).
    fs::create_dir_all("/run/sshd")?;
    let host_key = directory.join("host_key");
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&host_key))?;
    let authorized = directory.join("authorized_keys");
    fs::copy(key.with_extension("pub"), &authorized)?;
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut config = fs::File::create(directory.join("config"))?;
    write!(
        config,
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPermitRootLogin yes\nStrictModes no\nUsePAM no\n",
        host_key.display(),
        authorized.display()
    )?;
    let running = Command::new("/usr/sbin/sshd")
        .arg("-D")
        .arg("-f")
        .arg(directory.join("config"))
        .spawn()?;
    let server = Server {
        port: port.to_string(),
        user: "root".into(),
        key: key.into(),
    };
    let running = Sshd(running);
    server.await_start()?;
    Ok((server, running))
}

impl Server {
    fn await_start(&self) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port.parse()?)).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "nobody listens on port {}", self.port);
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn ssh(&self, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "IdentityAgent=none",
        ])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-i",
        ])
        .arg(&self.key)
        .args(["-p", &self.port, "-l", &self.user, "localhost", command]);
        ssh
    }

    fn up(&self) -> Result<f64> {
        let mut zeros = Command::new("head")
            .args(["-c", &format!("{MEGABYTES}000000"), "/dev/zero"])
            .stdout(Stdio::piped())
            .spawn()?;
        let input = zeros.stdout.take().context("an output")?;
        let rate = speed(self.ssh("cat > /dev/null").stdin(input));
        zeros.wait()?;
        rate
    }

    fn down(&self) -> Result<f64> {
        let command = format!("head -c {MEGABYTES}000000 /dev/zero");
        speed(self.ssh(&command).stdin(Stdio::null()).stdout(Stdio::null()))
    }

    fn connect(&self) -> Result<f64> {
        let begun = Instant::now();
        run(self.ssh("true").stdin(Stdio::null()))?;
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    }
}

/// Megabytes per second of a command that moves them all.
fn speed(command: &mut Command) -> Result<f64> {
    let begun = Instant::now();
    run(command)?;
    Ok(f64::from(MEGABYTES) / begun.elapsed().as_secs_f64())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
