//! Restoring a backup: its data, and the code that ran with it, in any environment of the project (spec 5.2).
//!
//! The old data is kept until the restored environment runs. If it does not come up, the environment goes back to
//! what it ran before, with the data it had.

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::{Built, DeployError, Reason},
    desired::Desired,
    store::{ActivityRecord, BackupRecord, BackupStatus, EnvironmentRecord, EnvironmentType},
    task::Task,
    task_step::TaskStep,
};
use guise_model::{ActivityId, BackupId, VolumeId};

/// Where a backup is restored to, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// The environment; the backup's own when `None`. One that does not exist becomes a branch of the backup's.
    pub target: Option<String>,
    /// Whether the code that ran comes back too, or only the data.
    pub code: bool,
}

/// A component's volume of a backup and the copy of it that the environment gets.
struct Replacement {
    component: String,
    from: VolumeId,
    to: VolumeId,
}

impl Platform {
    /// Restores a backup.
    ///
    /// # Errors
    /// [`PlatformError::BackupNotReady`] unless it is complete, or when the target cannot be made.
    pub fn restore_backup(
        &self,
        backup: &BackupRecord,
        restoration: &Restoration,
    ) -> Result<ActivityRecord, PlatformError> {
        must_be_complete(backup)?;
        let environment = match &restoration.target {
            Some(name) => self.target(backup, name)?,
            None => self.environment(&self.project_by_id(&backup.project)?, &backup.environment)?,
        };
        let task = Task::Restore {
            backup: backup.id.clone(),
            code: restoration.code,
        };
        let description = format!(
            "Restore backup {} of {} to {}",
            backup.id, backup.environment, environment.name
        );
        self.submit("environment.restore", &environment, &description, &task)
    }

    /// The environment of that name, made as a branch at the backed-up commit if there is none.
    fn target(&self, backup: &BackupRecord, name: &str) -> Result<EnvironmentRecord, PlatformError> {
        if let Some(environment) = self.store().environment(&backup.project, name)? {
            return Ok(environment);
        }
        crate::project::check_branch(name)?;
        let repository = self.repository(&backup.project);
        if repository.head_of(name)?.is_none() {
            repository.set_branch(name, &backup.commit)?;
        }
        let parent = Some(backup.environment.as_str());
        Ok(self
            .store()
            .create_environment(&backup.project, name, EnvironmentType::Development, parent)?)
    }

    pub(crate) fn run_restore(
        &self,
        environment: &EnvironmentRecord,
        id: &BackupId,
        code: bool,
        report: &Report,
    ) -> Result<(), DeployError> {
        let backup = self.complete_backup(id)?;
        let built = if code {
            let desired = self.store().backup_desired(id)?;
            self.prepare_kept(environment, &backup.commit, desired.as_ref(), report)?
        } else {
            let head = self.repository(&environment.project).head_of(&environment.name)?;
            let commit = environment.head_commit.clone().or(head);
            let commit = commit.ok_or_else(|| PlatformError::NotDeployed {
                environment: environment.name.clone(),
            })?;
            self.prepare(environment, &commit, report)?
        };
        self.deploy_with_data(&backup, environment, &built, report)
    }

    pub(crate) fn complete_backup(&self, id: &BackupId) -> Result<BackupRecord, PlatformError> {
        let backup = self.store().backup(id)?;
        let backup = backup.ok_or_else(|| PlatformError::BackupNotReady {
            backup: id.clone(),
            status: "deleted",
        })?;
        must_be_complete(&backup)?;
        Ok(backup)
    }

    /// Gives an environment a backup's data and deploys; gives it back its own when that fails.
    pub(crate) fn deploy_with_data(
        &self,
        backup: &BackupRecord,
        environment: &EnvironmentRecord,
        built: &Built,
        report: &Report,
    ) -> Result<(), DeployError> {
        let before = self.deployed(environment)?;
        let replacements = replacements(backup, report.id());
        let outcome = self
            .exchange_data(&backup.id, environment, &replacements, report)
            .map_err(DeployError::from)
            .and_then(|()| self.deploy_built(environment, built, Reason::Redeploy, None, report));
        if outcome.is_err()
            && let Some(before) = before
        {
            self.put_data_back(environment, &replacements, before, report)?;
        }
        report.step(&TaskStep::Release, || {
            self.edge()
                .release(&environment.key())
                .map_err(PlatformError::from)
        })?;
        report.step(&TaskStep::DeleteReplaced, || {
            self.delete_replaced(environment, &replacements, report)
        })?;
        outcome
    }

    /// Copies what is restored, stops what runs, and exchanges the data in one step; requests wait from then on. Does
    /// nothing when that has happened before a crash.
    fn exchange_data(
        &self,
        backup: &BackupId,
        environment: &EnvironmentRecord,
        replacements: &[Replacement],
        report: &Report,
    ) -> Result<(), PlatformError> {
        let owned = self
            .store()
            .volumes(&environment.project, Some(&environment.name))?;
        let is_owned = |new: &Replacement| owned.iter().any(|(_, volume)| *volume == new.to);
        if replacements.iter().any(is_owned) {
            return Ok(());
        }
        self.delete_replaced(environment, replacements, report)?;
        report.step(&TaskStep::CopyBackup { backup }, || {
            self.copy_backup(replacements)
        })?;
        report.step(&TaskStep::Hold, || {
            let held = self.edge().hold(&environment.key());
            held.map_err(PlatformError::from)
        })?;
        self.close(environment, report)?;
        report.line(&format!(
            "Replacing the data of {} components",
            replacements.len()
        ));
        let (project, name) = (&environment.project, &environment.name);
        report.step(&TaskStep::ExchangeVolumes, || {
            Ok(self
                .store()
                .exchange_volumes(project, name, &owned_by_component(replacements))?)
        })
    }

    fn copy_backup(&self, replacements: &[Replacement]) -> Result<(), PlatformError> {
        for new in replacements {
            self.node().volume_delete(&new.to)?;
        }
        let pairs = replacements.iter().map(|new| (new.from.clone(), new.to.clone()));
        // Nobody writes to a backup, so nobody needs to stand still.
        self.node().clone_volumes(&pairs.collect::<Vec<_>>(), &[])?;
        Ok(())
    }

    /// Gives an environment its data back and lets the deployment from before run with it, which it does already
    /// unless the new one failed before its first step.
    fn put_data_back(
        &self,
        environment: &EnvironmentRecord,
        replacements: &[Replacement],
        mut before: Desired,
        report: &Report,
    ) -> Result<(), DeployError> {
        report.line("Putting the data back that was there before");
        let (project, name) = (&environment.project, &environment.name);
        report.step(&TaskStep::PutVolumesBack, || {
            self.store()
                .put_volumes_back(project, name, &owned_by_component(replacements))
        })?;
        self.run_again(&mut before, environment, report)?;
        if let Some(commit) = &environment.head_commit
            && self.deployed(environment)?.as_ref() != Some(&before)
        {
            self.record(environment, commit, &before)?;
        }
        Ok(())
    }

    /// Deletes what was taken out of these components.
    fn delete_replaced(
        &self,
        environment: &EnvironmentRecord,
        replacements: &[Replacement],
        report: &Report,
    ) -> Result<(), PlatformError> {
        let (project, name) = (&environment.project, &environment.name);
        for Replacement { component, .. } in replacements {
            let Some(volume) = self.store().replaced_volume(project, name, component)? else {
                continue;
            };
            // What cannot be deleted now stays owned and is tried again at the next restoration.
            let deleted = self
                .node()
                .volume_delete(&volume)
                .and_then(|()| self.node().write_volumes_back());
            match deleted {
                Ok(()) => self.store().disown_volume(&volume)?,
                Err(error) => report.line(&format!("W: {error}")),
            }
        }
        Ok(())
    }
}

fn owned_by_component(replacements: &[Replacement]) -> Vec<(String, VolumeId)> {
    let owned = replacements.iter();
    owned.map(|new| (new.component.clone(), new.to.clone())).collect()
}

fn must_be_complete(backup: &BackupRecord) -> Result<(), PlatformError> {
    if backup.status == BackupStatus::Created {
        return Ok(());
    }
    Err(PlatformError::BackupNotReady {
        backup: backup.id.clone(),
        status: backup.status.as_str(),
    })
}

/// The copies have the activity's id in their names, so that a run after a crash knows them again.
fn replacements(backup: &BackupRecord, activity: &ActivityId) -> Vec<Replacement> {
    let volumes = backup.volumes.iter().enumerate();
    volumes
        .map(|(number, kept)| Replacement {
            component: kept.component.clone(),
            from: kept.volume.clone(),
            to: VolumeId::new(format!("data-{activity}-{number}"))
                .expect("an id, letters and a number are a volume id"),
        })
        .collect()
}
