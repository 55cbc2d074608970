//! What is remembered of a container between two commands: one directory with a few files per container.
//!
//! ```text
//! ROOT/ID/state.json    this module's record
//! ROOT/ID/config.json   the configuration as it was at create
//! ROOT/ID/start.sock    there until the container was started (see `gate`)
//! ```

use crate::cgroup::Group;
use crate::container::ContainerName;
use guise_sys::Errno;
use oci_spec::runtime::Spec;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nobody made this container.
    #[error("container does not exist")]
    Missing {
        /// Its name.
        id: ContainerName,
    },
    /// Its name is taken.
    #[error("container id is in use; delete it first, or choose another")]
    Taken {
        /// The name.
        id: ContainerName,
    },
    /// Its directory could not be made.
    #[error("making state directory {path}: {source}", path = path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("parsing {path}: {source}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file could not be written.
    #[error("writing {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory could not be removed.
    #[error("removing {path}: {source}", path = path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its tree could not be unmounted.
    #[error("unmounting {path}: {source}", path = path.display())]
    Unmount {
        /// Its root directory.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The process is not running any more, or not yet.
    #[error("container is not running")]
    NotRunning {
        /// Its name.
        id: ContainerName,
    },
    /// Asking for the process failed.
    #[error("opening process {pid}: {source}")]
    OpenProcess {
        /// Its number.
        pid: i32,
        /// Why.
        source: Errno,
    },
}

/// A container's PID 1, told apart from a later process with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// Process id in the runtime's pid namespace.
    pub pid: i32,
    /// Start time in clock ticks after boot (field 22 of /proc/PID/stat).
    pub started: u64,
}

/// The record of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub id: String,
    /// Version of the specification its configuration was written for.
    pub oci_version: String,
    /// The directory with its config.json.
    pub bundle: PathBuf,
    /// Its root directory on the host.
    pub rootfs: PathBuf,
    /// Its PID 1; `None` while it is being made.
    pub init: Option<Init>,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Its control group.
    pub cgroup: Group,
    /// Whether its tree is mounted on its root directory in sight of the host, since it has no mount namespace.
    #[serde(default)]
    pub mounted_outside: bool,
    /// Annotations of its configuration.
    #[serde(default)]
    pub annotations: HashMap<String, String>,
}

/// Where a container is in its life (runtime.md of the specification, and runc's `paused`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being made.
    Creating,
    /// Ready, its program not started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Its PID 1 has ended.
    Stopped,
}

impl State {
    /// The status now.
    pub fn status(&self, directory: &Path) -> Status {
        let Some(init) = self.init else {
            return Status::Creating;
        };
        match init.open() {
            Err(_) => Status::Stopped,
            Ok(_) if directory.join(START_SOCKET).exists() => Status::Created,
            Ok(_) if self.cgroup.is_frozen() => Status::Paused,
            Ok(_) => Status::Running,
        }
    }

    /// A descriptor of its running PID 1.
    ///
    /// # Errors
    /// [`StateError::NotRunning`].
    pub fn open_init(&self, id: &ContainerName) -> Result<OwnedFd, StateError> {
        let missing = || StateError::NotRunning { id: id.clone() };
        self.init
            .ok_or_else(missing)?
            .open()
            .map_err(|error| match error {
                StateError::OpenProcess {
                    source: Errno::SRCH, ..
                } => missing(),
                other => other,
            })
    }
}

impl Init {
    /// The record of a process that is known to live.
    ///
    /// # Errors
    /// [`StateError::Read`].
    pub fn of(pid: Pid) -> Result<Self, StateError> {
        let pid = pid.as_raw_nonzero().get();
        let path = PathBuf::from(format!("/proc/{pid}/stat"));
        let stat = std::fs::read_to_string(&path).map_err(|source| StateError::Read { path, source })?;
        Ok(Self {
            pid,
            started: parse_stat(&stat).map_or(0, |(_, started)| started),
        })
    }

    /// Opens the process, if it lives and is still the same one.
    ///
    /// # Errors
    /// [`StateError::OpenProcess`], with `ESRCH` if it has ended.
    pub fn open(&self) -> Result<OwnedFd, StateError> {
        let ended = |source| StateError::OpenProcess {
            pid: self.pid,
            source,
        };
        let pid = Pid::from_raw(self.pid).ok_or_else(|| ended(Errno::SRCH))?;
        let pidfd = guise_sys::process::open(pid).map_err(ended)?;
        // Opened first and compared then: from now on the number cannot come to mean another process unseen.
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).map_err(|_| ended(Errno::SRCH))?;
        let alive = matches!(parse_stat(&stat), Some((state, started)) if started == self.started && !matches!(state, 'Z' | 'X'));
        if !alive || guise_sys::process::has_ended(pidfd.as_fd()).map_err(ended)? {
            return Err(ended(Errno::SRCH));
        }
        Ok(pidfd)
    }
}

/// State letter and start time. The second field, the program's name, may contain anything, so counting starts behind its last `)`.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

/// File name of the gate's socket.
pub const START_SOCKET: &str = "start.sock";
const STATE: &str = "state.json";
const CONFIG: &str = "config.json";

/// Reserves the name `id` below `root`: only one of two creators at the same time succeeds.
///
/// # Errors
/// [`StateError::Taken`], [`StateError::Create`].
pub fn reserve(root: &Path, id: &ContainerName) -> Result<PathBuf, StateError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StateError::Create { path, source }
    };
    std::fs::create_dir_all(root).map_err(failed(root))?;
    let directory = id.directory(root);
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    match std::fs::create_dir(&directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(StateError::Taken { id: id.clone() }),
        Err(error) => Err(failed(&directory)(error)),
        Ok(()) => {
            std::fs::set_permissions(&directory, permissions).map_err(failed(&directory))?;
            Ok(directory)
        }
    }
}

/// Writes the record, whole or not at all.
///
/// # Errors
/// [`StateError::Write`].
pub fn save(directory: &Path, state: &State) -> Result<(), StateError> {
    save_json(&directory.join(STATE), state)
}

/// Keeps a copy of the configuration, so that later changes in the bundle change nothing.
///
/// # Errors
/// [`StateError::Write`].
pub fn save_config(directory: &Path, spec: &Spec) -> Result<(), StateError> {
    save_json(&directory.join(CONFIG), spec)
}

fn save_json(path: &Path, value: &impl Serialize) -> Result<(), StateError> {
    let failed = |source| StateError::Write {
        path: path.into(),
        source,
    };
    let draft = path.with_extension("draft");
    let text = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    std::fs::write(&draft, text).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}

/// Reads the record of `id` below `root`.
///
/// # Errors
/// [`StateError::Missing`], [`StateError::Read`], [`StateError::Parse`].
pub fn load(root: &Path, id: &ContainerName) -> Result<State, StateError> {
    load_json(&id.directory(root).join(STATE), id)
}

/// Reads the configuration that `id` was created with.
///
/// # Errors
/// As [`load`].
pub fn load_config(root: &Path, id: &ContainerName) -> Result<Spec, StateError> {
    load_json(&id.directory(root).join(CONFIG), id)
}

fn load_json<T: serde::de::DeserializeOwned>(path: &Path, id: &ContainerName) -> Result<T, StateError> {
    let text = std::fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => StateError::Missing { id: id.clone() },
        _ => StateError::Read {
            path: path.into(),
            source,
        },
    })?;
    serde_json::from_slice(&text).map_err(|source| StateError::Parse {
        path: path.into(),
        source,
    })
}

/// Takes away what a container without a mount namespace has mounted on the host.
///
/// # Errors
/// [`StateError::Unmount`].
pub fn unmount(state: &State) -> Result<(), StateError> {
    if !state.mounted_outside {
        return Ok(());
    }
    match guise_sys::mount::detach(&state.rootfs) {
        // It is not mounted, or somebody else took it away.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(source) => Err(StateError::Unmount {
            path: state.rootfs.clone(),
            source,
        }),
    }
}

/// Forgets a container.
///
/// # Errors
/// [`StateError::Remove`].
pub fn remove(root: &Path, id: &ContainerName) -> Result<(), StateError> {
    let path = id.directory(root);
    match std::fs::remove_dir_all(&path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(StateError::Remove { path, source }),
        _ => Ok(()),
    }
}

/// The names of all containers below `root`, sorted.
///
/// # Errors
/// [`StateError::Read`].
pub fn list(root: &Path) -> Result<Vec<ContainerName>, StateError> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        answer => answer.map_err(|source| StateError::Read {
            path: root.into(),
            source,
        })?,
    };
    let mut names: Vec<ContainerName> = entries
        .flatten()
        .filter(|entry| entry.path().join(STATE).exists())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_confuse_the_start_time() {
        let stat = "7 (a) R (b)) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(parse_stat(stat), Some(('S', 4711)));
    }

    #[test]
    fn this_process_is_found_again_and_another_start_time_is_another_process() {
        let me = Init::of(rustix::process::getpid()).unwrap();
        assert!(me.open().is_ok());
        let earlier = Init {
            started: me.started - 1,
            ..me
        };
        assert!(matches!(
            earlier.open(),
            Err(StateError::OpenProcess {
                source: Errno::SRCH,
                ..
            })
        ));
    }

    #[test]
    fn a_name_is_reserved_once() {
        let root = tempfile::tempdir().unwrap();
        let id: ContainerName = "a".parse().unwrap();
        reserve(root.path(), &id).unwrap();
        assert!(matches!(reserve(root.path(), &id), Err(StateError::Taken { .. })));
        assert!(matches!(load(root.path(), &id), Err(StateError::Missing { .. })));
        remove(root.path(), &id).unwrap();
        reserve(root.path(), &id).unwrap();
    }
}
