//! Running the programs that make images.

use crate::ImageError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io::{BufRead, BufReader, PipeReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How soon a cancellation is noticed.
const POLL: Duration = Duration::from_millis(50);
/// How long a program may take to remove what it has mounted, when it is cancelled.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a program to its end; `line` gets what it says. `writes` is what it makes, for the message when the disk is full.
pub(crate) fn run(
    mut command: Command,
    writes: &Path,
    cancel: &AtomicBool,
    line: &mut dyn FnMut(&str),
) -> Result<(), ImageError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |source| ImageError::Start {
        program: program.clone(),
        source,
    };
    let (reader, writer) = std::io::pipe().map_err(start)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(start)?)
        .stderr(writer);
    // A group of its own: a cancellation must reach what the program started, and a terminal's Ctrl-C only us.
    command.process_group(0);
    let mut child = command.spawn().map_err(start)?;
    // It holds the pipe's other end, which would never close.
    drop(command);
    let mut said = Said::default();
    let cancelled = !follow(&mut child, reader, cancel, &mut |text| {
        said.note(text);
        line(text);
    });
    let status = child.wait().map_err(start)?;
    match status.success() {
        _ if cancelled => Err(ImageError::Cancelled),
        true => Ok(()),
        false if said.full => Err(ImageError::NoSpace {
            path: writes.into(),
            said: said.message(),
        }),
        false => Err(ImageError::Program {
            program,
            status,
            said: said.message(),
        }),
    }
}

/// Passes lines on until the program closes its output; false when it was cancelled.
fn follow(child: &mut Child, output: PipeReader, cancel: &AtomicBool, line: &mut dyn FnMut(&str)) -> bool {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&text).into_owned()).is_err() {
                return;
            }
        }
    });
    loop {
        // Before the wait: a program that is quicker than the first of them must not pass for one that was let go on.
        if cancel.load(Ordering::Relaxed) {
            stop(child, &receiver);
            return false;
        }
        match receiver.recv_timeout(POLL) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn stop(child: &mut Child, lines: &mpsc::Receiver<String>) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let _ = kill_process_group(group, Signal::TERM);
    // Its last lines are of no interest; that they end is.
    while lines.recv_timeout(GRACE).is_ok() {}
    let _ = kill_process_group(group, Signal::KILL);
}

/// What of a program's output its failure is explained with.
#[derive(Default)]
struct Said {
    first_error: Option<String>,
    last: Vec<String>,
    full: bool,
}

impl Said {
    /// How many of the last lines are kept.
    const LAST: usize = 4;

    fn note(&mut self, text: &str) {
        let text = text.trim();
        // What mmdebstrap is about to do explains nothing.
        if text.is_empty() || text.starts_with("I: ") {
            return;
        }
        self.full |= text.contains("No space left on device");
        if self.first_error.is_none() && text.starts_with("E: ") {
            self.first_error = Some(text.into());
        }
        if self.first_error.is_none() {
            self.last.push(text.into());
            if self.last.len() > Self::LAST {
                self.last.remove(0);
            }
        }
    }

    fn message(self) -> String {
        let lines: Vec<String> = self.last.into_iter().chain(self.first_error).collect();
        if lines.is_empty() {
            "it said nothing".into()
        } else {
            lines.join("; ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_says_what_the_program_said_first() {
        let script =
            "echo context; echo 'I: now'; echo 'E: the cause' >&2; echo 'E: a consequence' >&2; exit 3";
        let error = run(
            shell(script),
            Path::new("/x"),
            &AtomicBool::new(false),
            &mut |_| {},
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "sh failed (exit status: 3): context; E: the cause"
        );
    }

    #[test]
    fn a_full_disk_is_named_as_such() {
        let script = "echo 'write: No space left on device'; exit 1";
        let error = run(
            shell(script),
            Path::new("/x"),
            &AtomicBool::new(false),
            &mut |_| {},
        )
        .unwrap_err();
        assert!(matches!(error, ImageError::NoSpace { .. }), "{error}");
    }

    #[test]
    fn a_cancellation_reaches_what_the_program_started() {
        let begun = Instant::now();
        let cancel = AtomicBool::new(false);
        let mut started = |_: &str| cancel.store(true, Ordering::Relaxed);
        let error = run(
            shell("echo started; sleep 60 & wait"),
            Path::new("/x"),
            &cancel,
            &mut started,
        );
        assert!(matches!(error, Err(ImageError::Cancelled)));
        assert!(begun.elapsed() < GRACE, "the sleep held the pipe open");
    }
}
