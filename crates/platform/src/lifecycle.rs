//! An environment's life besides pushes: branch, activate, pause, synchronize, merge, deactivate, delete (spec 5.2).

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::{DeployError, Reason},
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus, EnvironmentType, ProjectRecord},
    strategy::Strategy,
    task::Task,
    task_step::TaskStep,
};
use guise_model::{ContainerId, VolumeId};
use std::collections::BTreeSet;

impl Platform {
    /// Makes an environment as a branch of another: its code, its data as of now, its own everything else.
    ///
    /// # Errors
    /// When the name cannot be a branch, or is one already.
    pub fn branch(
        &self,
        project: &ProjectRecord,
        name: &str,
        parent: &EnvironmentRecord,
        clone_parent: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        crate::project::check_branch(name)?;
        let repository = self.repository(&project.id);
        if repository.head_of(name)?.is_some() || self.store().environment(&project.id, name)?.is_some() {
            return Err(PlatformError::EnvironmentExists { name: name.into() });
        }
        let commit = self.head(parent)?;
        repository.set_branch(name, &commit)?;
        let environment = self.store().create_environment(
            &project.id,
            name,
            EnvironmentType::Development,
            Some(&parent.name),
        )?;
        let description = format!("Branch {name} from {}", parent.name);
        self.submit(
            "environment.branch",
            &environment,
            &description,
            &Task::Activate {
                clone_parent,
                commit: Some(commit),
            },
        )
    }

    /// Deploys the head of an environment's branch once more.
    ///
    /// # Errors
    /// [`PlatformError::NotDeployed`] when its branch has no commit.
    pub fn redeploy(
        &self,
        environment: &EnvironmentRecord,
        strategy: Option<Strategy>,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "redeployed")?;
        let commit = self.head(environment)?;
        let description = format!("Redeploy {}", environment.name);
        let task = Task::Deploy {
            commit,
            reason: Reason::Redeploy,
            strategy,
        };
        self.submit("environment.redeploy", environment, &description, &task)
    }

    /// Starts an inactive environment with a clone of its parent's data.
    pub fn activate(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Inactive], "activated")?;
        let description = format!("Activate {}", environment.name);
        let task = Task::Activate {
            clone_parent: environment.parent.is_some() && environment.clone_parent_on_create,
            commit: None,
        };
        self.submit("environment.activate", environment, &description, &task)
    }

    /// Removes what an environment runs and its data; its branch stays.
    pub fn deactivate(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.must_not_be_production(environment)?;
        let description = format!("Deactivate {}", environment.name);
        self.submit(
            "environment.deactivate",
            environment,
            &description,
            &Task::Deactivate,
        )
    }

    /// Removes an environment with its data and its branch.
    pub fn delete_environment(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_not_be_production(environment)?;
        let description = format!("Delete {}", environment.name);
        let task = Task::Delete {
            branch_is_gone: false,
        };
        self.submit("environment.delete", environment, &description, &task)
    }

    /// Stops what an environment runs; its data stays.
    pub fn pause(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "paused")?;
        self.submit(
            "environment.pause",
            environment,
            &format!("Pause {}", environment.name),
            &Task::Pause,
        )
    }

    /// Starts a paused environment.
    pub fn resume(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Paused], "resumed")?;
        self.submit(
            "environment.resume",
            environment,
            &format!("Resume {}", environment.name),
            &Task::Resume,
        )
    }

    /// Brings an environment's parent's code, data or both into it.
    pub fn synchronize(
        &self,
        environment: &EnvironmentRecord,
        code: bool,
        data: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "synchronized")?;
        self.parent_of(environment)?;
        let what = match (code, data) {
            (true, true) => "code and data",
            (true, false) => "code",
            _ => "data",
        };
        let description = format!("Synchronize {what} of {}", environment.name);
        let task = Task::Synchronize { code, data };
        self.submit("environment.synchronize", environment, &description, &task)
    }

    /// Merges an environment's branch into its parent's and deploys the parent.
    pub fn merge(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        let parent = self.parent_of(environment)?;
        let description = format!("Merge {} into {}", environment.name, parent.name);
        let task = Task::Merge {
            child: environment.name.clone(),
        };
        self.submit("environment.merge", &parent, &description, &task)
    }

    pub(crate) fn run_activate(
        &self,
        environment: &EnvironmentRecord,
        clone_parent: bool,
        commit: Option<&str>,
        report: &Report,
    ) -> Result<(), DeployError> {
        if clone_parent {
            self.clone_data(environment, report)?;
        }
        match commit {
            Some(commit) => self.deploy(environment, commit, Reason::Redeploy, None, report),
            None => self.deploy_head(environment, report),
        }
    }

    pub(crate) fn run_deactivate(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        self.stop(environment, report)?;
        self.delete_data(environment, report)?;
        let (project, name) = (&environment.project, &environment.name);
        report.step(&TaskStep::Deactivate, || {
            Ok(self.store().reset_environment(project, name)?)
        })
    }

    pub(crate) fn run_delete(
        &self,
        environment: &EnvironmentRecord,
        branch_is_gone: bool,
        report: &Report,
    ) -> Result<(), DeployError> {
        self.run_deactivate(environment, report)?;
        self.remove_backups_of(environment, report)?;
        let (project, branch) = (&environment.project, environment.name.as_str());
        if !branch_is_gone {
            report.line(&format!("Deleting branch {branch}"));
            report.step(&TaskStep::DeleteBranch { branch }, || {
                self.repository(project)
                    .delete_branch(branch)
                    .map_err(DeployError::from)
            })?;
        }
        report.step(&TaskStep::Forget, || {
            Ok(self.store().delete_environment(project, branch)?)
        })
    }

    pub(crate) fn run_pause(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        self.stop(environment, report)?;
        let (project, name) = (&environment.project, &environment.name);
        report.step(&TaskStep::Pause, || {
            Ok(self
                .store()
                .set_status(project, name, EnvironmentStatus::Paused)?)
        })
    }

    pub(crate) fn run_synchronize(
        &self,
        environment: &EnvironmentRecord,
        code: bool,
        data: bool,
        report: &Report,
    ) -> Result<(), DeployError> {
        if code {
            let parent = self.parent_of(environment)?;
            self.merge_branches(environment, &parent.name, report)?;
        }
        if !data {
            return self.deploy_head(environment, report);
        }
        // Nobody shall wait for a build.
        let built = self.prepare(environment, &self.head(environment)?, report)?;
        let key = environment.key();
        report.step(&TaskStep::Hold, || {
            self.edge().hold(&key).map_err(PlatformError::from)
        })?;
        let outcome = self
            .replace_data(environment, report)
            .map_err(DeployError::from)
            .and_then(|()| self.deploy_built(environment, &built, Reason::Redeploy, None, report));
        // Also after a failure: visitors are told so instead of waiting.
        report.step(&TaskStep::Release, || {
            self.edge().release(&key).map_err(PlatformError::from)
        })?;
        outcome
    }

    /// Stops an environment and gives it a clone of its parent's data instead of its own.
    fn replace_data(&self, environment: &EnvironmentRecord, report: &Report) -> Result<(), PlatformError> {
        self.close(environment, report)?;
        self.delete_data(environment, report)?;
        self.clone_data(environment, report)
    }

    pub(crate) fn run_merge(
        &self,
        parent: &EnvironmentRecord,
        child: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        self.merge_branches(parent, child, report)?;
        self.deploy_head(parent, report)
    }

    /// Deploys the head of an environment's branch.
    pub(crate) fn deploy_head(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        let commit = self.head(environment)?;
        self.deploy(environment, &commit, Reason::Redeploy, None, report)
    }

    /// The commit that an environment's branch points to.
    pub(crate) fn head(&self, environment: &EnvironmentRecord) -> Result<String, PlatformError> {
        let head = self.repository(&environment.project).head_of(&environment.name)?;
        head.ok_or_else(|| PlatformError::NotDeployed {
            environment: environment.name.clone(),
        })
    }

    fn merge_branches(
        &self,
        into: &EnvironmentRecord,
        from: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        let (repository, into) = (self.repository(&into.project), into.name.as_str());
        report.step(&TaskStep::MergeBranch { from, into }, || {
            let outcome = repository.merge(from, into)?;
            report.line(&format!("{outcome} of {from} into {into}"));
            Ok(())
        })
    }

    /// Gives an environment a clone of all its parent's data as of one instant. One that has a volume of each of its
    /// parent's already keeps them; some but not all are what a crash left of a clone.
    fn clone_data(&self, environment: &EnvironmentRecord, report: &Report) -> Result<(), PlatformError> {
        let parent = self.parent_of(environment)?;
        let existing: BTreeSet<VolumeId> = self.node().volumes()?.into_iter().collect();
        let mut pairs = Vec::new();
        for (component, from) in self.store().volumes(&parent.project, Some(&parent.name))? {
            // What is temporary begins empty (spec 5.2).
            if component.starts_with("tmp--") || !existing.contains(&from) {
                continue;
            }
            let to = self
                .store()
                .volume(&environment.project, &environment.name, &component)?;
            pairs.push((from, to));
        }
        if pairs.iter().all(|(_, to)| existing.contains(to)) {
            return Ok(());
        }
        self.close(environment, report)?;
        self.delete_data(environment, report)?;
        report.step(&TaskStep::CloneData { from: &parent.name }, || {
            self.clone_volumes(&parent, &pairs, report)
        })
    }

    fn clone_volumes(
        &self,
        parent: &EnvironmentRecord,
        pairs: &[(VolumeId, VolumeId)],
        report: &Report,
    ) -> Result<(), PlatformError> {
        let frozen: Vec<ContainerId> = self
            .state(parent)?
            .containers
            .into_iter()
            .filter(|c| c.running)
            .map(|c| c.spec.id)
            .collect();
        let pause = self.node().clone_volumes(pairs, &frozen)?;
        report.line(&format!(
            "Cloned {} volumes of {} as of one instant; it stood still for {:.1} ms",
            pairs.len(),
            parent.name,
            pause.as_secs_f64() * 1000.0
        ));
        Ok(())
    }

    /// Stops and removes an environment's containers and takes its routes from the edge.
    pub(crate) fn stop(&self, environment: &EnvironmentRecord, report: &Report) -> Result<(), PlatformError> {
        report.step(&TaskStep::ForgetRoutes, || {
            self.edge()
                .forget(&environment.key())
                .map_err(PlatformError::from)
        })?;
        self.close(environment, report)
    }

    /// Stops and removes an environment's containers. Its routes stay.
    pub(crate) fn close(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), PlatformError> {
        let containers = self.state(environment)?.containers;
        if !containers.is_empty() {
            report.line("Closing all services");
        }
        for actual in &containers {
            self.end_cron(environment, &actual.component, report);
        }
        for actual in containers {
            let container = &actual.spec.id;
            report.step(&TaskStep::RemoveContainer { container }, || {
                self.node().remove(container)?;
                self.store()
                    .disown_container(container)
                    .map_err(PlatformError::from)
            })?;
        }
        Ok(())
    }

    pub(crate) fn delete_data(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), PlatformError> {
        let existing: BTreeSet<VolumeId> = self.node().volumes()?.into_iter().collect();
        let mut volumes = self
            .store()
            .volumes(&environment.project, Some(&environment.name))?;
        volumes.retain(|(_, volume)| existing.contains(volume));
        if !volumes.is_empty() {
            let (count, name) = (volumes.len(), &environment.name);
            report.line(&format!("Deleting {count} volumes of {name}"));
        }
        for (component, volume) in &volumes {
            report.step(&TaskStep::DeleteVolume { component, volume }, || {
                self.node().volume_delete(volume).map_err(PlatformError::from)
            })?;
        }
        // Before anybody forgets whose they were: a power cut brings back what was deleted just now.
        Ok(self.node().write_volumes_back()?)
    }

    fn parent_of(&self, environment: &EnvironmentRecord) -> Result<EnvironmentRecord, PlatformError> {
        let parent = environment.parent.as_deref();
        let found = parent
            .map(|name| self.store().environment(&environment.project, name))
            .transpose()?;
        found.flatten().ok_or_else(|| PlatformError::NoParent {
            environment: environment.name.clone(),
        })
    }

    fn must_not_be_production(&self, environment: &EnvironmentRecord) -> Result<(), PlatformError> {
        if environment.kind == EnvironmentType::Production {
            return Err(PlatformError::IsProduction {
                environment: environment.name.clone(),
            });
        }
        Ok(())
    }

    pub(crate) fn must_be(
        &self,
        environment: &EnvironmentRecord,
        allowed: &[EnvironmentStatus],
        wanted: &'static str,
    ) -> Result<(), PlatformError> {
        if allowed.contains(&environment.status) {
            return Ok(());
        }
        let (environment, status) = (environment.name.clone(), environment.status.as_str());
        Err(PlatformError::WrongStatus {
            environment,
            status,
            wanted,
        })
    }
}
