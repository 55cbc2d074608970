//! One run of a cron: started in the app's container, watched, stopped when it must be.

use super::{
    Run,
    gate::{Running, Waiting},
    output::Output,
};
use crate::{
    Platform, PlatformError,
    activity::Report,
    attended::{self, Attended, Kind},
    desired::{Component, Life},
    store::{EnvironmentRecord, EnvironmentStatus},
};
use guise_config::Cron;
use guise_node::Node;
use std::time::Duration;

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
        Ok(attempt(self.node(), &component, &cron, report))
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
        let Some(current) =
            current.filter(|current| current.status == EnvironmentStatus::Active && !current.asleep)
        else {
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
            Ok(Some((component, _))) => {
                attended::end_left(self.node(), &component, Kind::Cron, report.id());
            }
            Ok(None) => {}
            Err(error) => report.line(&format!("W: {error}")),
        }
    }
}

/// Runs a cron to its end. Answers whether it succeeded.
fn attempt(node: &Node, component: &Component, cron: &Cron, report: &Report) -> bool {
    let mut output = Output::open(node, component, report);
    let first_line = cron.start.trim().lines().next().unwrap_or_default();
    output.remark(&format!("Launching command '{first_line}'."));
    let run = Attended {
        node,
        component,
        report,
        kind: Kind::Cron,
        name: &cron.name,
        start: &cron.start,
        stop: cron.stop.as_deref(),
        shutdown: Duration::from_secs(cron.shutdown_timeout),
        timeout: Duration::from_secs(cron.timeout),
    };
    let end = run.run(&mut |text| output.line(text));
    if let Err(failure) = &end {
        output.remark(&format!("E: cron {} {failure}", cron.name));
    }
    output.close();
    end.is_ok()
}
