//! `kill`: signals by name or number, to PID 1 or to all.

use crate::container::ContainerName;
use crate::state::{State, StateError};
use guise_sys::{Errno, process};
use std::os::fd::AsFd;

/// A signal could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// There is no such signal.
    #[error("unknown signal {given:?}; give a name such as TERM or SIGTERM, or a number from 1 to 64")]
    Unknown {
        /// As given.
        given: String,
    },
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its processes.
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::CgroupError),
    /// The kernel refused.
    #[error("sending signal {number} to process {pid}: {source}")]
    Send {
        /// Which.
        number: i32,
        /// To whom.
        pid: i32,
        /// Why.
        source: Errno,
    },
}

/// Names by number, from 1 (signal(7), x86 and arm).
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The number of a signal.
///
/// # Errors
/// [`SignalError::Unknown`].
pub fn parse(given: &str) -> Result<i32, SignalError> {
    let unknown = || SignalError::Unknown {
        given: given.to_owned(),
    };
    if let Ok(number) = given.parse::<i32>() {
        return if (1..=64).contains(&number) {
            Ok(number)
        } else {
            Err(unknown())
        };
    }
    let upper = given.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(offset) = name
        .strip_prefix("RTMIN+")
        .and_then(|offset| offset.parse::<i32>().ok())
    {
        // The first two real-time signals are glibc's own.
        return if (0..=30).contains(&offset) {
            Ok(34 + offset)
        } else {
            Err(unknown())
        };
    }
    let index = NAMES
        .iter()
        .position(|known| *known == name)
        .ok_or_else(unknown)?;
    i32::try_from(index + 1).map_err(|_| unknown())
}

/// Sends a signal to PID 1 of a container, or to all its processes.
///
/// # Errors
/// [`SignalError`].
pub fn send(state: &State, id: &ContainerName, number: i32, all: bool) -> Result<(), SignalError> {
    if all {
        for pid in state.cgroup.processes()? {
            let Some(process) = rustix::process::Pid::from_raw(pid) else {
                continue;
            };
            // One that ended meanwhile needs no signal.
            let Ok(pidfd) = process::open(process) else {
                continue;
            };
            ignore_ended(process::send_signal(pidfd.as_fd(), number), number, pid)?;
        }
        return Ok(());
    }
    let pidfd = state.open_init(id)?;
    let pid = state.init.map_or(0, |init| init.pid);
    ignore_ended(process::send_signal(pidfd.as_fd(), number), number, pid)
}

fn ignore_ended(answer: Result<(), Errno>, number: i32, pid: i32) -> Result<(), SignalError> {
    match answer {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(source) => Err(SignalError::Send { number, pid, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        for (given, number) in [
            ("TERM", 15),
            ("SIGKILL", 9),
            ("sigint", 2),
            ("10", 10),
            ("RTMIN+3", 37),
            ("SYS", 31),
        ] {
            assert_eq!(parse(given).unwrap(), number, "{given}");
        }
        for given in ["0", "65", "SIG", "TERMINATE", "-9", ""] {
            assert!(parse(given).is_err(), "{given}");
        }
    }
}
