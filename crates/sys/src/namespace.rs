//! unshare(2) and setns(2).

use rustix::io::Errno;
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A set of kinds of namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Namespaces(u32);

impl Namespaces {
    /// No namespace.
    pub const NONE: Self = Self(0);
    /// User and group ids, and the power over all other namespaces made in it.
    pub const USER: Self = Self(libc::CLONE_NEWUSER as u32);
    /// The mount tree.
    pub const MOUNT: Self = Self(libc::CLONE_NEWNS as u32);
    /// Process ids.
    pub const PID: Self = Self(libc::CLONE_NEWPID as u32);
    /// Links, addresses, ports.
    pub const NETWORK: Self = Self(libc::CLONE_NEWNET as u32);
    /// Host and domain name.
    pub const UTS: Self = Self(libc::CLONE_NEWUTS as u32);
    /// System V IPC and POSIX message queues.
    pub const IPC: Self = Self(libc::CLONE_NEWIPC as u32);
    /// What is seen as the root of the cgroup trees.
    pub const CGROUP: Self = Self(libc::CLONE_NEWCGROUP as u32);
    /// Offsets of the monotonic and boot clocks.
    pub const TIME: Self = Self(libc::CLONE_NEWTIME as u32);

    /// Every kind with its name as in /proc/PID/ns.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::USER, "user"),
        (Self::MOUNT, "mnt"),
        (Self::PID, "pid"),
        (Self::NETWORK, "net"),
        (Self::UTS, "uts"),
        (Self::IPC, "ipc"),
        (Self::CGROUP, "cgroup"),
        (Self::TIME, "time"),
    ];

    /// The kernel's CLONE_NEW* bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// This set and another.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set less another.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Self::ALL
            .iter()
            .filter(|(kind, _)| self.contains(*kind))
            .map(|(_, name)| *name)
            .collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join("+"))
    }
}

/// Enters the `kinds` of namespaces of the process behind `pidfd`, all or none (Linux 5.8). The pid namespace is entered by
/// later children only.
///
/// # Errors
/// `ESRCH`: the process has ended; `EPERM`: no power over a target namespace; `EINVAL`: the user namespace is the caller's own, or
/// the caller has several threads.
pub fn enter_process(pidfd: BorrowedFd<'_>, kinds: Namespaces) -> Result<(), Errno> {
    setns(pidfd, kinds)
}

/// Enters one namespace by its descriptor, which must be of the kind `kind`.
///
/// # Errors
/// `EINVAL`: not a namespace of this kind; `EPERM`: no power over it.
pub fn enter(namespace: BorrowedFd<'_>, kind: Namespaces) -> Result<(), Errno> {
    setns(namespace, kind)
}

fn setns(fd: BorrowedFd<'_>, kinds: Namespaces) -> Result<(), Errno> {
    // SAFETY: setns takes two integers; the descriptor is open for the length of the call.
    let answer = unsafe { libc::setns(fd.as_raw_fd(), kinds.bits() as i32) };
    crate::check(answer)
}

/// Leaves the current namespaces of these kinds for new ones.
///
/// # Errors
/// `EPERM`: no CAP_SYS_ADMIN; `ENOSPC`: limit of namespaces reached; `EINVAL`: several threads with `USER`.
pub fn unshare(kinds: Namespaces) -> Result<(), Errno> {
    // SAFETY: only CLONE_NEW* bits are passed: nothing that Rust's runtime relies on (descriptor table, memory) is unshared.
    let answer = unsafe { libc::unshare(kinds.bits() as i32) };
    crate::check(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_shown_by_the_kernels_names() {
        assert_eq!(Namespaces::PID.with(Namespaces::USER).to_string(), "user+pid");
        assert_eq!(Namespaces::NONE.to_string(), "none");
    }
}
