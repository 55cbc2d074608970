//! Where a created container waits for `start`: a unix socket in its state directory.
//!
//! PID 1 listens; `start` connects and waits. The connection closes by itself when PID 1 becomes the program (close-on-exec), and
//! when it cannot, the reason comes through it. Unlike a fifo it tells success from failure.

use crate::state::START_SOCKET;
use guise_sys::{Errno, socket};
use rustix::net::{SocketAddrUnix, SocketFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A step with the gate failed.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The socket could not be made.
    #[error("listening on {path}: {source}", path = path.display())]
    Listen {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// PID 1 does not wait there.
    #[error("the container is not waiting to be started: {source}")]
    Connect {
        /// `ENOENT`: it was started before; `ECONNREFUSED`: it has ended.
        source: Errno,
    },
    /// Waiting failed.
    #[error("waiting to be started: {source}")]
    Accept {
        /// Why.
        source: Errno,
    },
    /// The program could not be run.
    #[error("{report}")]
    Program {
        /// What PID 1 said.
        report: String,
    },
}

/// A descriptor of the directory stands for its path, which may be longer than the 107 bytes that a socket address holds.
fn address(directory: &Path) -> Result<(OwnedFd, SocketAddrUnix), Errno> {
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty())?;
    let short = format!("/proc/self/fd/{}/{START_SOCKET}", directory.as_raw_fd());
    let address = SocketAddrUnix::new(short)?;
    Ok((directory, address))
}

/// Makes the gate in a container's state directory.
///
/// # Errors
/// [`GateError::Listen`].
pub fn listen(directory: &Path) -> Result<OwnedFd, GateError> {
    let failed = |source| GateError::Listen {
        path: directory.join(START_SOCKET),
        source,
    };
    let listening = || {
        let socket = socket::messages()?;
        let (_directory, address) = address(directory)?;
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, 1)?;
        Ok(socket)
    };
    listening().map_err(failed)
}

/// In PID 1: waits for `start`.
///
/// # Errors
/// [`GateError::Accept`].
pub fn wait(gate: BorrowedFd<'_>) -> Result<OwnedFd, GateError> {
    loop {
        match rustix::net::accept_with(gate, SocketFlags::CLOEXEC) {
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            answer => return answer.map_err(|source| GateError::Accept { source }),
        }
    }
}

/// Lets PID 1 go on, and returns when it has become its program.
///
/// # Errors
/// [`GateError::Connect`], [`GateError::Program`].
pub fn open(directory: &Path) -> Result<(), GateError> {
    let failed = |source| GateError::Connect { source };
    let socket = socket::messages().map_err(failed)?;
    let (_directory, address) = address(directory).map_err(failed)?;
    rustix::net::connect(&socket, &address).map_err(failed)?;
    let mut report = [0; 4096];
    let length = match socket::receive(socket.as_fd(), &mut report) {
        // PID 1 ended without a word; what it ended with is seen in the container's status.
        Err(Errno::CONNRESET) => 0,
        answer => answer.map_err(failed)?,
    };
    // Nobody can start it twice, and its status is not "created" any more.
    let _ = std::fs::remove_file(directory.join(START_SOCKET));
    if length > 0 {
        let report = String::from_utf8_lossy(report.get(..length).unwrap_or_default()).into_owned();
        return Err(GateError::Program { report });
    }
    Ok(())
}
