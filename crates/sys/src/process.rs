//! Signals, waiting and exec, by descriptor.

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open};
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It called exit(2) with this status.
    Exited(u8),
    /// It was killed by this signal.
    Killed(i32),
}

impl Ending {
    /// The status as a shell would report it: 128 + N for signal N.
    pub fn shell_status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(127)),
        }
    }
}

/// Opens a pidfd.
///
/// # Errors
/// `ESRCH`: there is no such process.
pub fn open(pid: Pid) -> Result<OwnedFd, Errno> {
    pidfd_open(pid, PidfdFlags::empty())
}

/// Opens a pidfd of the process with this number.
///
/// # Errors
/// `ESRCH`: there is no such process.
pub fn open_number(pid: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    open(pid.ok_or(Errno::SRCH)?)
}

/// Sends signal `number` (real-time signals included) to the process behind `pidfd`.
///
/// # Errors
/// `ESRCH`: it has ended; `EINVAL`: no such signal; `EPERM`.
pub fn send_signal(pidfd: BorrowedFd<'_>, number: i32) -> Result<(), Errno> {
    // SAFETY: integers and a null siginfo, which means "as kill(2)".
    let answer = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    crate::check(answer as i32)
}

/// Waits until the child behind `pidfd` has ended and takes its status.
///
/// # Errors
/// `ECHILD`: not a child of this process; `EINTR`: a signal came.
pub fn wait(pidfd: BorrowedFd<'_>) -> Result<Ending, Errno> {
    loop {
        match rustix::process::waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED) {
            Ok(Some(status)) => {
                return Ok(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Ending::Exited((code & 0xff) as u8),
                    (None, signal) => Ending::Killed(signal.unwrap_or(0)),
                });
            }
            Ok(None) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether the process behind `pidfd` has ended, reaped or not: a pidfd becomes readable then.
///
/// # Errors
/// Those of poll(2).
pub fn has_ended(pidfd: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut waiting = [rustix::event::PollFd::from_borrowed_fd(
        pidfd,
        rustix::event::PollFlags::IN,
    )];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    Ok(rustix::event::poll(&mut waiting, Some(&now))? > 0)
}

/// Becomes another program. Returns only on failure.
///
/// # Errors
/// `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG`, …: as execve(2).
pub fn exec(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let arguments = pointers(arguments);
    let environment = pointers(environment);
    // SAFETY: both arrays end with a null pointer and point to C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    crate::last_errno()
}

/// Becomes the program behind a descriptor. Returns only on failure.
///
/// # Errors
/// As execveat(2).
pub fn exec_fd(program: BorrowedFd<'_>, arguments: &[CString], environment: &[CString]) -> Errno {
    let arguments = pointers(arguments);
    let environment = pointers(environment);
    // SAFETY: as for `exec`; the path is a static empty C string.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    crate::last_errno()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|text| text.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

/// Puts signal handling back to what a new program expects: every disposition to the default and nothing blocked.
///
/// Rust's runtime ignores SIGPIPE, and an ignored signal stays ignored across execve(2).
pub fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid disposition; signals that cannot be changed answer EINVAL, which is right here.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: sigset_t is plain integers, made empty before use; sigprocmask on a single-threaded process.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Blocks every signal but those that mean a fault, and gives a descriptor to read them from (signalfd(2)).
///
/// # Errors
/// `EMFILE` and the like.
pub fn signal_queue() -> Result<OwnedFd, Errno> {
    use std::os::fd::FromRawFd;
    // SAFETY: the set is filled before it is used; signalfd returns a new descriptor that nobody else owns.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        for fault in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGABRT,
        ] {
            libc::sigdelset(&raw mut all, fault);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        let fd = libc::signalfd(-1, &raw const all, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        crate::check(fd)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Takes the next signal number off a [`signal_queue`].
///
/// # Errors
/// `EAGAIN`: none is waiting.
pub fn next_signal(queue: BorrowedFd<'_>) -> Result<i32, Errno> {
    let mut record = [0_u8; size_of::<libc::signalfd_siginfo>()];
    rustix::io::read(queue, &mut record)?;
    let number = [record[0], record[1], record[2], record[3]];
    Ok(i32::from_ne_bytes(number))
}

/// Whether other users' processes may look into this one (PR_SET_DUMPABLE): its memory, descriptors and executable in /proc.
///
/// # Errors
/// None that are known.
pub fn set_dumpable(dumpable: bool) -> Result<(), Errno> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(if dumpable {
        DumpableBehavior::Dumpable
    } else {
        DumpableBehavior::NotDumpable
    })
}

/// Has the kernel kill this process when its parent's thread ends. Lost when credentials change and on exec of a privileged file.
///
/// # Errors
/// None that are known.
pub fn die_with_parent() -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
}

/// Undoes [`die_with_parent`].
///
/// # Errors
/// None that are known.
pub fn outlive_parent() -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(None)
}

/// Has the kernel pretend to be `domain` (`PER_*` of personality(2)) to this process and what it becomes.
///
/// # Errors
/// `EINVAL`: no such domain.
pub fn set_personality(domain: u64) -> Result<(), Errno> {
    // SAFETY: an integer.
    let answer = unsafe { libc::personality(domain) };
    crate::check(answer)
}
