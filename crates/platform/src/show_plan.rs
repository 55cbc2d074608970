//! A plan that is shown and not carried out: what would deploying a commit do?

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::{DeployError, fresh_container_id, with_hooks},
    plan::plan,
    store::{ActivityRecord, EnvironmentRecord},
    task::Task,
};

impl Platform {
    /// Shows the steps that deploying a commit would take. `given` names a commit that was pushed; without it, it is
    /// the head of the environment's branch.
    ///
    /// # Errors
    /// [`PlatformError::UnknownCommit`].
    pub fn show_plan(
        &self,
        environment: &EnvironmentRecord,
        given: Option<&str>,
    ) -> Result<ActivityRecord, PlatformError> {
        let given = given.unwrap_or(&environment.name);
        let Some(commit) = self.repository(&environment.project).commit(given)? else {
            return Err(PlatformError::UnknownCommit { given: given.into() });
        };
        let description = format!("Show what {} would do to {}", short(&commit), environment.name);
        self.submit(
            "environment.plan",
            environment,
            &description,
            &Task::Plan { commit },
        )
    }

    pub(crate) fn run_plan(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        let built = self.prepare(environment, commit, report)?;
        let project = self.project_by_id(&environment.project)?;
        let state = self.state(environment)?;
        let strategy = environment.strategy;
        let mut desired = self.assemble_by(strategy, &project, environment, &built, &state, report)?;
        let steps = plan(&mut desired, &state, fresh_container_id);
        let (commit, name) = (short(commit), &environment.name);
        if steps.is_empty() {
            report.line(&format!(
                "Nothing to do: {name} already runs exactly what {commit} wants."
            ));
            return Ok(());
        }
        report.line(&format!("Deploying {commit} to {name} would be:"));
        for step in with_hooks(steps, &desired, true) {
            report.line(&format!("  {step} ({})", step.touches()));
        }
        report.line("Nothing of this was done.");
        Ok(())
    }
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}
