//! The SSH gateway: started as a process of its own, and answered when it asks for somebody.
//!
//! The gateway outlives guised, with the sessions that go through it; a guised that starts finds it by its lock.

mod answer;

use anyhow::{Context, Result, bail};
use guise_platform::Platform;
use guise_sys::process;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Read,
    net::SocketAddr,
    os::{
        fd::AsFd,
        unix::{
            fs::{MetadataExt, PermissionsExt, chown},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a started gateway may take to serve, and a stopped one to end.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);
/// SIGTERM.
const TERM: i32 = 15;

/// How to start a gateway.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The guise binary.
    pub program: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The user and group it runs as, who owns nothing.
    pub id: u32,
}

/// The gateway of this guise.
pub struct Gateway {
    config: GatewayConfig,
    /// Held while one is started; false once none shall be any more.
    wanted: Mutex<bool>,
}

/// A gateway that serves.
struct Serving {
    pid: u32,
    listen: SocketAddr,
}

impl Gateway {
    /// Answers the gateway from now on, and prepares to start it.
    ///
    /// # Errors
    /// When its socket or directory cannot be made.
    pub fn open(config: GatewayConfig, platform: Platform) -> Result<Self> {
        let directory = config.state.join("gateway");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let socket = ask_socket(&config.state);
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = guise_sys::socket::listen(&socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
        chown(&socket, Some(config.id), Some(config.id))?;
        answer::serve(listener, platform, config.id);
        Ok(Self {
            config,
            wanted: Mutex::new(true),
        })
    }

    /// Starts a gateway if none serves, and a new one in the place of one of another program or address.
    ///
    /// # Errors
    /// When it does not serve in time; the message has the end of its log.
    pub fn ensure(&self) -> Result<()> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if !*wanted {
            return Ok(());
        }
        match serving(&self.config.state) {
            Some(serving) if self.is_current(&serving) => return Ok(()),
            Some(_) => stop(&self.config.state),
            None => {}
        }
        let child = self.launch()?;
        self.await_start(child)
    }

    /// Ends the gateway, and lets [`ensure`](Self::ensure) start none any more: the machine is being cleared.
    pub fn stop(&self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = false;
        stop(&self.config.state);
    }

    fn is_current(&self, serving: &Serving) -> bool {
        let file = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let program = format!("/proc/{}/exe", serving.pid);
        serving.listen == self.config.listen && file(Path::new(&program)) == file(&self.config.program)
    }

    fn log(&self) -> PathBuf {
        self.config.state.join("gateway.log")
    }

    fn launch(&self) -> Result<Child> {
        let GatewayConfig {
            program,
            state,
            listen,
            id,
        } = &self.config;
        let log = OpenOptions::new().append(true).create(true).open(self.log())?;
        let child = Command::new(program)
            .args(["gateway", "--listen", &listen.to_string()])
            .arg("--ask")
            .arg(ask_socket(state))
            .arg("--host-key")
            .arg(state.join("gateway/host_key"))
            .arg("--lock")
            .arg(lock(state))
            .args(["--uid", &id.to_string(), "--gid", &id.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A group of its own: a Ctrl-C for guised is none for the gateway.
            .process_group(0)
            .spawn();
        child.with_context(|| format!("cannot start {} gateway", program.display()))
    }

    fn await_start(&self, mut child: Child) -> Result<()> {
        let begun = Instant::now();
        while child.try_wait()?.is_none() && begun.elapsed() < PATIENCE {
            if serving(&self.config.state).is_some_and(|serving| serving.pid == child.id()) {
                // Somebody must wait for it, or a dead gateway would stay a zombie for as long as guised lives.
                std::thread::spawn(move || child.wait());
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        let mut log = File::open(self.log())?;
        let last = guise_platform::last_lines(&mut log, 3)?.join("\n  ");
        bail!("it does not start on {}:\n  {last}", self.config.listen);
    }
}

/// Where the gateway asks. Its directory is one that others may pass through.
fn ask_socket(state: &Path) -> PathBuf {
    state.join("run/gateway.sock")
}

fn lock(state: &Path) -> PathBuf {
    state.join("gateway/lock")
}

/// Which gateway serves: the one that holds the lock has written itself into it.
fn serving(state: &Path) -> Option<Serving> {
    let mut file = File::open(lock(state)).ok()?;
    let Err(TryLockError::WouldBlock) = file.try_lock_shared() else {
        return None;
    };
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let (pid, listen) = text.trim_end().split_once(' ')?;
    Some(Serving {
        pid: pid.parse().ok()?,
        listen: listen.parse().ok()?,
    })
}

/// Ends the gateway of a state directory and waits until it is gone. None is success.
pub fn stop(state: &Path) {
    let Some(found) = serving(state) else { return };
    let Ok(pidfd) = process::open_number(found.pid) else {
        return;
    };
    // If it still serves, the descriptor is of the one that was read, however soon its number is used again.
    if serving(state).is_none_or(|still| still.pid != found.pid) {
        return;
    }
    let _ = process::send_signal(pidfd.as_fd(), TERM);
    let begun = Instant::now();
    while serving(state).is_some() && begun.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE);
    }
}
