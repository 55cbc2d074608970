//! A child process held by descriptor: it can be waited for and killed from different threads, and its number can
//! never come to mean another process.

use guise_sys::{Errno, process};
use rustix::process::Pid;
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// SIGKILL.
const KILL: i32 = 9;

/// A child process. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    pidfd: OwnedFd,
    /// Its exit status once it was reaped.
    status: Mutex<Option<i32>>,
}

impl Child {
    /// Starts a command.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        // The number is the child's until it is reaped, which nobody but us does: dropping std's handle does not.
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            pidfd: process::open(pid)?,
            status: Mutex::new(None),
        })
    }

    /// A descriptor that becomes readable when it ends.
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Blocks until it ends; its exit status, 128 + N when signal N ended it.
    pub fn wait(&self) -> io::Result<i32> {
        await_readable(self.pidfd.as_fd())?;
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match *status {
            Some(status) => Ok(status),
            None => {
                let ending = process::wait(self.pidfd.as_fd())?;
                Ok(*status.insert(ending.shell_status().into()))
            }
        }
    }

    /// Kills it. Once it has ended nothing happens.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(KILL)
    }

    /// Sends it a signal. Once it has ended nothing happens.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        match process::send_signal(self.pidfd.as_fd(), number) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = self.wait();
    }
}

fn await_readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_can_be_asked_for_twice() {
        let child = Child::spawn(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        assert_eq!(child.wait().unwrap(), 7);
        assert_eq!(child.wait().unwrap(), 7);
        child.kill().unwrap();
    }

    #[test]
    fn another_thread_can_kill_what_one_waits_for() {
        let child = Child::spawn(Command::new("sleep").arg("60")).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| child.wait().unwrap());
            child.kill().unwrap();
            assert_eq!(waits.join().unwrap(), 128 + KILL);
        });
    }
}
