//! What ran before the machine was booted runs again: a boot leaves databases and volumes, and no process.

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::DeployError,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus},
    task::Task,
    task_step::TaskStep,
};
use guise_node::ContainerState;
use std::collections::BTreeSet;

impl Platform {
    /// Queues the start of every active environment that does not run what was deployed. Its requests wait meanwhile.
    ///
    /// # Errors
    /// When the database cannot be read or the edge does not answer.
    pub(crate) fn revive(&self) -> Result<(), PlatformError> {
        let unfinished = self.store().unfinished_activities()?;
        let mut environments = self.store().all_environments()?;
        environments
            .retain(|environment| environment.status == EnvironmentStatus::Active && !environment.asleep);
        for environment in environments {
            let comes_up = unfinished.iter().any(|activity| decides(activity, &environment));
            if comes_up || self.is_being_deleted(&environment.project)? || self.runs(&environment)? {
                continue;
            }
            self.edge().hold(&environment.key())?;
            let description = format!("Start {} again", environment.name);
            self.submit("environment.start", &environment, &description, &Task::Revive)?;
        }
        Ok(())
    }

    /// Makes and starts the containers of the last deployment that are missing or do not run.
    pub(crate) fn run_revive(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        let revived = self.revive_deployed(environment, report);
        // Also of one that does not come up: its visitors are told so instead of waiting.
        report.step(&TaskStep::Release, || {
            self.edge()
                .release(&environment.key())
                .map_err(PlatformError::from)
        })?;
        revived
    }

    fn revive_deployed(&self, environment: &EnvironmentRecord, report: &Report) -> Result<(), DeployError> {
        let (Some(mut deployed), Some(commit)) = (self.deployed(environment)?, &environment.head_commit)
        else {
            return Ok(());
        };
        if self.runs(environment)? {
            return Ok(());
        }
        report.line(&format!(
            "Starting what ran in {} before the machine was booted",
            environment.name
        ));
        self.run_again(&mut deployed, environment, report)?;
        report.step(&TaskStep::Record { commit }, || {
            self.record(environment, commit, &deployed)
        })?;
        Ok(())
    }

    /// Whether everything runs that was deployed.
    fn runs(&self, environment: &EnvironmentRecord) -> Result<bool, PlatformError> {
        let Some(deployed) = self.deployed(environment)? else {
            return Ok(true);
        };
        let containers = self.node().containers().into_iter();
        let running: BTreeSet<_> = containers
            .filter(|container| matches!(container.state, ContainerState::Running { .. }))
            .map(|container| container.spec.id)
            .collect();
        let mut wanted = deployed.components.iter();
        Ok(wanted.all(|component| running.contains(&component.spec.id)))
    }
}

/// Whether an activity that goes on brings its environment up, or down, by itself.
fn decides(activity: &ActivityRecord, environment: &EnvironmentRecord) -> bool {
    let is_of = activity.project.as_ref() == Some(&environment.project)
        && activity.environment.as_ref() == Some(&environment.name);
    let task = serde_json::from_value::<Task>(activity.parameters.clone());
    is_of && task.is_ok_and(|task| task.decides_what_runs())
}
