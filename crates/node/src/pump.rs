//! Input to a child process and output from it, in one loop, until it ends, its time is over or nobody wants it.

use crate::child::Child;
use guise_sys::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How often it is looked whether somebody cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// Our ends of a child's pipes.
#[derive(Debug)]
pub(crate) struct Pipes<'a> {
    /// Where its input goes, with what is still to be written.
    pub input: Option<(OwnedFd, &'a [u8])>,
    /// What it writes to.
    pub outputs: Vec<OwnedFd>,
}

/// How a pump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The child ended with this status.
    Exited(i32),
    /// Its time was over and it was killed.
    TimedOut,
    /// It was cancelled and killed.
    Cancelled,
}

/// Runs the loop. `output` gets the index of the pipe and the bytes.
pub(crate) fn pump(
    child: &Child,
    mut pipes: Pipes<'_>,
    timeout: Option<Duration>,
    cancel: &AtomicBool,
    output: &mut dyn FnMut(usize, &[u8]),
) -> io::Result<End> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    for fd in pipes.input.iter().map(|(fd, _)| fd).chain(&pipes.outputs) {
        rustix::io::ioctl_fionbio(fd, true)?;
    }
    let mut open: Vec<bool> = pipes.outputs.iter().map(|_| true).collect();
    loop {
        if cancel.load(Ordering::Relaxed) {
            child.kill()?;
            return Ok(End::Cancelled);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            child.kill()?;
            return Ok(End::TimedOut);
        }
        let ended = wait(child, &pipes, &open, left.unwrap_or(LOOK).min(LOOK))?;
        feed(&mut pipes.input)?;
        for (index, (fd, open)) in pipes.outputs.iter().zip(&mut open).enumerate() {
            *open = *open && drain(fd, &mut |bytes| output(index, bytes))?;
        }
        // What it wrote was in the pipes before it ended. A process that it left behind may hold them open; that
        // one's output is of no interest.
        if ended {
            return Ok(End::Exited(child.wait()?));
        }
    }
}

/// Waits until there is something to do. Returns whether the child has ended.
fn wait(child: &Child, pipes: &Pipes<'_>, open: &[bool], patience: Duration) -> io::Result<bool> {
    let mut fds = vec![PollFd::from_borrowed_fd(child.ended(), PollFlags::IN)];
    fds.extend(pipes.input.iter().map(|(fd, _)| PollFd::new(fd, PollFlags::OUT)));
    let outputs = pipes.outputs.iter().zip(open).filter(|(_, open)| **open);
    fds.extend(outputs.map(|(fd, _)| PollFd::new(fd, PollFlags::IN)));
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: patience.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => Ok(fds[0].revents().contains(PollFlags::IN)),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes as much input as fits; closes the pipe after the last of it, or when nobody reads it any more.
fn feed(input: &mut Option<(OwnedFd, &[u8])>) -> io::Result<()> {
    while let Some((fd, rest)) = input {
        if rest.is_empty() {
            *input = None;
            break;
        }
        match rustix::io::write(fd.as_fd(), rest) {
            Ok(written) => *rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(Errno::PIPE) => *input = None,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Reads all there is. Returns whether there may be more later.
fn drain(fd: &OwnedFd, output: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match rustix::io::read(fd, &mut buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => output(&buffer[..length]),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// Runs a shell script with `input`; returns how it ended and its output.
    fn run(script: &str, input: &[u8], timeout: Option<Duration>, cancel: &AtomicBool) -> (End, Vec<u8>) {
        let (stdin, our_stdin) = io::pipe().unwrap();
        let (our_stdout, stdout) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(stdout));
        let child = Child::spawn(&mut command).unwrap();
        drop(command);
        let pipes = Pipes {
            input: Some((our_stdin.into(), input)),
            outputs: vec![our_stdout.into()],
        };
        let mut seen = Vec::new();
        let end = pump(&child, pipes, timeout, cancel, &mut |_, bytes| {
            seen.extend_from_slice(bytes)
        })
        .unwrap();
        (end, seen)
    }

    #[test]
    fn more_than_a_pipe_holds_goes_in_and_comes_out_at_the_same_time() {
        let input: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let (end, output) = run("cat; exit 3", &input, None, &AtomicBool::new(false));
        assert_eq!(end, End::Exited(3));
        assert!(output == input);
    }

    #[test]
    fn input_that_nobody_reads_is_no_error() {
        let input = vec![0; 1_000_000];
        assert_eq!(
            run("exec 0<&-; echo hi", &input, None, &AtomicBool::new(false)),
            (End::Exited(0), b"hi\n".into())
        );
    }

    #[test]
    fn a_process_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        let (end, output) = run("sleep 5 & echo done", b"", None, &AtomicBool::new(false));
        assert_eq!((end, output.as_slice()), (End::Exited(0), b"done\n".as_slice()));
        assert!(begun.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn time_and_cancellation_end_it() {
        let (end, output) = run(
            "echo first; exec sleep 60",
            b"",
            Some(Duration::from_millis(200)),
            &AtomicBool::new(false),
        );
        assert_eq!((end, output.as_slice()), (End::TimedOut, b"first\n".as_slice()));
        assert_eq!(
            run("exec sleep 60", b"", None, &AtomicBool::new(true)).0,
            End::Cancelled
        );
    }
}
