//! `exec`: one more process in a running container, with no more power than its first.

use crate::cgroup::CgroupError;
use crate::config::{ConfigError, check_process};
use crate::console::{self, ConsoleError};
use crate::container::ContainerName;
use crate::create::{self, CreateError};
use crate::foreground::Foreground;
use crate::identity::{self, IdentityError, Program};
use crate::scheduling::{self, Moment, SchedulingError};
use crate::seccomp::{self, Filter, Filtered, ListenerError, ProfileError};
use crate::state::{self, State, StateError, Status};
use guise_sys::clone::{Child, CloneError, clone3};
use guise_sys::namespace::{self, Namespaces};
use guise_sys::process::Ending;
use guise_sys::{Errno, mount, process, socket};
use oci_spec::runtime::{Linux, Process};
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What `exec` is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// Directory of all state.
    pub root: &'a Path,
    /// The container's name.
    pub id: &'a ContainerName,
    /// The process.
    pub process: Process,
    /// Socket to send the terminal's master to.
    pub console_socket: Option<&'a Path>,
    /// File to write the process's number to.
    pub pid_file: Option<&'a Path>,
    /// How many descriptors from 3 on the process gets.
    pub preserved: u32,
    /// Return as soon as the process runs.
    pub detach: bool,
}

/// A process could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// The process as asked for.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The filter.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The terminal.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The child.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// The pid file.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// Limits of the process.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Processor and disk.
    #[error(transparent)]
    Scheduling(#[from] SchedulingError),
    /// The listener of the filter.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The namespaces of the container could not be seen.
    #[error("reading the namespaces of process {pid}: {source}")]
    ReadNamespaces {
        /// PID 1 of the container.
        pid: i32,
        /// Why.
        source: std::io::Error,
    },
    /// The namespaces could not be entered.
    #[error("entering the container's namespaces ({kinds}): {source}")]
    Enter {
        /// Which.
        kinds: Namespaces,
        /// Why.
        source: Errno,
    },
    /// A step between the two processes failed.
    #[error("{step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// Why.
        source: Errno,
    },
    /// The child could not become the process.
    #[error("{report}")]
    Inside {
        /// What it said.
        report: String,
        /// The status it ended with: 127 if there is no such program, 126 if it cannot be run, else 1.
        status: u8,
    },
}

fn step(step: &'static str) -> impl Fn(Errno) -> ExecError {
    move |source| ExecError::Step { step, source }
}

/// Runs a process in a container and waits for it, unless it is detached.
///
/// # Errors
/// [`ExecError`].
pub fn exec(request: &Request<'_>) -> Result<Ending, ExecError> {
    check_process(&request.process)?;
    let record = state::load(request.root, request.id)?;
    let spec = state::load_config(request.root, request.id)?;
    let init = record.init.ok_or_else(|| StateError::NotRunning {
        id: request.id.clone(),
    })?;
    let pidfd = record.open_init(request.id)?;
    let linux = spec.linux().clone().unwrap_or_default();
    let profile = linux.seccomp().as_ref();
    let store = request.root.join(create::SECCOMP_STORE);
    let filter = profile.map(|profile| Filter::of(profile, &store)).transpose()?;
    let kinds = foreign_namespaces(init.pid)?;
    let console = console::connect(&request.process, request.console_socket)?;
    let (ours, theirs) = socket::pair().map_err(step("making a socket pair"))?;
    let foreground = Foreground::begin().map_err(step("queueing signals"))?;

    // The child is in the container's process list before it has given up the host's power: nobody there may look into it.
    process::set_dumpable(false).map_err(step("becoming not dumpable"))?;
    if kinds.contains(Namespaces::PID) {
        enter(pidfd.as_fd(), Namespaces::PID)?;
    }
    // A container in the host's mount namespace differs by its root alone, which no namespace brings along.
    let root = if kinds.contains(Namespaces::MOUNT) {
        None
    } else {
        Some(open_root(init.pid)?)
    };
    let joining = Joining {
        root: root.as_ref().map(AsFd::as_fd),
        request,
        linux: &linux,
        init: pidfd.as_fd(),
        kinds: kinds.without(Namespaces::PID),
        filter: filter.as_ref(),
        console: console.as_ref().map(AsFd::as_fd),
    };
    let parents_end = ours
        .try_clone()
        .map_err(|_| step("duplicating a socket")(Errno::MFILE))?;
    let child = clone3(Namespaces::NONE, None, || {
        drop(parents_end);
        joining.run(theirs.as_fd())
    })?;
    drop(theirs);
    let filtered = Filtered {
        profile,
        record: &record,
        status: Status::Running,
        pid: child.pid.as_raw_nonzero().get(),
    };
    let started = admit(request, &filtered, &child, ours.as_fd());
    if let Err(error) = started {
        let _ = process::send_signal(child.pidfd.as_fd(), 9);
        let _ = process::wait(child.pidfd.as_fd());
        return Err(error);
    }
    if request.detach {
        return Ok(Ending::Exited(0));
    }
    foreground.wait(&child).map_err(step("waiting for the process"))
}

/// Puts the waiting child under the container's limits, lets it go, and returns when it has become its program.
fn admit(
    request: &Request<'_>,
    filtered: &Filtered<'_>,
    child: &Child,
    channel: BorrowedFd<'_>,
) -> Result<(), ExecError> {
    let State { cgroup, .. } = filtered.record;
    scheduling::move_to_processors(child.pid, &request.process, Moment::Initial)?;
    cgroup.add(child.pid.as_raw_nonzero().get())?;
    scheduling::move_to_processors(child.pid, &request.process, Moment::Final)?;
    scheduling::apply(child.pid, &request.process)?;
    identity::set_limits(
        child.pid,
        request.process.rlimits().as_deref().unwrap_or_default(),
    )?;
    if let Some(path) = request.pid_file {
        create::write_pid_file(path, child)?;
    }
    socket::send(channel, b"go").map_err(step("talking to the new process"))?;
    let mut report = [0; 4096];
    let heard = seccomp::receive(channel, &mut report, |listener| filtered.hand_over(listener))?;
    let length = heard.map_err(step("talking to the new process"))?;
    match report.get(..length).and_then(<[u8]>::split_first) {
        // Closed by becoming the program.
        None => Ok(()),
        Some((status, text)) => Err(ExecError::Inside {
            status: *status,
            report: String::from_utf8_lossy(text).into_owned(),
        }),
    }
}

/// The kinds of namespaces in which process `pid` differs from this one; entering one's own user namespace is refused by the kernel.
fn foreign_namespaces(pid: i32) -> Result<Namespaces, ExecError> {
    let failed = |source| ExecError::ReadNamespaces { pid, source };
    let mut kinds = Namespaces::NONE;
    for (kind, name) in Namespaces::ALL {
        let own = std::fs::metadata(format!("/proc/self/ns/{name}"));
        let other = std::fs::metadata(format!("/proc/{pid}/ns/{name}"));
        let (own, other) = match (own, other) {
            // A kernel without this kind.
            (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => continue,
            (own, other) => (own.map_err(failed)?, other.map_err(failed)?),
        };
        if (own.dev(), own.ino()) != (other.dev(), other.ino()) {
            kinds = kinds.with(kind);
        }
    }
    Ok(kinds)
}

fn open_root(pid: i32) -> Result<OwnedFd, ExecError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())
        .map_err(step("opening the root of the container's first process"))
}

fn enter(pidfd: BorrowedFd<'_>, kinds: Namespaces) -> Result<(), ExecError> {
    namespace::enter_process(pidfd, kinds).map_err(|source| ExecError::Enter { kinds, source })
}

/// The child: what it needs to join.
struct Joining<'a> {
    request: &'a Request<'a>,
    linux: &'a Linux,
    init: BorrowedFd<'a>,
    kinds: Namespaces,
    root: Option<BorrowedFd<'a>>,
    filter: Option<&'a Filter>,
    console: Option<BorrowedFd<'a>>,
}

impl Joining<'_> {
    fn run(self, parent: BorrowedFd<'_>) -> u8 {
        let (status, text) = match self.join(parent) {
            Ok(error) => (error.exit_status(), error.to_string()),
            Err(error) => (1, error.to_string()),
        };
        let mut report = vec![status];
        report.extend(text.bytes().take(4000));
        let _ = socket::send(parent, &report);
        status
    }

    /// Returns the reason why the program could not be run.
    fn join(&self, parent: BorrowedFd<'_>) -> Result<IdentityError, ExecError> {
        let mut word = [0; 8];
        if socket::receive(parent, &mut word).map_err(step("talking to the runtime"))? == 0 {
            // The runtime was killed before this process was under the container's limits.
            return Err(step("joining the container")(Errno::PIPE));
        }
        if !self.kinds.is_empty() {
            enter(self.init, self.kinds)?;
        }
        if let Some(root) = self.root {
            mount::change_root(root).map_err(step("entering the container's root"))?;
        }
        rustix::process::setsid().map_err(step("starting a session"))?;
        let process = &self.request.process;
        if let Some(receiver) = self.console {
            self.take_terminal(receiver)?;
        }
        let last_filter = identity::assume(process, self.linux, self.filter, parent)?;
        if !self.request.detach {
            // After the change of ids, which would clear it: who stops waiting for the process does not want it any more.
            process::die_with_parent().map_err(step("tying the process to the runtime"))?;
        }
        let program = match Program::find(process) {
            Ok(program) => program,
            Err(error) => return Ok(error),
        };
        let last_filter = seccomp::load_with_listener(last_filter, parent)?;
        Ok(program.run(last_filter, self.request.preserved))
    }

    fn take_terminal(&self, receiver: BorrowedFd<'_>) -> Result<(), ExecError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(c"/", flags, Mode::empty()).map_err(step("opening the container's root"))?;
        Ok(console::give(root.as_fd(), &self.request.process, receiver)?)
    }
}
