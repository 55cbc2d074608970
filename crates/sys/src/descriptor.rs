//! Which descriptors pass through exec.

use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Marks every descriptor from `first` on close-on-exec (close_range(2), Linux 5.11).
///
/// # Errors
/// `EINVAL`: older kernel.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn range(first: u32, flags: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC no descriptor is closed now, so none that is owned somewhere becomes invalid.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) };
    crate::check(answer as i32)
}

/// Lets one descriptor pass through exec.
///
/// # Errors
/// `EBADF`.
pub fn keep_through_exec(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())
}

/// Takes ownership of a descriptor that was handed to this program by number, if it is open.
///
/// # Errors
/// `EBADF`: it is not; `EINVAL`: below 3.
pub fn adopt(number: i32) -> Result<OwnedFd, Errno> {
    if number < 3 {
        return Err(Errno::INVAL);
    }
    // SAFETY: fcntl with an integer; an answer other than -1 means that the descriptor is open.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return Err(crate::last_errno());
    }
    // SAFETY: it is open, and by the program's contract it was passed to it alone; duplicated, so that a number given twice has two owners.
    let copy = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_dupfd_cloexec(copy.as_fd(), 3)
}

/// Makes `fd` the standard input, output and error.
///
/// # Errors
/// `EBUSY`, `EMFILE`.
pub fn use_as_stdio(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::stdio::dup2_stdin(fd)?;
    rustix::stdio::dup2_stdout(fd)?;
    rustix::stdio::dup2_stderr(fd)
}

/// Opens /dev/null on each of the standard descriptors that is closed, so that no later file becomes one by accident.
///
/// # Errors
/// Those of open(2).
pub fn fill_stdio() -> Result<(), Errno> {
    for number in 0..3 {
        // SAFETY: fcntl with integers.
        let closed = unsafe { libc::fcntl(number, libc::F_GETFD) } == -1;
        if closed {
            // SAFETY: a static C string; open(2) returns the lowest free number, which is `number`; it is left open on purpose.
            let fd = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
            crate::check(fd)?;
        }
    }
    Ok(())
}
