//! Interactive processes: a terminal is made inside, and its master sent to whoever holds the person's side.

use guise_sys::{Errno, descriptor, socket, terminal};
use oci_spec::runtime::Process;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A terminal could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The receiver could not be reached.
    #[error("connecting to the console socket {path}: {source}", path = path.display())]
    Connect {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// A terminal is asked for without anybody to have it, or the other way round.
    #[error("process.terminal and --console-socket must be given together")]
    Mismatch,
    /// It could not be made.
    #[error("making a terminal in /dev/pts of the container: {source}")]
    Make {
        /// `ENODEV`: what is there is no devpts; `ENOENT`: nothing is mounted there.
        source: Errno,
    },
    /// It could not be handed over.
    #[error("sending the terminal to the console socket: {source}")]
    Send {
        /// Why.
        source: Errno,
    },
}

/// Connects to the receiver at `path`, if `process` wants a terminal.
///
/// # Errors
/// [`ConsoleError::Connect`], [`ConsoleError::Mismatch`].
pub fn connect(process: &Process, path: Option<&Path>) -> Result<Option<OwnedFd>, ConsoleError> {
    let path = match (process.terminal().unwrap_or(false), path) {
        (false, None) => return Ok(None),
        (true, Some(path)) => path,
        _ => return Err(ConsoleError::Mismatch),
    };
    socket::connect_stream(path)
        .map(Some)
        .map_err(|source| ConsoleError::Connect {
            path: path.into(),
            source,
        })
}

/// Makes a terminal in the devpts below `root`, sends its master to `receiver`, and makes it this session's.
///
/// # Errors
/// [`ConsoleError::Make`], [`ConsoleError::Send`].
pub fn give(root: BorrowedFd<'_>, process: &Process, receiver: BorrowedFd<'_>) -> Result<(), ConsoleError> {
    let failed = |source| ConsoleError::Make { source };
    let pair = terminal::open(root, Path::new("dev/pts")).map_err(failed)?;
    if let Some(size) = process.console_size() {
        let short = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        terminal::resize(pair.master.as_fd(), short(size.width()), short(size.height())).map_err(failed)?;
    }
    socket::send_with_fd(receiver, b"/dev/ptmx", pair.master.as_fd())
        .map_err(|source| ConsoleError::Send { source })?;
    descriptor::use_as_stdio(pair.slave.as_fd()).map_err(failed)?;
    terminal::make_controlling(pair.slave.as_fd()).map_err(failed)
}
