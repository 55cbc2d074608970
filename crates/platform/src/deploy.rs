//! A deployment: read, build, want, compare, act; and back to what ran before when it fails.

use crate::{
    Platform, PlatformError,
    activity::Report,
    assemble::Images,
    build::BuildFailure,
    carry_out::{CarryOut, StepError},
    desired::{ComponentKind, Desired, Life},
    operation::OperationFailed,
    plan::{Actual, State, plan},
    random,
    roll::apart,
    step::Step,
    store::EnvironmentRecord,
    strategy::Strategy,
    task_step::TaskStep,
    tree::CommitTree,
};
use guise_build::SourceError;
use guise_config::Colour;
use guise_model::{ContainerId, DeploymentId};
use guise_node::ContainerState;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Why an environment is deployed, which decides which hooks run (spec 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its branch was pushed to.
    Push,
    /// Somebody asked for it.
    Redeploy,
}

/// A commit with all that it runs from.
#[derive(Debug)]
pub(crate) struct Built {
    /// The commit.
    pub(crate) commit: String,
    /// Its configuration.
    pub(crate) config: guise_config::Project,
    /// Its images.
    pub(crate) images: Images,
}

/// Why a deployment failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    /// The configuration is not valid; the text is rendered diagnostics.
    #[error("the configuration is not valid")]
    Configuration {
        /// What is wrong and where.
        rendered: String,
    },
    /// An app could not be built.
    #[error(transparent)]
    Build(#[from] BuildFailure),
    /// A step failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A runtime operation failed.
    #[error(transparent)]
    Operation(#[from] OperationFailed),
    /// A source operation failed.
    #[error(transparent)]
    SourceOperation(#[from] SourceError),
    /// Anything that any request can run into.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

impl From<crate::StoreError> for DeployError {
    fn from(error: crate::StoreError) -> Self {
        Self::Platform(error.into())
    }
}

impl From<crate::ArchiveError> for DeployError {
    fn from(error: crate::ArchiveError) -> Self {
        Self::Platform(error.into())
    }
}

impl From<crate::GitError> for DeployError {
    fn from(error: crate::GitError) -> Self {
        Self::Platform(error.into())
    }
}

impl Platform {
    /// Deploys a commit: reads, builds, compares, acts.
    ///
    /// # Errors
    /// Why not; the environment runs what it ran before then.
    pub(crate) fn deploy(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        reason: Reason,
        strategy: Option<Strategy>,
        report: &Report,
    ) -> Result<(), DeployError> {
        let built = self.prepare(environment, commit, report)?;
        self.deploy_built(environment, &built, reason, strategy, report)
    }

    /// Reads the configuration of a commit and builds all that it needs. Nothing that runs is touched.
    pub(crate) fn prepare(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        report: &Report,
    ) -> Result<Built, DeployError> {
        let project = self.project_by_id(&environment.project)?;
        let config = self.read_configuration(environment, commit)?;
        let unfit = self.unfit_services(environment, &config.services)?;
        if !unfit.is_empty() {
            let reasons: Vec<String> = unfit.iter().map(|unfit| format!("E: {unfit}")).collect();
            return Err(DeployError::Configuration {
                rendered: reasons.join("\n"),
            });
        }
        let images = report.step(&TaskStep::Build { commit }, || {
            self.build(&project, environment, &config, commit, report)
        })?;
        report.progress(50);
        Ok(Built {
            commit: commit.into(),
            config,
            images,
        })
    }

    /// Deploys what was built: compares, acts.
    ///
    /// # Errors
    /// Why not; the environment runs what it ran before then.
    pub(crate) fn deploy_built(
        &self,
        environment: &EnvironmentRecord,
        built: &Built,
        reason: Reason,
        strategy: Option<Strategy>,
        report: &Report,
    ) -> Result<(), DeployError> {
        let project = self.project_by_id(&environment.project)?;
        let commit = built.commit.as_str();
        let state = self.state(environment)?;
        let strategy = strategy.unwrap_or(environment.strategy);
        let mut desired = self.assemble_by(strategy, &project, environment, built, &state, report)?;
        self.say_whether_limits_hold(report);
        let steps = plan(&mut desired, &state, fresh_container_id);
        if steps.is_empty() && reason == Reason::Push {
            report.line("Nothing to do: the environment already runs exactly this.");
            report.step(&TaskStep::Record { commit }, || {
                self.record(environment, commit, &desired)
            })?;
            return Ok(());
        }
        let changed = !steps.is_empty();
        self.end_crons_disturbed_by(&steps, environment, report);
        let (steps, afterwards) = apart(with_hooks(steps, &desired, changed));
        report.line(&format!("Deploying {}", environment.name));
        let mut carry_out = CarryOut::new(
            self.node(),
            self.store(),
            self.edge(),
            report,
            environment,
            &desired,
        );
        if let Err(error) = carry_out.run(&steps) {
            self.back_to(state.deployed, environment, report, &error);
            return Err(error.into());
        }
        report.step(&TaskStep::Record { commit }, || {
            self.record(environment, commit, &desired)
        })?;
        if !afterwards.is_empty() {
            carry_out.uncancellable().run(&afterwards)?;
            self.release_slots(environment, &desired)?;
        }
        self.summary(&desired, report);
        Ok(())
    }

    /// Reads the configuration of a commit.
    pub(crate) fn read_configuration(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
    ) -> Result<guise_config::Project, DeployError> {
        let repository = self.repository(&environment.project);
        let tree = CommitTree::of(&repository, commit)?;
        let loaded = guise_config::load(&tree, &self.types());
        if let Some(failure) = tree.failure() {
            return Err(failure.into());
        }
        match loaded {
            Ok(loaded) => Ok(loaded.project),
            Err(diagnostics) => Err(DeployError::Configuration {
                rendered: guise_config::render(&diagnostics, Colour::Never),
            }),
        }
    }

    /// What an environment is at the moment.
    pub(crate) fn state(&self, environment: &EnvironmentRecord) -> Result<State, PlatformError> {
        let owners: HashMap<String, String> = self
            .store()
            .container_owners()?
            .into_iter()
            .filter(|(_, project, name, _)| {
                *project == environment.project.as_str() && *name == environment.name
            })
            .map(|(id, _, _, component)| (id, component))
            .collect();
        let containers = self
            .node()
            .containers()
            .into_iter()
            .filter_map(|status| {
                let component = owners.get(status.spec.id.as_str())?.clone();
                let running = matches!(status.state, ContainerState::Running { .. });
                Some(Actual {
                    component,
                    spec: status.spec,
                    running,
                })
            })
            .collect();
        let volumes = self.node().volumes()?.into_iter().collect();
        Ok(State {
            containers,
            volumes,
            limits: self.limits()?,
            deployed: self.deployed(environment)?,
        })
    }

    /// The deployment that an environment runs.
    pub(crate) fn deployed(&self, environment: &EnvironmentRecord) -> Result<Option<Desired>, PlatformError> {
        let current = self
            .store()
            .environment(&environment.project, &environment.name)?;
        let Some(id) = current.and_then(|environment| environment.deployment) else {
            return Ok(None);
        };
        Ok(self.store().deployment(&id)?.map(|record| record.desired))
    }

    pub(crate) fn record(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        desired: &Desired,
    ) -> Result<DeploymentId, PlatformError> {
        let (project, name) = (&environment.project, &environment.name);
        for component in &desired.components {
            self.store()
                .settle_slot(project, name, &component.name, component.spec.slot)?;
        }
        let deployment = self.store().create_deployment(project, name, commit, desired)?;
        self.store().set_deployed(project, name, &deployment, commit)?;
        self.release_slots(environment, desired)?;
        Ok(deployment)
    }

    /// Gives back the slots of what is neither wanted nor there any more.
    fn release_slots(&self, environment: &EnvironmentRecord, desired: &Desired) -> Result<(), PlatformError> {
        let components: Vec<&str> = desired.components.iter().map(|c| c.name.as_str()).collect();
        let containers = self.state(environment)?.containers;
        let in_use: Vec<u32> = containers.iter().map(|actual| actual.spec.slot).collect();
        let (project, name) = (&environment.project, &environment.name);
        Ok(self
            .store()
            .release_slots_but(project, name, &components, &in_use)?)
    }

    /// Brings an environment back to its last good deployment after a failed one, and lets requests go.
    fn back_to(
        &self,
        deployed: Option<Desired>,
        environment: &EnvironmentRecord,
        report: &Report,
        error: &StepError,
    ) {
        let release = |report: &Report| {
            if let Err(error) = self.edge().release(&environment.key()) {
                report.line(&format!("W: {error}"));
            }
        };
        let Some(mut deployed) = deployed else {
            report
                .line("W: there is no earlier deployment to go back to; what did start is left for a look.");
            return release(report);
        };
        tracing::info!(environment = environment.key(), %error, "going back to the last good deployment");
        report.line("Going back to the deployment that ran before");
        match self.run_again(&mut deployed, environment, report) {
            Ok(()) => report.line("The earlier deployment goes on serving."),
            Err(error) => report.line(&format!("E: going back failed too: {error}")),
        }
        // Containers made anew on the way back have new ids, which belong to the record.
        if let Some(commit) = &environment.head_commit
            && let Err(error) = self.record(environment, commit, &deployed)
        {
            report.line(&format!("W: {error}"));
        }
        release(report);
    }

    /// Makes an environment what an earlier deployment of it was.
    pub(crate) fn run_again(
        &self,
        deployed: &mut Desired,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        let state = self.state(environment)?;
        let steps = plan(deployed, &state, fresh_container_id);
        self.end_crons_disturbed_by(&steps, environment, report);
        let mut carry_out = CarryOut::new(
            self.node(),
            self.store(),
            self.edge(),
            report,
            environment,
            deployed,
        )
        .uncancellable();
        Ok(carry_out.run(&steps)?)
    }

    fn summary(&self, desired: &Desired, report: &Report) {
        report.line("");
        report.line("Environment configuration");
        for component in &desired.components {
            let megabytes = component.spec.limits.memory_bytes / 1_000_000;
            let disk = component
                .volumes
                .iter()
                .filter_map(|want| want.quota_bytes)
                .sum::<u64>()
                / 1_000_000;
            let disk = if disk > 0 {
                format!(", disk: {disk} MB")
            } else {
                String::new()
            };
            let (name, image) = (&component.name, &component.image_type);
            report.line(&format!("  {name} (type: {image}, memory: {megabytes} MB{disk})"));
        }
        report.line("");
        report.line("Environment routes");
        for route in &desired.routes {
            let target = match &route.target {
                crate::Target::Upstream { upstream, .. } => format!("is served by application `{upstream}`"),
                crate::Target::Redirect { to } => format!("redirects to {to}"),
                crate::Target::Proxy { to } => format!("is answered by {to}"),
            };
            report.line(&format!("  {} {target}", route.url));
        }
        report.line("");
    }
}

/// Adds the hooks and the release. A deploy hook runs when something changed, the post_deploy hook always; apps
/// keep their requests waiting while a deploy hook runs (spec 1.2, 1.3).
pub(crate) fn with_hooks(mut steps: Vec<Step>, desired: &Desired, changed: bool) -> Vec<Step> {
    let apps = || {
        desired
            .components
            .iter()
            .filter(|component| component.kind == ComponentKind::App)
    };
    let has = |wanted: fn(&Life) -> bool| {
        apps()
            .filter(move |app| wanted(&app.life))
            .map(|app| app.name.clone())
    };
    let deploy = has(|life| matches!(life, Life::App { deploy: Some(_), .. }));
    let post_deploy = has(|life| {
        matches!(
            life,
            Life::App {
                post_deploy: Some(_),
                ..
            }
        )
    });
    let switch = steps.iter().position(|step| *step == Step::SwitchRoutes);
    if changed {
        let hooks: Vec<_> = deploy.map(|component| Step::DeployHook { component }).collect();
        match switch {
            // In the new containers, while the old ones serve.
            Some(switch) => drop(steps.splice(switch..switch, hooks)),
            None if hooks.is_empty() => {}
            None => {
                if !steps.contains(&Step::Hold) {
                    steps.insert(0, Step::Hold);
                }
                steps.extend(hooks);
            }
        }
    }
    if steps.contains(&Step::Hold) {
        steps.push(Step::Release);
    }
    steps.extend(post_deploy.map(|component| Step::PostDeployHook { component }));
    steps
}

/// An id that no container has had.
pub(crate) fn fresh_container_id() -> ContainerId {
    ContainerId::new(random::letters(12)).expect("12 random letters are a container id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(deploy: Option<&str>, post_deploy: Option<&str>) -> Desired {
        let mut desired = crate::plan::tests::desired();
        if let Life::App {
            deploy: d,
            post_deploy: p,
            ..
        } = &mut desired.components[1].life
        {
            *d = deploy.map(String::from);
            *p = post_deploy.map(String::from);
        }
        desired
    }

    fn names(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .map(|step| {
                serde_json::to_value(step).unwrap()["step"]
                    .as_str()
                    .unwrap()
                    .into()
            })
            .collect()
    }

    #[test]
    fn a_change_runs_both_hooks_and_holds_requests_for_the_first() {
        let steps = with_hooks(vec![Step::SetRoutes], &app(Some("migrate"), Some("warm")), true);
        assert_eq!(
            names(&steps),
            ["hold", "set_routes", "deploy_hook", "release", "post_deploy_hook"]
        );
    }

    #[test]
    fn a_rolling_deployment_runs_the_deploy_hook_before_anybody_is_sent_to_it() {
        let steps = with_hooks(
            vec![Step::SwitchRoutes],
            &app(Some("migrate"), Some("warm")),
            true,
        );
        assert_eq!(
            names(&steps),
            ["deploy_hook", "switch_routes", "post_deploy_hook"]
        );
        let (steps, afterwards) = apart(steps);
        assert_eq!(names(&steps), ["deploy_hook", "switch_routes"]);
        assert_eq!(names(&afterwards), ["post_deploy_hook"]);
    }

    #[test]
    fn a_redeploy_without_a_change_runs_only_post_deploy() {
        let steps = with_hooks(vec![], &app(Some("migrate"), Some("warm")), false);
        assert_eq!(names(&steps), ["post_deploy_hook"]);
    }

    #[test]
    fn without_hooks_nothing_is_added_but_the_release() {
        assert_eq!(
            names(&with_hooks(vec![Step::SetRoutes], &app(None, None), true)),
            ["set_routes"]
        );
        assert_eq!(
            names(&with_hooks(vec![Step::Hold], &app(None, None), true)),
            ["hold", "release"]
        );
    }
}
