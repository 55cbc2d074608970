//! A command of the project that runs attended in an app's or worker's container: stopped when somebody cancels it or
//! it takes too long. Crons and operations are such (spec 1.10, 1.15).

use crate::{activity::Report, carry_out::hook_process, desired::Component};
use guise_model::ActivityId;
use guise_node::{Node, NodeError, Process};
use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// How often it is looked whether it must stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long sending a signal may take.
const SIGNAL: Duration = Duration::from_secs(10);

/// A command that is to run attended.
pub(crate) struct Attended<'a> {
    pub(crate) node: &'a Node,
    /// In whose container.
    pub(crate) component: &'a Component,
    /// For which activity.
    pub(crate) report: &'a Report,
    /// What it is: of each kind one at a time runs in a container.
    pub(crate) kind: Kind,
    /// Its name, for people.
    pub(crate) name: &'a str,
    /// What it runs, in dash.
    pub(crate) start: &'a str,
    /// What stops it; SIGTERM when absent.
    pub(crate) stop: Option<&'a str>,
    /// Time between the stop command or SIGTERM and SIGKILL.
    pub(crate) shutdown: Duration,
    /// Longest run.
    pub(crate) timeout: Duration,
}

/// What a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A cron.
    Cron,
    /// A runtime operation.
    Operation,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Somebody cancelled it.
    #[error("was cancelled")]
    Cancelled,
    /// It took too long.
    #[error("was stopped after its timeout of {} s", .after.as_secs())]
    TimedOut {
        /// Its longest time.
        after: Duration,
    },
    /// It says so itself.
    #[error("ended with status {status}")]
    Status {
        /// Its exit status.
        status: i32,
    },
    /// It could not be run.
    #[error("failed: {0}")]
    Node(#[from] NodeError),
}

impl Kind {
    /// With an activity's id behind it, the file with the number of the shell that runs the command. That is the
    /// number of its process group too: each process that is started in a container begins a session of its own.
    fn pid_file(self) -> &'static str {
        match self {
            Self::Cron => "/run/guise/cron.",
            Self::Operation => "/run/guise/operation.",
        }
    }
}

impl Attended<'_> {
    /// Runs it to its end beside a thread that stops it when it must end; its output goes to `line`.
    pub(crate) fn run(&self, line: &mut dyn FnMut(&str)) -> Result<(), Failure> {
        // One at a time: the other files are of commands that have ended.
        let file = self.kind.pid_file();
        let command = format!(
            "rm -f {file}*; echo $$ > {file}{}\n{}",
            self.report.id(),
            self.start
        );
        let process = hook_process(self.component, &command);
        let give_up = AtomicBool::new(false);
        let (ends, has_ended) = mpsc::channel::<()>();
        let (end, stopped) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch(has_ended, &give_up));
            let id = &self.component.spec.id;
            let end = self.node.exec_stream(id, &process, b"", None, &give_up, line);
            drop(ends);
            (end, watch.join().unwrap_or_default())
        });
        match (end, stopped) {
            (Ok(0), _) => Ok(()),
            (_, Some(failure)) => Err(failure),
            (Ok(status), None) => Err(Failure::Status { status }),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Returns when the command has ended; stops it when it is cancelled or takes too long.
    fn watch(&self, has_ended: mpsc::Receiver<()>, give_up: &AtomicBool) -> Option<Failure> {
        let begun = Instant::now();
        loop {
            if has_ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
                return None;
            }
            let failure = match self.report.cancelled().load(Ordering::Relaxed) {
                true => Failure::Cancelled,
                false if begun.elapsed() >= self.timeout => Failure::TimedOut { after: self.timeout },
                false => continue,
            };
            self.end();
            if has_ended.recv_timeout(self.shutdown) == Err(RecvTimeoutError::Timeout) {
                signal(self.node, self.component, self.kind, self.report.id(), "KILL");
                // A process that left its group is not reached; nobody waits for it.
                give_up.store(true, Ordering::Relaxed);
            }
            return Some(failure);
        }
    }

    /// Asks it to end: by its stop command, or by SIGTERM (spec 1.10).
    fn end(&self) {
        let Some(stop) = self.stop else {
            return signal(self.node, self.component, self.kind, self.report.id(), "TERM");
        };
        self.report.line(&format!("Stopping {}", self.name));
        let mut line = |text: &str| self.report.line(&format!("    {text}"));
        let (id, process) = (&self.component.spec.id, hook_process(self.component, stop));
        let never = AtomicBool::new(false);
        let end = self
            .node
            .exec_stream(id, &process, b"", Some(self.shutdown), &never, &mut line);
        if let Err(error) = end {
            self.report
                .line(&format!("W: the stop command of {} failed: {error}", self.name));
        }
    }
}

/// Ends what a command left behind that a stopped daemon did not see to its end.
pub(crate) fn end_left(node: &Node, component: &Component, kind: Kind, activity: &ActivityId) {
    signal(node, component, kind, activity, "KILL");
}

/// Sends a signal to all processes of a command in a container.
fn signal(node: &Node, component: &Component, kind: Kind, activity: &ActivityId, signal: &str) {
    let file = format!("{}{activity}", kind.pid_file());
    let script = format!("[ ! -f {file} ] || kill -s {signal} -- -$(cat {file})");
    let process = Process {
        argv: ["/bin/sh", "-c", &script].map(String::from).to_vec(),
        ..component.spec.process.clone()
    };
    let container = &component.spec.id;
    if let Err(error) = node.exec(container, &process, b"", SIGNAL) {
        tracing::warn!(%container, %error, signal, "cannot signal a command");
    }
}
