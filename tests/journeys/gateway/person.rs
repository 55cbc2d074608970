//! Somebody with a key, and the programs of OpenSSH that they use.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use journeys::Ran;
use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Where people go.
#[derive(Debug, Clone)]
pub struct Host {
    pub port: u16,
    project: String,
    machine_name: String,
    /// File that pins the gateway's key.
    known_hosts: PathBuf,
}

/// Somebody.
#[derive(Debug, Clone)]
pub struct Person {
    pub host: Host,
    pub name: String,
    /// The user name of their connections.
    pub login: String,
    key: PathBuf,
}

/// A forwarded port, closed when dropped.
pub struct Forward {
    pub port: u16,
    ssh: Child,
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.ssh.kill();
        let _ = self.ssh.wait();
    }
}

impl Host {
    /// The gateway of a deployed site, its key read where an operator would.
    pub fn of(site: &Site<'_>) -> Result<Self> {
        let (guise, root) = (site.guise, site.repository.root());
        let project = guise.json(root, &["project", "info"])?;
        let environment = guise.json(root, &["environment", "info"])?;
        let url = project["ssh_url"]
            .as_str()
            .context("the project has no address over SSH")?;
        let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next());
        let port: u16 = port.context("the address has no port")?.parse()?;
        let public = guise.state().join("gateway/host_key.pub");
        let begun = Instant::now();
        while !public.exists() && begun.elapsed() < Duration::from_secs(20) {
            sleep(Duration::from_millis(50));
        }
        let known_hosts = guise.directory().join("known_hosts");
        fs::write(
            &known_hosts,
            format!("[localhost]:{port} {}", fs::read_to_string(&public)?),
        )?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
        Ok(Self {
            port,
            project: text(&project["id"]),
            machine_name: text(&environment["machine_name"]),
            known_hosts,
        })
    }

    /// The repository's address.
    pub fn url(&self) -> String {
        format!("ssh://{0}@localhost:{1}/{0}.git", self.project, self.port)
    }

    /// The same with a colon; the port is an option then.
    pub fn colon(&self) -> String {
        format!("{0}@localhost:{0}.git", self.project)
    }

    /// The app's address.
    pub fn app_url(&self) -> String {
        format!("ssh://{}@localhost:{}", self.login("--app"), self.port)
    }

    fn login(&self, container: &str) -> String {
        match container {
            "" => self.project.clone(),
            container => format!("{}-{}{container}", self.project, self.machine_name),
        }
    }
}

impl Person {
    /// A user with a key and roles.
    pub fn add(host: &Host, site: &Site<'_>, name: &str, roles: &[&str]) -> Result<Self> {
        let person = Self::stranger(host, site, name)?;
        let root = site.repository.root();
        let mut words = vec!["user", "add", name];
        words.extend(roles.iter().flat_map(|role| ["--role", role]));
        site.guise.run(root, &words)?.ok()?;
        let key = person.key.with_extension("pub");
        let key = key.to_str().context("a path in UTF-8")?;
        site.guise
            .run(root, &["ssh-key", "add", "--user", name, key])?
            .ok()?;
        Ok(person)
    }

    /// Somebody with a key that nobody knows.
    pub fn stranger(host: &Host, site: &Site<'_>, name: &str) -> Result<Self> {
        let key = site.guise.directory().join(format!("key-{name}"));
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(&key)
            .status()?;
        ensure!(made.success(), "ssh-keygen fails");
        Ok(Self {
            host: host.clone(),
            name: name.into(),
            login: host.login("--app"),
            key,
        })
    }

    /// The same person on the way to another container: `--app--queue`, or nothing for the repository.
    pub fn at(&self, container: &str) -> Self {
        self.named(&self.host.login(container))
    }

    /// The same person with another user name.
    pub fn named(&self, login: &str) -> Self {
        Self {
            login: login.into(),
            ..self.clone()
        }
    }

    /// A directory for this person's files.
    pub fn directory(&self) -> &Path {
        self.key.parent().unwrap_or(Path::new("/"))
    }

    /// The options that every program of OpenSSH takes.
    fn options(&self) -> Vec<String> {
        let mut options = vec![
            "-F".into(),
            "none".into(),
            "-i".into(),
            self.key.display().to_string(),
        ];
        let known_hosts = format!("UserKnownHostsFile={}", self.host.known_hosts.display());
        for option in [
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "StrictHostKeyChecking=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
            &known_hosts,
        ] {
            options.extend(["-o".into(), option.into()]);
        }
        options
    }

    /// `ssh OPTIONS destination COMMAND`, with pipes.
    pub fn command(&self, options: &[&str], command: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(self.options())
            .args(["-p", &self.host.port.to_string(), "-l", &self.login])
            .args(options)
            .args(["--", "localhost"])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        ssh
    }

    /// Runs a command there, without input.
    pub fn ssh(&self, command: &[&str]) -> Result<Ran> {
        self.ssh_with(&[], command, b"")
    }

    /// Runs a command there, with options and input.
    pub fn ssh_with(&self, options: &[&str], command: &[&str], input: &[u8]) -> Result<Ran> {
        let mut child = self.command(options, command).spawn()?;
        // Who is refused reads none of it.
        let _ = child.stdin.take().context("an input")?.write_all(input);
        Ok(child.wait_with_output()?.into())
    }

    /// Runs a command there on a terminal that was prepared here.
    pub fn in_terminal(&self, prepare: &str, command: &str) -> Result<String> {
        let command: Vec<&str> = Some(command)
            .filter(|command| !command.is_empty())
            .into_iter()
            .collect();
        let ssh = self.command(&["-t"], &command);
        let words: Vec<String> = std::iter::once(ssh.get_program())
            .chain(ssh.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let line = format!("{prepare}; {}", words.join(" "));
        let mut script = Command::new("script")
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        script.stdin.take().context("an input")?.write_all(b"exit\n")?;
        let output = script.wait_with_output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// git in a directory, by this person's ssh.
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> Result<Ran> {
        let ssh = format!("ssh -p {} {}", self.host.port, self.options().join(" "));
        let output = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .current_dir(directory)
            .env("GIT_SSH_COMMAND", ssh)
            .output()?;
        Ok(output.into())
    }

    /// scp, sftp or rsync with their words; `HOST` in them is where this person goes.
    pub fn copy(&self, program: &str, words: &[&str], input: &[u8]) -> Result<Ran> {
        let destination = format!("{}@localhost", self.login);
        let words = words.iter().map(|word| word.replace("HOST", &destination));
        let mut command = Command::new(program);
        match program {
            "rsync" => {
                let ssh = format!("ssh -p {} {}", self.host.port, self.options().join(" "));
                command.args(["-e", &ssh])
            }
            _ => command
                .args(self.options())
                .args(["-P", &self.host.port.to_string()]),
        };
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let _ = child.stdin.take().context("an input")?.write_all(input);
        Ok(child.wait_with_output()?.into())
    }

    /// Forwards a port of this machine to where the app sees `to`.
    pub fn forward(&self, to: &str, to_port: &str) -> Result<Forward> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let forward = format!("127.0.0.1:{port}:{to}:{to_port}");
        let ssh = self.command(&["-N", "-L", &forward], &[]).spawn()?;
        let forward = Forward { port, ssh };
        let begun = Instant::now();
        // Connecting would already go through.
        while TcpListener::bind(("127.0.0.1", port)).is_ok() {
            ensure!(begun.elapsed() < Duration::from_secs(20), "ssh does not listen");
            sleep(Duration::from_millis(50));
        }
        Ok(forward)
    }
}

/// The resident memory of the gateway of a site's guise, in bytes.
pub fn gateway_memory(site: &Site<'_>) -> Result<u64> {
    let lock = fs::read_to_string(site.guise.state().join("gateway/lock"))?;
    let pid = lock.split(' ').next().unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
}
