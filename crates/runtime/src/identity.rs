//! Becoming the process that config.json describes: ids, capabilities, limits, working directory, and at last the program.
//!
//! PID 1 and `exec` share this, so that a process that joins later has no more power than the first.

use crate::memory_policy::{self, MemoryPolicyError};
use crate::seccomp::{self, Filter, ListenerError};
use guise_sys::identity::{self, Capabilities, CapabilitySet};
use guise_sys::{Errno, descriptor, process as sys_process};
use oci_spec::runtime::{
    Capability, Linux, LinuxCapabilities, LinuxPersonalityDomain, PosixRlimit, PosixRlimitType, Process,
};
use rustix::fs::Mode;
use rustix::process::{Pid, Resource, Rlimit};
use std::collections::HashSet;
use std::ffi::CString;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A step on the way to the program failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// User or group could not be set.
    #[error("becoming user {uid}:{gid}: {}", ids_refusal(*source))]
    SetIds {
        /// User id inside.
        uid: u32,
        /// Group id inside.
        gid: u32,
        /// Why.
        source: Errno,
    },
    /// Capabilities could not be set.
    #[error("setting the {set} capabilities: {source}")]
    SetCapabilities {
        /// Which set.
        set: &'static str,
        /// `EPERM`: more than the runtime has itself.
        source: Errno,
    },
    /// A resource limit could not be set.
    #[error("setting {limit:?}: {source}")]
    SetLimit {
        /// Which.
        limit: PosixRlimitType,
        /// Why.
        source: Errno,
    },
    /// The working directory could not be entered.
    #[error("changing to the working directory {path}: {source}", path = path.display())]
    ChangeDirectory {
        /// The directory.
        path: PathBuf,
        /// Why; `EXDEV`: it is outside the container.
        source: Errno,
    },
    /// A property of the process could not be set.
    #[error("setting {property}: {source}")]
    SetProperty {
        /// Which.
        property: &'static str,
        /// Why.
        source: Errno,
    },
    /// The system call filter could not be loaded, or its listener not be sent.
    #[error(transparent)]
    Filter(#[from] ListenerError),
    /// The memory nodes.
    #[error(transparent)]
    MemoryPolicy(#[from] MemoryPolicyError),
    /// There is no such program.
    #[error("running {program:?}: not found in PATH={path:?}")]
    NotFound {
        /// As given.
        program: String,
        /// Where was looked.
        path: String,
    },
    /// The program could not be run.
    #[error("running {program:?}: {}", exec_refusal(*source))]
    Exec {
        /// As found.
        program: String,
        /// Why.
        source: Errno,
    },
}

impl IdentityError {
    /// The exit status that shells give for it: 127 when there is no such program (or no such interpreter), else 126.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound { .. }
            | Self::Exec {
                source: Errno::NOENT, ..
            } => 127,
            _ => 126,
        }
    }
}

fn ids_refusal(errno: Errno) -> String {
    match errno {
        Errno::INVAL => format!("{errno}: the id has no mapping in the container's user namespace"),
        _ => errno.to_string(),
    }
}

fn exec_refusal(errno: Errno) -> String {
    match errno {
        Errno::NOENT => {
            format!("{errno}: the file, or the interpreter it names, does not exist in the container")
        }
        Errno::ACCESS => format!("{errno}: it is not executable for this user, or is on a mount with noexec"),
        Errno::NOEXEC => format!("{errno}: it is for another architecture, or a script without #! line"),
        _ => errno.to_string(),
    }
}

/// Sets the resource limits of another process: only the host's root may raise them.
///
/// # Errors
/// [`IdentityError::SetLimit`].
pub fn set_limits(pid: Pid, limits: &[PosixRlimit]) -> Result<(), IdentityError> {
    for limit in limits {
        let wanted = Rlimit {
            current: bound(limit.soft()),
            maximum: bound(limit.hard()),
        };
        rustix::process::prlimit(Some(pid), resource(limit.typ()), wanted).map_err(|source| {
            IdentityError::SetLimit {
                limit: limit.typ(),
                source,
            }
        })?;
    }
    Ok(())
}

fn bound(value: u64) -> Option<u64> {
    (value != u64::MAX).then_some(value)
}

fn resource(limit: PosixRlimitType) -> Resource {
    match limit {
        PosixRlimitType::RlimitCpu => Resource::Cpu,
        PosixRlimitType::RlimitFsize => Resource::Fsize,
        PosixRlimitType::RlimitData => Resource::Data,
        PosixRlimitType::RlimitStack => Resource::Stack,
        PosixRlimitType::RlimitCore => Resource::Core,
        PosixRlimitType::RlimitRss => Resource::Rss,
        PosixRlimitType::RlimitNproc => Resource::Nproc,
        PosixRlimitType::RlimitNofile => Resource::Nofile,
        PosixRlimitType::RlimitMemlock => Resource::Memlock,
        PosixRlimitType::RlimitAs => Resource::As,
        PosixRlimitType::RlimitLocks => Resource::Locks,
        PosixRlimitType::RlimitSigpending => Resource::Sigpending,
        PosixRlimitType::RlimitMsgqueue => Resource::Msgqueue,
        PosixRlimitType::RlimitNice => Resource::Nice,
        PosixRlimitType::RlimitRtprio => Resource::Rtprio,
        PosixRlimitType::RlimitRttime => Resource::Rttime,
    }
}

/// Gives up all that the process is not to have. Every step but the last can still be undone only by a more powerful process.
///
/// The filter is loaded here when no_new_privs is off, because loading it then takes a capability that is dropped next; it is
/// returned to be loaded last otherwise. Its listener goes to the runtime at the other end of `channel`.
///
/// # Errors
/// [`IdentityError`].
pub fn assume<'f>(
    process: &Process,
    linux: &Linux,
    filter: Option<&'f Filter>,
    channel: BorrowedFd<'_>,
) -> Result<Option<&'f Filter>, IdentityError> {
    let property = |property| move |source| IdentityError::SetProperty { property, source };
    match identity::new_session_keyring() {
        // Without keyrings, or with them filtered, there is none to be shared.
        Ok(()) | Err(Errno::NOSYS | Errno::PERM) => {}
        Err(source) => return Err(property("a session keyring")(source)),
    }
    if let Some(personality) = linux.personality() {
        let domain = match personality.domain() {
            LinuxPersonalityDomain::PerLinux => 0,
            LinuxPersonalityDomain::PerLinux32 => 8,
        };
        sys_process::set_personality(domain).map_err(property("linux.personality"))?;
    }
    if let Some(policy) = linux.memory_policy() {
        memory_policy::apply(policy)?;
    }
    let no_new_privileges = process.no_new_privileges().unwrap_or(false);
    let last = match filter {
        Some(filter) if !no_new_privileges => {
            seccomp::load(filter, channel)?;
            None
        }
        other => other,
    };
    let capabilities = capabilities(process.capabilities().as_ref());
    drop_bounding(&capabilities)?;
    set_user(process)?;
    set_remaining(&capabilities)?;
    enter_directory(process.cwd())?;
    if no_new_privileges {
        identity::set_no_new_privileges().map_err(property("no_new_privs"))?;
    }
    Ok(last)
}

fn drop_bounding(capabilities: &Capabilities) -> Result<(), IdentityError> {
    identity::limit_bounding(capabilities.bounding).map_err(|source| IdentityError::SetCapabilities {
        set: "bounding",
        source,
    })
}

fn set_user(process: &Process) -> Result<(), IdentityError> {
    let user = process.user();
    let failed = |source| IdentityError::SetIds {
        uid: user.uid(),
        gid: user.gid(),
        source,
    };
    // Leaving id 0 would clear the sets that are to be kept.
    identity::keep_capabilities(true).map_err(failed)?;
    let groups = user.additional_gids().as_deref().unwrap_or_default();
    identity::set_ids(user.uid(), user.gid(), groups).map_err(failed)?;
    identity::keep_capabilities(false).map_err(failed)?;
    rustix::process::umask(Mode::from_raw_mode(user.umask().unwrap_or(0o022)));
    Ok(())
}

fn set_remaining(capabilities: &Capabilities) -> Result<(), IdentityError> {
    identity::set_capabilities(capabilities).map_err(|source| IdentityError::SetCapabilities {
        set: "effective, permitted, inheritable or ambient",
        source,
    })
}

/// The working directory, verified to be below the root: a leaked descriptor of a host directory would make it one that is not
/// (CVE-2024-21626).
fn enter_directory(path: &Path) -> Result<(), IdentityError> {
    let failed = |source| IdentityError::ChangeDirectory {
        path: path.into(),
        source,
    };
    rustix::process::chdir(path).map_err(failed)?;
    let here = rustix::process::getcwd(Vec::new()).map_err(failed)?;
    // The kernel answers "(unreachable)/…" for a directory outside the root.
    if here.as_bytes().first() == Some(&b'/') {
        Ok(())
    } else {
        Err(failed(Errno::XDEV))
    }
}

fn capabilities(wanted: Option<&LinuxCapabilities>) -> Capabilities {
    let set = |of: fn(&LinuxCapabilities) -> &Option<HashSet<Capability>>| -> CapabilitySet {
        let names = wanted
            .and_then(|wanted| of(wanted).as_ref())
            .into_iter()
            .flatten();
        names
            .filter_map(|name| CapabilitySet::from_name(&name.to_string()))
            .collect()
    };
    Capabilities {
        bounding: set(LinuxCapabilities::bounding),
        effective: set(LinuxCapabilities::effective),
        permitted: set(LinuxCapabilities::permitted),
        inheritable: set(LinuxCapabilities::inheritable),
        ambient: set(LinuxCapabilities::ambient),
    }
}

/// A program that was found, with all it will be given.
#[derive(Debug)]
pub struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// Finds the program as the user it will run as.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub fn find(process: &Process) -> Result<Self, IdentityError> {
        let arguments = process.args().as_deref().unwrap_or_default();
        let mut environment = process.env().clone().unwrap_or_default();
        if !environment.iter().any(|entry| entry.starts_with("HOME=")) {
            environment.push(format!("HOME={}", home_of(process.user().uid())));
        }
        let name = arguments.first().map(String::as_str).unwrap_or_default();
        let search = environment
            .iter()
            .find_map(|entry| entry.strip_prefix("PATH="))
            .unwrap_or("/usr/bin:/bin");
        let path = locate(name, search).ok_or_else(|| IdentityError::NotFound {
            program: name.into(),
            path: search.into(),
        })?;
        Ok(Self {
            path: c_string(path.as_os_str().as_bytes()),
            arguments: arguments.iter().map(|text| c_string(text.as_bytes())).collect(),
            environment: environment.iter().map(|text| c_string(text.as_bytes())).collect(),
        })
    }

    /// Loads the filter and becomes the program; returns only on failure. Descriptors from 3 + `preserved` on are closed.
    pub fn run(&self, filter: Option<&Filter>, preserved: u32) -> IdentityError {
        sys_process::reset_signals();
        if let Err(source) = descriptor::close_on_exec_from(3 + preserved) {
            return IdentityError::SetProperty {
                property: "close-on-exec",
                source,
            };
        }
        if let Some(Err(error)) = filter.map(Filter::load) {
            return ListenerError::from(error).into();
        }
        let source = sys_process::exec(&self.path, &self.arguments, &self.environment);
        IdentityError::Exec {
            program: self.path.to_string_lossy().into_owned(),
            source,
        }
    }
}

/// NUL bytes were refused when the configuration was checked.
fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

fn locate(name: &str, search: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    let executable =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    search
        .split(':')
        .map(|directory| Path::new(directory).join(name))
        .find(executable)
}

/// The home directory in the container's own /etc/passwd.
fn home_of(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let home = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| (*fields.get(5).unwrap_or(&"/")).to_owned())
    });
    home.unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_of_the_specification_is_known_to_the_kernels_table() {
        let wanted: LinuxCapabilities = serde_json::from_value(
            serde_json::json!({ "bounding": ["CAP_CHOWN", "CAP_SYS_TTY_CONFIG", "CAP_CHECKPOINT_RESTORE"] }),
        )
        .unwrap();
        let found = capabilities(Some(&wanted));
        let expected =
            CapabilitySet::CHOWN | CapabilitySet::SYS_TTY_CONFIG | CapabilitySet::CHECKPOINT_RESTORE;
        assert_eq!(found.bounding, expected);
        assert!(found.ambient.is_empty());
    }

    #[test]
    fn a_program_is_searched_only_without_a_slash() {
        assert_eq!(locate("sh", "/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(locate("./sh", "/bin"), Some("./sh".into()));
        assert_eq!(locate("no-such-program", "/bin"), None);
    }
}
