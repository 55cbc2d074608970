//! The child: from a fresh clone to PID 1 waiting at its gate, and on to its program.
//!
//! Parent and child speak over a pair of sockets. `Go`: ids, cgroup and trees are ready. `Mounted`, if the parent has hooks to run
//! now: the tree stands; it is answered by another `Go`. `Ready`: the child is set up. `Commit`: the container is recorded, the
//! child may outlive the parent. An end of the conversation before that ends the child.

use crate::config::Config;
use crate::console::{self, ConsoleError};
use crate::gate::{self, GateError};
use crate::hook::{HookError, Point, Told};
use crate::identity::{self, IdentityError, Program};
use crate::rootfs::{self, Plan, RootfsError};
use crate::seccomp::{self, Filter};
use crate::state::{Init, State};
use guise_sys::namespace::{self, Namespaces};
use guise_sys::{Errno, identity as sys_identity, loopback, process, socket};
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A message between parent and child.
pub const GO: &[u8] = b"go";
/// See the module.
pub const MOUNTED: &[u8] = b"mounted";
/// See the module.
pub const READY: &[u8] = b"ready";
/// See the module.
pub const COMMIT: &[u8] = b"commit";

/// Setting up the inside failed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The parent has ended, so there is nobody to be set up for.
    #[error("the runtime that was making this container has ended")]
    Abandoned,
    /// A namespace could not be entered.
    #[error("entering the {kind} namespace: {source}")]
    Enter {
        /// Its kind.
        kind: Namespaces,
        /// Why.
        source: Errno,
    },
    /// The ids of the new user namespace could not be taken on.
    #[error("becoming root of the container's user namespace: {source}")]
    BecomeRoot {
        /// Why.
        source: Errno,
    },
    /// A property could not be set.
    #[error("setting {property}: {source}")]
    Set {
        /// Which.
        property: &'static str,
        /// Why.
        source: Errno,
    },
    /// A kernel parameter could not be set.
    #[error("setting kernel parameter {key} to {value:?}: {source}")]
    Sysctl {
        /// Its name, dotted.
        key: String,
        /// Its value.
        value: String,
        /// Why.
        source: std::io::Error,
    },
    /// A clock could not be shifted.
    #[error("shifting the {clock} clock by {seconds} s and {nanoseconds} ns: {source}")]
    ShiftClock {
        /// Its name.
        clock: String,
        /// How far.
        seconds: i64,
        /// And further.
        nanoseconds: u32,
        /// Why; `EINVAL`: no such clock; `ERANGE`: it would be before its beginning.
        source: std::io::Error,
    },
    /// The terminal.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The file tree.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A hook.
    #[error(transparent)]
    Hook(#[from] HookError),
}

/// All that the child inherits.
pub struct Inheritance<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What will be mounted.
    pub plan: &'a Plan,
    /// The compiled filter.
    pub filter: Option<&'a Filter>,
    /// Namespaces to join, opened.
    pub joined: &'a [(Namespaces, OwnedFd)],
    /// The child's end of the pair.
    pub parent: BorrowedFd<'a>,
    /// The parent's end, to be closed in the child: it would never see the parent go otherwise. In a cell, since both
    /// have it under the same number, and neither may have a second one.
    pub parents_end: &'a Cell<Option<OwnedFd>>,
    /// The gate.
    pub gate: BorrowedFd<'a>,
    /// Where the terminal's master goes.
    pub console: Option<BorrowedFd<'a>>,
    /// How many descriptors from 3 on the program gets.
    pub preserved: u32,
    /// What hooks are told.
    pub record: &'a State,
}

/// Whether the parent has hooks to run between `Mounted` and `Ready`.
pub fn waits_for_hooks(config: &Config) -> bool {
    let hooks = config.spec.hooks().as_ref();
    [Point::Prestart, Point::CreateRuntime]
        .iter()
        .any(|point| !point.hooks(hooks).is_empty())
}

/// The child's whole life before its program. Returns only on failure, with the exit status.
pub fn run(inheritance: Inheritance<'_>) -> u8 {
    let parent = inheritance.parent;
    match prepare(inheritance) {
        Ok(never) => never,
        Err(error) => {
            // If the parent is gone there is nobody to tell.
            let _ = socket::send(parent, error.to_string().as_bytes());
            1
        }
    }
}

fn prepare(inheritance: Inheritance<'_>) -> Result<u8, InitError> {
    let Inheritance {
        config,
        plan,
        filter,
        joined,
        parent,
        parents_end,
        gate,
        console,
        preserved,
        record,
    } = inheritance;
    drop(parents_end.take());
    expect(parent, GO)?;
    shift_clocks(config)?;
    become_root(config)?;
    enter_namespaces(config, joined)?;
    name_host(config)?;
    write_sysctls(config)?;
    rootfs::assemble(plan, config)?;
    if waits_for_hooks(config) {
        tell(parent, MOUNTED)?;
        expect(parent, GO)?;
    }
    run_hooks(Point::CreateContainer, config, record)?;
    let new_session = rustix::process::setsid();
    new_session.map_err(|source| InitError::Set {
        property: "a new session",
        source,
    })?;
    if let Some(console) = console {
        console::give(plan.root.tree.as_fd(), &config.process, console)?;
    }
    rootfs::enter(plan, config)?;
    let last_filter = identity::assume(&config.process, &config.linux, filter, parent)?;
    let program = Program::find(&config.process)?;
    let last_filter = seccomp::load_with_listener(last_filter, parent).map_err(IdentityError::from)?;
    tell(parent, READY)?;
    expect(parent, COMMIT)?;

    let starter = gate::wait(gate)?;
    if let Err(error) = run_hooks(Point::StartContainer, config, record) {
        let _ = socket::send(starter.as_fd(), error.to_string().as_bytes());
        return Ok(1);
    }
    let error = program.run(last_filter, preserved);
    let _ = socket::send(starter.as_fd(), error.to_string().as_bytes());
    Ok(error.exit_status())
}

/// The process's own hooks; the number they are told is the one it has inside.
fn run_hooks(point: Point, config: &Config, record: &State) -> Result<(), InitError> {
    let hooks = config.spec.hooks().as_ref();
    if point.hooks(hooks).is_empty() {
        return Ok(());
    }
    let record = State {
        init: Some(Init {
            pid: rustix::process::getpid().as_raw_nonzero().get(),
            started: 0,
        }),
        ..record.clone()
    };
    let environment = match point {
        Point::StartContainer => config.process.env().as_deref(),
        _ => None,
    };
    let told = Told {
        record: &record,
        environment,
    };
    Ok(told.run(point, hooks)?)
}

fn tell(parent: BorrowedFd<'_>, message: &[u8]) -> Result<(), InitError> {
    socket::send(parent, message).map_err(|_| InitError::Abandoned)
}

fn expect(parent: BorrowedFd<'_>, message: &[u8]) -> Result<(), InitError> {
    let mut buffer = [0; 16];
    match socket::receive(parent, &mut buffer) {
        Ok(length) if buffer.get(..length) == Some(message) => Ok(()),
        _ => Err(InitError::Abandoned),
    }
}

/// A new time namespace gets its offsets before anybody is in it; this process enters it with its exec (Linux 6.3). To be done while
/// the files of /proc/self still belong to this process's id.
fn shift_clocks(config: &Config) -> Result<(), InitError> {
    if !config.new.contains(Namespaces::TIME) {
        return Ok(());
    }
    let kind = Namespaces::TIME;
    namespace::unshare(kind).map_err(|source| InitError::Enter { kind, source })?;
    for (clock, offset) in config.linux.time_offsets().iter().flatten() {
        let (seconds, nanoseconds) = (offset.secs().unwrap_or(0), offset.nanosecs().unwrap_or(0));
        std::fs::write(
            "/proc/self/timens_offsets",
            format!("{clock} {seconds} {nanoseconds}\n"),
        )
        .map_err(|source| InitError::ShiftClock {
            clock: clock.clone(),
            seconds,
            nanoseconds,
            source,
        })?;
    }
    Ok(())
}

/// Until now this process has the host's root id, which has no meaning in its user namespace: files it made would have no owner.
fn become_root(config: &Config) -> Result<(), InitError> {
    if config.has_user_namespace() {
        sys_identity::set_ids(0, 0, &[]).map_err(|source| InitError::BecomeRoot { source })?;
    }
    // No process of the container may look into this one, which still has the host's files in its memory and descriptors.
    process::set_dumpable(false).map_err(|source| InitError::Set {
        property: "not dumpable",
        source,
    })
}

/// The cgroup namespace last of all, and only now: its root is the group the process is in at this moment.
fn enter_namespaces(config: &Config, joined: &[(Namespaces, OwnedFd)]) -> Result<(), InitError> {
    for (kind, fd) in joined.iter().filter(|(kind, _)| *kind != Namespaces::PID) {
        namespace::enter(fd.as_fd(), *kind).map_err(|source| InitError::Enter { kind: *kind, source })?;
    }
    if config.new.contains(Namespaces::CGROUP) {
        let kind = Namespaces::CGROUP;
        namespace::unshare(kind).map_err(|source| InitError::Enter { kind, source })?;
    }
    if config.new.contains(Namespaces::NETWORK) {
        loopback::bring_up().map_err(|source| InitError::Set {
            property: "the loopback link up",
            source,
        })?;
    }
    Ok(())
}

fn name_host(config: &Config) -> Result<(), InitError> {
    if let Some(name) = config.spec.hostname() {
        rustix::system::sethostname(name.as_bytes()).map_err(|source| InitError::Set {
            property: "the host name",
            source,
        })?;
    }
    if let Some(name) = config.spec.domainname() {
        rustix::system::setdomainname(name.as_bytes()).map_err(|source| InitError::Set {
            property: "the domain name",
            source,
        })?;
    }
    Ok(())
}

/// Through the host's /proc, which is still in sight and nobody's but the host's; what is written are the new namespaces' values all
/// the same, for the kernel looks at who opens (CVE-2025-52881: writes to /proc redirected by the container).
fn write_sysctls(config: &Config) -> Result<(), InitError> {
    for (key, value) in config.linux.sysctl().iter().flatten() {
        let failed = |source| InitError::Sysctl {
            key: key.clone(),
            value: value.clone(),
            source,
        };
        let path =
            sysctl_path(key, config).ok_or_else(|| failed(std::io::ErrorKind::PermissionDenied.into()))?;
        std::fs::write(path, value).map_err(failed)?;
    }
    Ok(())
}

/// `None` for a parameter that belongs to the whole machine and not to one of the container's own namespaces.
fn sysctl_path(key: &str, config: &Config) -> Option<PathBuf> {
    let own = |kind| config.new.contains(kind);
    let namespaced = (key.starts_with("net.") && own(Namespaces::NETWORK))
        || ((key.starts_with("fs.mqueue.")
            || key.starts_with("kernel.msg")
            || key.starts_with("kernel.sem")
            || key.starts_with("kernel.shm"))
            && own(Namespaces::IPC));
    let relative = key.replace('.', "/");
    let harmless = !relative.split('/').any(|part| part.is_empty());
    (namespaced && harmless).then(|| Path::new("/proc/sys").join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_of_the_containers_own_namespaces_are_written() {
        let config = Config::check("/b".into(), crate::template::spec()).unwrap();
        assert_eq!(
            sysctl_path("net.ipv4.ip_unprivileged_port_start", &config).unwrap(),
            Path::new("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        );
        for machine_wide in [
            "kernel.core_pattern",
            "vm.overcommit_memory",
            "net..core",
            "net./../kernel",
        ] {
            assert_eq!(sysctl_path(machine_wide, &config), None, "{machine_wide}");
        }
    }
}
