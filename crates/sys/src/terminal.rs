//! Pseudo-terminals of a given devpts instance.

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Both ends of a pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end that the person's side reads and writes.
    pub master: OwnedFd,
    /// The end that programs have as their terminal.
    pub slave: OwnedFd,
}

/// Makes a pseudo-terminal in the devpts that is mounted at `devpts` below `root`.
///
/// The path is inside a container, so what is found is verified: a symlink or another filesystem there is refused, and the slave
/// comes from the master (`TIOCGPTPEER`) and not from a path (runc CVE-2025-52565).
///
/// # Errors
/// `ENODEV`: `devpts` is no devpts; `ENOSPC`: no free terminal.
pub fn open(root: BorrowedFd<'_>, devpts: &Path) -> Result<Terminal, Errno> {
    let ptmx = devpts.join("ptmx");
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let verified = crate::path::open_beneath(root, &ptmx, OFlags::PATH)?;
    verify(verified.as_fd())?;
    let master = crate::path::open_beneath(root, &ptmx, flags)?;
    verify(master.as_fd())?;
    rustix::pty::unlockpt(&master)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(
        &master,
        OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
    )?;
    Ok(Terminal { master, slave })
}

fn verify(ptmx: BorrowedFd<'_>) -> Result<(), Errno> {
    const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;
    let filesystem = rustix::fs::fstatfs(ptmx)?;
    let file = rustix::fs::fstat(ptmx)?;
    let genuine = filesystem.f_type as i64 == DEVPTS_SUPER_MAGIC
        && FileType::from_raw_mode(file.st_mode) == FileType::CharacterDevice
        && file.st_rdev == rustix::fs::makedev(5, 2);
    if genuine { Ok(()) } else { Err(Errno::NODEV) }
}

/// Makes `terminal` the controlling terminal of the calling session leader.
///
/// # Errors
/// `EPERM`: not a session leader.
pub fn make_controlling(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::process::ioctl_tiocsctty(terminal)
}

/// Sets the size in characters.
///
/// # Errors
/// `ENOTTY`.
pub fn resize(terminal: BorrowedFd<'_>, columns: u16, rows: u16) -> Result<(), Errno> {
    let size = rustix::termios::Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(terminal, size)
}
