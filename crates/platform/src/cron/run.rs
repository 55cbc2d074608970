//! One run of a cron: started in the app's container, watched, stopped when it must be.

use super::{
    Run,
    gate::{Running, Waiting},
    output::Output,
};
use crate::{
    Platform, PlatformError,
    activity::Report,
    carry_out::hook_process,
    desired::{Component, Life},
    store::{EnvironmentRecord, EnvironmentStatus},
};
use guise_config::Cron;
use guise_model::ActivityId;
use guise_node::{Node, NodeError, Process};
use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// How often it is looked whether a run must stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long sending a signal may take.
const SIGNAL: Duration = Duration::from_secs(10);
/// With the activity's id behind it, the file with the number of the shell that runs a cron. That is the number of its
/// process group too: each process that is started in a container begins a session of its own.
const PID_FILE: &str = "/run/guise/cron.";

/// Why a run was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Cancelled,
    TimedOut,
}

impl Platform {
    /// Runs a cron once nobody changes its environment. Answers whether it succeeded.
    pub(super) fn run_cron(
        &self,
        environment: &EnvironmentRecord,
        run: &Run,
        waiting: Waiting,
        report: &Report,
    ) -> Result<bool, PlatformError> {
        // The least that is known before the environment may be looked at; what it takes to stop may change meanwhile.
        let shutdown = self
            .find_cron(environment, run)?
            .map_or(0, |(_, cron)| cron.shutdown_timeout);
        let running = Running {
            cron: run.cron.clone(),
            activity: report.id().clone(),
            shutdown: Duration::from_secs(shutdown),
        };
        let hold_up = || report.line("Waiting until the change of the environment is done");
        let Some(_entered) = waiting.enter(running, report.cancelled(), hold_up) else {
            report.line("Cancelled before it began.");
            return Ok(false);
        };
        let Some((component, cron)) = self.find_cron(environment, run)? else {
            report.line("It is not to be run any more.");
            return Ok(true);
        };
        let attempt = Attempt {
            node: self.node(),
            component: &component,
            cron: &cron,
            report,
        };
        Ok(attempt.run())
    }

    /// A cron of what an environment runs, with its app.
    fn find_cron(
        &self,
        environment: &EnvironmentRecord,
        run: &Run,
    ) -> Result<Option<(Component, Cron)>, PlatformError> {
        let current = self
            .store()
            .environment(&environment.project, &environment.name)?;
        let Some(current) = current.filter(|current| current.status == EnvironmentStatus::Active) else {
            return Ok(None);
        };
        let deployed = self.deployed(&current)?;
        let mut components = deployed.into_iter().flat_map(|desired| desired.components);
        let found = components.find(|component| component.name == run.app);
        Ok(found.and_then(|component| {
            let Life::App { crons, .. } = &component.life else {
                return None;
            };
            let cron = crons.jobs.iter().find(|cron| cron.name == run.cron)?.clone();
            Some((component, cron))
        }))
    }

    /// Ends what a run left behind that a stopped daemon did not see to its end.
    pub(super) fn end_left_cron(&self, environment: &EnvironmentRecord, run: &Run, report: &Report) {
        report.line("E: guise was stopped meanwhile; what is left of this run is ended.");
        match self.find_cron(environment, run) {
            Ok(Some((component, _))) => signal(self.node(), &component, report.id(), "KILL"),
            Ok(None) => {}
            Err(error) => report.line(&format!("W: {error}")),
        }
    }
}

struct Attempt<'a> {
    node: &'a Node,
    component: &'a Component,
    cron: &'a Cron,
    report: &'a Report,
}

impl Attempt<'_> {
    fn run(&self) -> bool {
        let mut output = Output::open(self.node, self.component, self.report);
        let first_line = self.cron.start.trim().lines().next().unwrap_or_default();
        output.remark(&format!("Launching command '{first_line}'."));
        let (end, stopped) = self.run_watched(&mut output);
        let failure = match (end, stopped) {
            (Ok(0), _) => None,
            (_, Some(Stopped::Cancelled)) => Some("was cancelled".into()),
            (_, Some(Stopped::TimedOut)) => Some(format!(
                "was stopped after its timeout of {} s",
                self.cron.timeout
            )),
            (Ok(status), None) => Some(format!("ended with status {status}")),
            (Err(error), None) => Some(format!("failed: {error}")),
        };
        if let Some(reason) = &failure {
            output.remark(&format!("E: cron {} {reason}", self.cron.name));
        }
        output.close();
        failure.is_none()
    }

    /// Runs the start command beside a thread that stops it when it must end.
    fn run_watched(&self, output: &mut Output<'_>) -> (Result<i32, NodeError>, Option<Stopped>) {
        // One cron at a time runs in a container: the other files are of runs that have ended.
        let command = format!(
            "rm -f {PID_FILE}*; echo $$ > {PID_FILE}{}\n{}",
            self.report.id(),
            self.cron.start
        );
        let process = hook_process(self.component, &command);
        let give_up = AtomicBool::new(false);
        let (ends, has_ended) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch(has_ended, &give_up));
            let mut line = |text: &str| output.line(text);
            let id = &self.component.spec.id;
            let end = self
                .node
                .exec_stream(id, &process, b"", None, &give_up, &mut line);
            drop(ends);
            (end, watch.join().unwrap_or_default())
        })
    }

    /// Returns when the run has ended; stops it when it is cancelled or takes too long.
    fn watch(&self, has_ended: mpsc::Receiver<()>, give_up: &AtomicBool) -> Option<Stopped> {
        let begun = Instant::now();
        let timeout = Duration::from_secs(self.cron.timeout);
        loop {
            if has_ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
                return None;
            }
            let stopped = match self.report.cancelled().load(Ordering::Relaxed) {
                true => Stopped::Cancelled,
                false if begun.elapsed() >= timeout => Stopped::TimedOut,
                false => continue,
            };
            self.stop();
            let patience = Duration::from_secs(self.cron.shutdown_timeout);
            if has_ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                self.signal("KILL");
                // A process that left its group is not reached; nobody waits for it.
                give_up.store(true, Ordering::Relaxed);
            }
            return Some(stopped);
        }
    }

    fn signal(&self, name: &str) {
        signal(self.node, self.component, self.report.id(), name);
    }

    /// Asks it to end: by its stop command, or by SIGTERM (spec 1.10).
    fn stop(&self) {
        let Some(stop) = &self.cron.stop else {
            return self.signal("TERM");
        };
        self.report.line(&format!("Stopping {}", self.cron.name));
        let patience = Duration::from_secs(self.cron.shutdown_timeout);
        let mut line = |text: &str| self.report.line(&format!("    {text}"));
        let (id, process) = (&self.component.spec.id, hook_process(self.component, stop));
        let never = AtomicBool::new(false);
        let end = self
            .node
            .exec_stream(id, &process, b"", Some(patience), &never, &mut line);
        if let Err(error) = end {
            self.report.line(&format!(
                "W: the stop command of {} failed: {error}",
                self.cron.name
            ));
        }
    }
}

/// Sends a signal to all processes of a run in an app's container.
fn signal(node: &Node, component: &Component, run: &ActivityId, signal: &str) {
    let file = format!("{PID_FILE}{run}");
    let script = format!("[ ! -f {file} ] || kill -s {signal} -- -$(cat {file})");
    let process = Process {
        argv: ["/bin/sh", "-c", &script].map(String::from).to_vec(),
        ..component.spec.process.clone()
    };
    let container = &component.spec.id;
    if let Err(error) = node.exec(container, &process, b"", SIGNAL) {
        tracing::warn!(%container, %error, signal, "cannot signal a cron");
    }
}
