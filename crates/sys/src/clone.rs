//! clone3(2): a new process in new namespaces.

use crate::namespace::Namespaces;
use rustix::io::Errno;
use rustix::process::Pid;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// A new process could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The child would have a copy of locks whose holders do not exist in it.
    #[error("refusing to fork: this process has {threads} threads, and only a single-threaded one may")]
    ManyThreads {
        /// How many it has.
        threads: u64,
    },
    /// The number of threads is not known.
    #[error("counting this process's threads in /proc/self/task: {source}")]
    CountThreads {
        /// Why.
        source: std::io::Error,
    },
    /// The kernel refused.
    #[error("clone3 with new namespaces {namespaces}: {}", refusal(*.source))]
    Clone {
        /// What was asked for.
        namespaces: Namespaces,
        /// `ENOSPC`: namespace limit or nesting; `EPERM`: no CAP_SYS_ADMIN; `EAGAIN`: RLIMIT_NPROC or pids.max; `EINVAL`: bad combination.
        source: Errno,
    },
}

fn refusal(errno: Errno) -> String {
    let remedy = match errno {
        Errno::NOSPC => {
            "; the limit of nested or of all namespaces is reached (sysctl user.max_*_namespaces)"
        }
        Errno::PERM => "; root is needed",
        Errno::AGAIN => "; the limit of processes is reached (ulimit -u, pids.max of this cgroup)",
        Errno::INVAL => "; the kernel lacks one of these namespaces",
        _ => "",
    };
    format!("{errno}{remedy}")
}

/// A child process, held by a descriptor that can never come to mean another process.
#[derive(Debug)]
pub struct Child {
    /// Its number in the caller's pid namespace.
    pub pid: Pid,
    /// Its pidfd (close-on-exec).
    pub pidfd: OwnedFd,
}

/// How many threads this process has.
///
/// # Errors
/// When /proc is not mounted.
pub fn thread_count() -> std::io::Result<u64> {
    // A directory has two links of its own and one for each subdirectory, and each thread is one: one stat(2) counts them.
    Ok(std::fs::metadata("/proc/self/task")?.nlink().saturating_sub(2))
}

/// Makes a child in new `namespaces`, optionally born in the v2 cgroup `into_cgroup`, that runs `child` and exits with its result.
///
/// # Errors
/// [`CloneError`]; nothing was made then.
pub fn clone3(
    namespaces: Namespaces,
    into_cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> u8,
) -> Result<Child, CloneError> {
    match thread_count() {
        Ok(1) => {}
        Ok(threads) => return Err(CloneError::ManyThreads { threads }),
        Err(source) => return Err(CloneError::CountThreads { source }),
    }
    // libc's constant is an i32 on gnu targets, which cuts bit 33 to 0.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: i32 = -1;
    // SAFETY: clone_args is plain integers, for which zero means "not used".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = u64::from(namespaces.bits()) | libc::CLONE_PIDFD as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = into_cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: no stack is given and CLONE_VM is not set, so this is a fork: the child has a copy of everything, and since
    // this process is single-threaded no lock in the copy is held by a thread that does not exist.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match answer {
        -1 => Err(CloneError::Clone {
            namespaces,
            source: crate::last_errno(),
        }),
        0 => {
            let status = child();
            // SAFETY: _exit takes an integer and does not return; exit handlers belong to the parent.
            unsafe { libc::_exit(i32::from(status)) }
        }
        pid => Ok(Child {
            pid: i32::try_from(pid)
                .ok()
                .and_then(Pid::from_raw)
                .ok_or(CloneError::Clone {
                    namespaces,
                    source: Errno::INVAL,
                })?,
            // SAFETY: with CLONE_PIDFD the kernel has stored a new descriptor that nobody else owns.
            pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_several_threads_is_refused() {
        // The test harness itself runs each test in a thread of its own.
        let refusal = clone3(Namespaces::NONE, None, || 0).unwrap_err();
        assert!(
            matches!(refusal, CloneError::ManyThreads { threads } if threads >= 2),
            "{refusal}"
        );
    }
}
