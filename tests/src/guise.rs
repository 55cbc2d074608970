//! A guise of one's own: its own state directory, marks, ranges and port, and nothing of it left afterwards.

use crate::{Marks, http};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a daemon may take to answer after it was started.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long the kernel may take over what a torn down guise had mounted.
const TAKEN_APART: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Names and ranges that no other guise of the machine has.
#[derive(Debug, Clone, Copy)]
pub struct Marked {
    /// Name of its table and cgroups, and of its directory in `/var/tmp`.
    pub name: &'static str,
    /// Two letters at the start of its links' names.
    pub link_prefix: &'static str,
    /// First address of its /20.
    pub network: Ipv4Addr,
    /// First host id of its containers.
    pub id_base: u32,
    /// Size of its data pool, in bytes.
    pub pool_bytes: u64,
}

impl Marked {
    /// The address that its containers know this machine by.
    fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() + 1)
    }
}

/// A guise that is removed when this is dropped, whatever happens.
pub struct Guise {
    program: PathBuf,
    marks: Marks,
    /// For work trees and whatever else belongs to whoever uses it.
    directory: PathBuf,
    gateway: Ipv4Addr,
    /// Held as long as the marks are in use.
    _lock: fs::File,
}

/// How a command went.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it remarked.
    pub stderr: String,
}

impl Ran {
    /// What it printed, if it succeeded.
    ///
    /// # Errors
    /// When it did not; the message has everything it said.
    pub fn ok(self) -> Result<String> {
        ensure!(
            self.code == Some(0),
            "exit code {:?}\n{}{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self.stdout)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// The guise program that cargo built beside the program which runs: `target/debug/guise` for
/// `target/debug/xtask` and `target/debug/deps/journeys-…`.
///
/// # Errors
/// When there is none.
pub fn program_beside() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let mut directories = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("guise"));
    directories
        .find(|program| program.is_file())
        .context("guise is not built: cargo build -p guise")
}

impl Guise {
    /// Prepares the directory and the settings; the daemon is started by `guise up` or [`Guise::start`].
    ///
    /// # Errors
    /// When another run uses the same marks, or something of an earlier run cannot be removed.
    pub fn prepare(program: &Path, marked: &Marked) -> Result<Self> {
        let directory = Path::new("/var/tmp").join(marked.name);
        let lock = lock(marked.name)?;
        let state = directory.join("state");
        let marks = Marks {
            state,
            name: marked.name.into(),
            link_prefix: marked.link_prefix.into(),
        };
        let guise = Self {
            program: program.into(),
            marks,
            directory,
            gateway: marked.gateway(),
            _lock: lock,
        };
        guise.remove().context("cannot remove what an earlier run left")?;
        fs::create_dir_all(&guise.marks.state)?;
        fs::write(guise.marks.state.join("config.toml"), settings(marked)?)?;
        Ok(guise)
    }

    /// The program that is tried.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The address that containers know this machine by, at which they may hand mail to port 25.
    pub fn gateway(&self) -> Ipv4Addr {
        self.gateway
    }

    /// Where work trees can be made.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its state directory.
    pub fn state(&self) -> &Path {
        &self.marks.state
    }

    /// `guise ARGUMENTS`, to be run in `directory`.
    pub fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--state")
            .arg(self.state())
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null());
        for variable in ["GUISE_STATE", "PLATFORM_PROJECT", "PLATFORM_BRANCH"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `guise ARGUMENTS` in `directory`.
    ///
    /// # Errors
    /// When it cannot be run; failing is none.
    pub fn run(&self, directory: &Path, arguments: &[&str]) -> Result<Ran> {
        let output = self.command(directory, arguments).output();
        Ok(output
            .with_context(|| format!("cannot run {}", self.program.display()))?
            .into())
    }

    /// Runs `guise ARGUMENTS --format json` in `directory` and answers what it prints.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub fn json(&self, directory: &Path, arguments: &[&str]) -> Result<Value> {
        let mut with_format = vec!["--format", "json"];
        with_format.extend(arguments);
        let printed = self.run(directory, &with_format)?.ok()?;
        serde_json::from_str(&printed)
            .with_context(|| format!("guise {} printed {printed:?}", arguments.join(" ")))
    }

    /// Starts the daemon, detached, and waits until it answers.
    ///
    /// # Errors
    /// When it does not answer; the message has the end of its log.
    pub fn start(&self) -> Result<()> {
        self.start_with(&[])
    }

    /// Starts the daemon with these variables in its environment.
    ///
    /// # Errors
    /// When it does not answer; the message has the end of its log.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Result<()> {
        let log_path = self.state().join("guised.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path)?;
        let mut daemon = Command::new("setsid");
        daemon
            .arg(&self.program)
            .arg("daemon")
            .arg("--state")
            .arg(self.state())
            .envs(variables.iter().copied());
        let mut child = daemon
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        // Somebody must wait for it, or a killed daemon would stay a zombie.
        std::thread::spawn(move || child.wait());
        let begun = Instant::now();
        while self.daemon_pid().is_err() {
            if begun.elapsed() > START_PATIENCE {
                bail!(
                    "the daemon does not answer:\n{}",
                    fs::read_to_string(&log_path).unwrap_or_default()
                );
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    /// The daemon's process id.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn daemon_pid(&self) -> Result<u64> {
        self.status()?["pid"].as_u64().context("the status has no pid")
    }

    /// The daemon's status.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        self.json(&self.directory, &["daemon", "status"])
    }

    /// Kills the daemon as nothing could prevent.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_daemon(&self) -> Result<()> {
        let pid = self.daemon_pid()?;
        let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
        ensure!(killed.success(), "cannot kill the daemon");
        while Path::new(&format!("/proc/{pid}")).exists() {
            sleep(PAUSE);
        }
        Ok(())
    }

    /// The URL of the project whose work tree is `directory`.
    ///
    /// # Errors
    /// When it has none.
    pub fn url(&self, directory: &Path) -> Result<String> {
        Ok(self
            .run(directory, &["url", "--primary"])?
            .ok()?
            .trim()
            .to_string())
    }

    /// The page at the URL of the project whose work tree is `directory`.
    ///
    /// # Errors
    /// When it is not answered with status 200.
    pub fn page(&self, directory: &Path) -> Result<String> {
        let response = http::get(&self.url(directory)?)?;
        ensure!(
            response.status == 200,
            "status {}:\n{}",
            response.status,
            response.text()
        );
        Ok(response.text())
    }

    /// Tells the daemon to clear the machine, then looks with one's own eyes.
    ///
    /// # Errors
    /// When something is left; it is removed all the same, and named.
    pub fn close(self) -> Result<()> {
        self.run(&self.directory, &["daemon", "stop", "--teardown"])?
            .ok()
            .context("the teardown failed")?;
        // The kernel takes a file system apart when the last process that used it is gone, and needs a moment for it.
        let end = Instant::now() + TAKEN_APART;
        let mut left = self.marks.find()?;
        while !left.is_empty() && Instant::now() < end {
            sleep(PAUSE);
            left = self.marks.find()?;
        }
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        ensure!(left.is_empty(), "a teardown leaves:\n  {}", names.join("\n  "));
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        self.marks.sweep(&mut |_| ())?;
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Guise {
    fn drop(&mut self) {
        // The daemon knows best how to end its containers; what it does not manage is swept.
        drop(self.run(Path::new("/"), &["daemon", "stop", "--teardown"]));
        if let Err(error) = self.remove() {
            eprintln!("{} is not removed: {error:#}", self.directory.display());
        }
    }
}

/// Two runs with the same marks would tear down each other's containers.
fn lock(name: &str) -> Result<fs::File> {
    let path = Path::new("/run/lock").join(name);
    let file = fs::File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    file.try_lock()
        .with_context(|| format!("another run uses the marks of {name}"))?;
    Ok(file)
}

fn settings(marked: &Marked) -> Result<String> {
    let Marked {
        name,
        link_prefix,
        network,
        id_base,
        pool_bytes,
    } = marked;
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let [port, ssh_port] = listeners.map(|listener| listener.and_then(|listener| listener.local_addr()));
    let (port, ssh_port) = (port?.port(), ssh_port?.port());
    Ok(format!(
        r#"edge_listen = "127.0.0.1:{port}"
ssh_listen = "127.0.0.1:{ssh_port}"
pool_bytes = {pool_bytes}

[instance]
name = "{name}"
link_prefix = "{link_prefix}"
id_base = {id_base}
addresses = {{ network = "{network}", prefix = 20 }}

[mail]
relay = "{relay}"
"#,
        relay = marked.gateway()
    ))
}
