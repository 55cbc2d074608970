//! Programs of others at the six points of a container's life (runtime-spec, config.md, "POSIX-platform Hooks").
//!
//! They get the container's state on standard input. Which point waits for which process, and what a failure ends, is said where
//! `run` is called: `create`, `init`, `start` and `delete`.

use crate::show;
use crate::state::{State, Status};
use oci_spec::runtime::{Hook, Hooks};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// When hooks run, in the order of a container's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// By the runtime, when the file tree stands but is not yet the root; deprecated, but in use.
    Prestart,
    /// As `Prestart`, after it.
    CreateRuntime,
    /// In the container's namespaces, with the host's programs still in sight.
    CreateContainer,
    /// In the container, in the place of the program that is about to start.
    StartContainer,
    /// By the runtime, when the program runs.
    Poststart,
    /// By the runtime, when the container is deleted.
    Poststop,
}

impl Point {
    /// The hooks that the configuration has for this point.
    pub fn hooks(self, hooks: Option<&Hooks>) -> &[Hook] {
        let Some(hooks) = hooks else { return &[] };
        let list = match self {
            Self::Prestart => hooks.prestart(),
            Self::CreateRuntime => hooks.create_runtime(),
            Self::CreateContainer => hooks.create_container(),
            Self::StartContainer => hooks.start_container(),
            Self::Poststart => hooks.poststart(),
            Self::Poststop => hooks.poststop(),
        };
        list.as_deref().unwrap_or_default()
    }

    fn status(self) -> Status {
        match self {
            Self::Prestart | Self::CreateRuntime | Self::CreateContainer => Status::Creating,
            Self::StartContainer => Status::Created,
            Self::Poststart => Status::Running,
            Self::Poststop => Status::Stopped,
        }
    }
}

/// The name as in config.json.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prestart => "prestart",
            Self::CreateRuntime => "createRuntime",
            Self::CreateContainer => "createContainer",
            Self::StartContainer => "startContainer",
            Self::Poststart => "poststart",
            Self::Poststop => "poststop",
        })
    }
}

/// A hook failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It could not be run.
    #[error("running the {point} hook {path}: {source}", path = path.display())]
    Run {
        /// When.
        point: Point,
        /// The program.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with a failure.
    #[error("the {point} hook {path} failed: {status}", path = path.display())]
    Failed {
        /// When.
        point: Point,
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// It took longer than its own timeout allows, and was killed.
    #[error("the {point} hook {path} was killed after its timeout of {seconds} s", path = path.display())]
    TimedOut {
        /// When.
        point: Point,
        /// The program.
        path: PathBuf,
        /// The timeout.
        seconds: u64,
    },
}

/// The state that hooks are told, and the environment of those that have none of their own.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The container.
    pub record: &'a State,
    /// `None`: the runtime's own environment.
    pub environment: Option<&'a [String]>,
}

impl Told<'_> {
    /// Runs the hooks of a point one after the other; the first that fails is the last.
    ///
    /// # Errors
    /// [`HookError`].
    pub fn run(&self, point: Point, hooks: Option<&Hooks>) -> Result<(), HookError> {
        let mut hooks = point.hooks(hooks).iter();
        hooks.try_for_each(|hook| self.run_one(point, hook))
    }

    /// Runs all hooks of a point, whatever the others do, and returns what went wrong.
    pub fn run_all(&self, point: Point, hooks: Option<&Hooks>) -> Vec<HookError> {
        let hooks = point.hooks(hooks).iter();
        hooks.filter_map(|hook| self.run_one(point, hook).err()).collect()
    }

    fn run_one(&self, point: Point, hook: &Hook) -> Result<(), HookError> {
        let path = hook.path();
        let failed = |source| HookError::Run {
            point,
            path: path.clone(),
            source,
        };
        let mut child = self.command(hook).spawn().map_err(failed)?;
        self.tell(point, &mut child).map_err(failed)?;
        let seconds = hook.timeout().and_then(|seconds| u64::try_from(seconds).ok());
        let Some(status) = wait(&mut child, seconds).map_err(failed)? else {
            return Err(HookError::TimedOut {
                point,
                path: path.clone(),
                seconds: seconds.unwrap_or(0),
            });
        };
        if status.success() {
            return Ok(());
        }
        Err(HookError::Failed {
            point,
            path: path.clone(),
            status,
        })
    }

    fn command(&self, hook: &Hook) -> Command {
        let mut command = Command::new(hook.path());
        if let Some((name, arguments)) = hook.args().as_deref().and_then(<[String]>::split_first) {
            command.arg0(name).args(arguments);
        }
        if let Some(environment) = hook.env().as_deref().or(self.environment) {
            let pairs = environment.iter().filter_map(|entry| entry.split_once('='));
            command.env_clear().envs(pairs);
        }
        command.stdin(Stdio::piped());
        command
    }

    /// A state is shorter than what a pipe takes at once (annotations aside), so a hook that does not read does not stop us.
    fn tell(&self, point: Point, child: &mut Child) -> std::io::Result<()> {
        let Some(mut input) = child.stdin.take() else {
            return Ok(());
        };
        match input.write_all(show::describe(self.record, point.status()).to_string().as_bytes()) {
            // It has ended or closed its input: it did not want to know.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            answer => answer,
        }
    }
}

/// `None` when it had to be killed.
fn wait(child: &mut Child, seconds: Option<u64>) -> std::io::Result<Option<ExitStatus>> {
    let Some(seconds) = seconds else {
        return child.wait().map(Some);
    };
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
