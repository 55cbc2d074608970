//! `create`: from a bundle to a PID 1 that waits to be started.

use crate::cgroup::{self, CgroupError, Group};
use crate::config::{Config, ConfigError};
use crate::console::{self, ConsoleError};
use crate::container::ContainerName;
use crate::gate::{self, GateError};
use crate::hook::{HookError, Point, Told};
use crate::id_map;
use crate::identity::{self, IdentityError};
use crate::init::{self, Inheritance};
use crate::rootfs::{Plan, RootfsError};
use crate::scheduling::{self, SchedulingError};
use crate::seccomp::{self, Filter, Filtered, ListenerError, ProfileError};
use crate::state::{self, Init, State, StateError, Status};
use guise_sys::clone::{Child, CloneError, clone3};
use guise_sys::namespace::{self, Namespaces};
use guise_sys::{Errno, descriptor, process, socket};
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What `create` is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// Directory of all state.
    pub root: &'a Path,
    /// The container's name.
    pub id: &'a ContainerName,
    /// Directory with config.json.
    pub bundle: &'a Path,
    /// Socket to send the terminal's master to.
    pub console_socket: Option<&'a Path>,
    /// How many descriptors from 3 on the container gets.
    pub preserved: u32,
    /// File to write PID 1's number to.
    pub pid_file: Option<&'a Path>,
}

/// A container could not be created; nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The record.
    #[error(transparent)]
    State(#[from] StateError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The file tree.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The filter.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The child.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// Limits of PID 1.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Processor and disk.
    #[error(transparent)]
    Scheduling(#[from] SchedulingError),
    /// The listener of the filter.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// A hook.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A namespace to join could not be opened.
    #[error("opening the {kind} namespace {path}: {source}", path = path.display())]
    OpenNamespace {
        /// Its kind.
        kind: Namespaces,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The terminal.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The child could not be given its ids.
    #[error("{source}; are the ranges of uidMappings and gidMappings whole, disjoint and yours?")]
    MapIds {
        /// What was written, and why not.
        source: std::io::Error,
    },
    /// A file of /proc that sets up the child could not be written.
    #[error("writing {path}: {source}", path = path.display())]
    WriteProc {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The pid file could not be written.
    #[error("writing the pid file {path}: {source}", path = path.display())]
    PidFile {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Talking to the child failed.
    #[error("talking to the container's first process: {source}")]
    Talk {
        /// Why.
        source: Errno,
    },
    /// The child could not set up the inside.
    #[error("{report}")]
    Inside {
        /// What it said.
        report: String,
    },
    /// The child ended without a word.
    #[error("the container's first process ended while it was set up{}", oom_hint(*.limited))]
    Died {
        /// Whether the container has a memory limit.
        limited: bool,
    },
}

fn oom_hint(limited: bool) -> &'static str {
    if limited {
        "; is its memory limit too small?"
    } else {
        ""
    }
}

/// A created container.
#[derive(Debug)]
pub struct Created {
    /// Its PID 1.
    pub child: Child,
}

/// Creates a container.
///
/// # Errors
/// [`CreateError`]; everything made until then is removed.
pub fn create(request: &Request<'_>) -> Result<Created, CreateError> {
    let config = Config::load(request.bundle)?;
    let directory = state::reserve(request.root, request.id)?;
    let mut draft = Draft {
        root: request.root,
        id: request.id,
        cgroup: None,
        child: None,
        done: false,
    };
    let created = build(request, &config, &directory, &mut draft)?;
    draft.done = true;
    Ok(created)
}

/// What was made so far; dropped before it is done, all of it goes.
struct Draft<'a> {
    root: &'a Path,
    id: &'a ContainerName,
    cgroup: Option<Group>,
    child: Option<OwnedFd>,
    done: bool,
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Best effort in the order of dependence; `delete --force` repeats it.
        if let Some(child) = &self.child {
            let _ = process::send_signal(child.as_fd(), 9);
            let _ = process::wait(child.as_fd());
        }
        if let Some(cgroup) = &self.cgroup {
            let _ = cgroup.kill();
            let _ = cgroup.remove();
        }
        if let Ok(record) = state::load(self.root, self.id) {
            let _ = state::unmount(&record);
        }
        let _ = state::remove(self.root, self.id);
    }
}

fn build(
    request: &Request<'_>,
    config: &Config,
    directory: &Path,
    draft: &mut Draft<'_>,
) -> Result<Created, CreateError> {
    let console = console::connect(&config.process, request.console_socket)?;
    let cgroup = place_cgroup(config, request.id)?;
    let mut record = State {
        id: request.id.to_string(),
        oci_version: config.spec.version().clone(),
        bundle: config.bundle.clone(),
        rootfs: config.rootfs(),
        init: None,
        created: crate::clock::now(),
        cgroup: cgroup.clone(),
        mounted_outside: !config.new.contains(Namespaces::MOUNT),
        annotations: config.spec.annotations().clone().unwrap_or_default(),
    };
    // First of all, so that after a crash at any later point it is known what to remove.
    state::save(directory, &record)?;
    state::save_config(directory, &config.spec)?;
    draft.cgroup = Some(cgroup.clone());
    cgroup.create()?;
    if let Some(resources) = config.linux.resources() {
        cgroup.limit(resources)?;
    }
    let filter = config.linux.seccomp().as_ref();
    let filter = filter
        .map(|profile| Filter::of(profile, &request.root.join(SECCOMP_STORE)))
        .transpose()?;
    let plan = Plan::of(config, &cgroup)?;
    let joined = open_namespaces(config)?;
    let gate = gate::listen(directory)?;
    let (ours, theirs) = socket::pair().map_err(|source| CreateError::Talk { source })?;
    let parents_end = Cell::new(Some(ours));
    let inheritance = Inheritance {
        config,
        plan: &plan,
        filter: filter.as_ref(),
        joined: &joined,
        parent: theirs.as_fd(),
        parents_end: &parents_end,
        gate: gate.as_fd(),
        console: console.as_ref().map(AsFd::as_fd),
        preserved: request.preserved,
        record: &record,
    };
    let child = spawn(config, &joined, inheritance)?;
    draft.child = child.pidfd.try_clone().ok();
    drop(theirs);
    let Some(ours) = parents_end.take() else {
        return Err(CreateError::Talk { source: Errno::BADF });
    };

    set_up(config, &child, &plan, &cgroup)?;
    say(ours.as_fd(), init::GO)?;
    record.init = Some(Init::of(child.pid)?);
    if init::waits_for_hooks(config) {
        await_word(ours.as_fd(), init::MOUNTED, config, &record)?;
        run_hooks(config, &record)?;
        say(ours.as_fd(), init::GO)?;
    }
    await_word(ours.as_fd(), init::READY, config, &record)?;
    state::save(directory, &record)?;
    if let Some(path) = request.pid_file {
        write_pid_file(path, &child)?;
    }
    say(ours.as_fd(), init::COMMIT)?;
    Ok(Created { child })
}

/// Name of the directory, beside the containers', with compiled filters. Starts with a character no container name has.
pub const SECCOMP_STORE: &str = "@seccomp";

fn place_cgroup(config: &Config, id: &ContainerName) -> Result<Group, CgroupError> {
    let path = match config.linux.cgroups_path() {
        Some(path) if path.is_absolute() => path.clone(),
        Some(path) if !path.as_os_str().is_empty() => Path::new("/guise").join(path),
        _ => Path::new("/guise").join(id.as_str()),
    };
    cgroup::place(&path, config.linux.resources().as_ref())
}

fn open_namespaces(config: &Config) -> Result<Vec<(Namespaces, OwnedFd)>, CreateError> {
    use rustix::fs::{Mode, OFlags};
    let open = |joined: &crate::config::JoinedNamespace| {
        let fd = rustix::fs::open(&joined.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let failed = |source| CreateError::OpenNamespace {
            kind: joined.kind,
            path: joined.path.clone(),
            source,
        };
        Ok((joined.kind, fd.map_err(failed)?))
    };
    config.joined.iter().map(open).collect()
}

fn spawn(
    config: &Config,
    joined: &[(Namespaces, OwnedFd)],
    inheritance: Inheritance<'_>,
) -> Result<Child, CreateError> {
    // A joined pid namespace is entered by children only, so the parent enters it on the child's behalf.
    for (kind, fd) in joined.iter().filter(|(kind, _)| *kind == Namespaces::PID) {
        namespace::enter(fd.as_fd(), *kind).map_err(|source| CloneError::Clone {
            namespaces: *kind,
            source,
        })?;
    }
    // The cgroup namespace is made by the child once it is in its group; a time namespace takes no offsets once a process is in it.
    let namespaces = config.new.without(Namespaces::CGROUP.with(Namespaces::TIME));
    Ok(clone3(namespaces, None, || init::run(inheritance))?)
}

/// What only the host's root can do for the child.
fn set_up(config: &Config, child: &Child, plan: &Plan, cgroup: &Group) -> Result<(), CreateError> {
    let pid = child.pid.as_raw_nonzero().get();
    cgroup.add(pid)?;
    if config.has_user_namespace() {
        let (uids, gids) = config.id_maps();
        let failed = |source| CreateError::MapIds { source };
        id_map::write(child.pid, uids, gids).map_err(failed)?;
        let user_namespace = id_map::open_namespace(child.pid).map_err(failed)?;
        plan.idmap(user_namespace.as_fd())?;
    }
    if let Some(score) = config.process.oom_score_adj() {
        write_proc(pid, "oom_score_adj", &score.to_string())?;
    }
    identity::set_limits(child.pid, config.process.rlimits().as_deref().unwrap_or_default())?;
    Ok(scheduling::apply(child.pid, &config.process)?)
}

fn write_proc(pid: i32, file: &str, value: &str) -> Result<(), CreateError> {
    let path = PathBuf::from(format!("/proc/{pid}/{file}"));
    std::fs::write(&path, value).map_err(|source| CreateError::WriteProc { path, source })
}

fn say(child: BorrowedFd<'_>, message: &[u8]) -> Result<(), CreateError> {
    socket::send(child, message).map_err(|source| CreateError::Talk { source })
}

fn run_hooks(config: &Config, record: &State) -> Result<(), HookError> {
    let told = Told {
        record,
        environment: None,
    };
    let hooks = config.spec.hooks().as_ref();
    told.run(Point::Prestart, hooks)?;
    told.run(Point::CreateRuntime, hooks)
}

fn await_word(
    child: BorrowedFd<'_>,
    word: &[u8],
    config: &Config,
    record: &State,
) -> Result<(), CreateError> {
    let mut buffer = [0; 4096];
    let filtered = Filtered {
        profile: config.linux.seccomp().as_ref(),
        record,
        status: Status::Creating,
        pid: record.init.map_or(0, |init| init.pid),
    };
    let heard = seccomp::receive(child, &mut buffer, |listener| filtered.hand_over(listener))?;
    let length = heard.map_err(|source| CreateError::Talk { source })?;
    match buffer.get(..length).unwrap_or_default() {
        heard if heard == word => Ok(()),
        [] => Err(CreateError::Died {
            limited: config
                .linux
                .resources()
                .as_ref()
                .is_some_and(|r| r.memory().is_some()),
        }),
        report => Err(CreateError::Inside {
            report: String::from_utf8_lossy(report).into_owned(),
        }),
    }
}

/// Written beside and renamed, as its reader may be waiting for it.
pub fn write_pid_file(path: &Path, child: &Child) -> Result<(), CreateError> {
    let failed = |source| CreateError::PidFile {
        path: path.into(),
        source,
    };
    let draft = path.with_extension("draft");
    std::fs::write(&draft, child.pid.as_raw_nonzero().to_string()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}

/// Closes nothing, but makes sure that no descriptor the caller forgot reaches the container.
///
/// # Errors
/// [`CreateError::Talk`].
pub fn seal_descriptors(preserved: u32) -> Result<(), CreateError> {
    descriptor::fill_stdio().map_err(|source| CreateError::Talk { source })?;
    descriptor::close_on_exec_from(3 + preserved).map_err(|source| CreateError::Talk { source })
}
