//! Standing in for a process inside: signals sent to us are passed on to it, and its status becomes ours.

use guise_sys::process::{self, Ending};
use guise_sys::{Errno, clone::Child};
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::{AsFd, OwnedFd};

/// From now on signals wait in a queue instead of acting. To be made before the child, so that none is lost.
#[derive(Debug)]
pub struct Foreground {
    signals: OwnedFd,
}

/// SIGCHLD is about our own child, SIGTTIN and SIGTTOU about our own terminal.
const OURS: [i32; 3] = [17, 21, 22];

impl Foreground {
    /// Starts to queue signals.
    ///
    /// # Errors
    /// Those of signalfd(2).
    pub fn begin() -> Result<Self, Errno> {
        Ok(Self {
            signals: process::signal_queue()?,
        })
    }

    /// Waits for the child, passing signals on.
    ///
    /// # Errors
    /// Those of poll(2) and waitid(2).
    pub fn wait(&self, child: &Child) -> Result<Ending, Errno> {
        loop {
            let mut waiting = [
                PollFd::new(&child.pidfd, PollFlags::IN),
                PollFd::new(&self.signals, PollFlags::IN),
            ];
            match poll(&mut waiting, None) {
                Err(Errno::INTR) => continue,
                answer => answer?,
            };
            let ended = !waiting[0].revents().is_empty();
            if ended {
                return process::wait(child.pidfd.as_fd());
            }
            self.pass_on(child);
        }
    }

    fn pass_on(&self, child: &Child) {
        while let Ok(signal) = process::next_signal(self.signals.as_fd()) {
            if !OURS.contains(&signal) {
                // If it has ended meanwhile, the next round sees it.
                let _ = process::send_signal(child.pidfd.as_fd(), signal);
            }
        }
    }
}
