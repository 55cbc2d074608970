//! Backups: read-only snapshots of all volumes of an environment as of one instant, and what ran then (spec 5.4).

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::DeployError,
    edge::Edge,
    random,
    store::{
        self, ActivityRecord, BackupRecord, BackupStatus, BackupVolume, EnvironmentRecord, EnvironmentStatus,
        ProjectRecord,
    },
    task::Task,
    task_step::TaskStep,
};
use guise_model::{BackupId, ContainerId, VolumeId};

impl Platform {
    /// Backs an environment up, to be kept until somebody deletes it. Unless `live`, requests wait so that none is
    /// half done in it.
    ///
    /// # Errors
    /// [`PlatformError::WrongStatus`] unless the environment is active.
    pub fn create_backup(
        &self,
        environment: &EnvironmentRecord,
        live: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "backed up")?;
        self.submit_backup(environment, live, None)
    }

    /// Queues a backup. One that expires is the schedule's.
    pub(crate) fn submit_backup(
        &self,
        environment: &EnvironmentRecord,
        live: bool,
        expires_at: Option<String>,
    ) -> Result<ActivityRecord, PlatformError> {
        let kind = if expires_at.is_some() {
            "Automated backup"
        } else {
            "Backup"
        };
        let task = Task::Backup {
            backup: BackupId::new(random::letters(13)).expect("13 random letters are a backup id"),
            live,
            expires_at,
        };
        let description = format!("{kind} of {}", environment.name);
        self.submit("environment.backup", environment, &description, &task)
    }

    /// An environment's backups, newest first.
    pub fn backups(&self, environment: &EnvironmentRecord) -> Result<Vec<BackupRecord>, PlatformError> {
        Ok(self
            .store()
            .backups(Some(&environment.project), Some(&environment.name))?)
    }

    /// A backup of any environment of a project.
    ///
    /// # Errors
    /// [`PlatformError::UnknownBackup`].
    pub fn backup(&self, project: &ProjectRecord, given: &str) -> Result<BackupRecord, PlatformError> {
        let id = BackupId::new(given).ok();
        let found = id.map(|id| self.store().backup(&id)).transpose()?.flatten();
        found
            .filter(|backup| backup.project == project.id)
            .ok_or_else(|| PlatformError::UnknownBackup {
                project: project.title.clone(),
                given: given.into(),
            })
    }

    /// Deletes a backup.
    pub fn delete_backup(&self, backup: &BackupRecord) -> Result<ActivityRecord, PlatformError> {
        let project = self.project_by_id(&backup.project)?;
        let environment = self.environment(&project, &backup.environment)?;
        let task = Task::DeleteBackup {
            backup: backup.id.clone(),
        };
        let description = format!("Delete backup {} of {}", backup.id, backup.environment);
        self.submit("environment.backup.delete", &environment, &description, &task)
    }

    pub(crate) fn run_backup(
        &self,
        environment: &EnvironmentRecord,
        id: &BackupId,
        live: bool,
        expires_at: Option<&String>,
        report: &Report,
    ) -> Result<(), DeployError> {
        if let Some(found) = self.store().backup(id)? {
            if found.status == BackupStatus::Created {
                return Ok(());
            }
            // Half made before the daemon was stopped: that instant has passed.
            self.remove_backup(&found)?;
        }
        let backup = report.step(&TaskStep::BeginBackup { backup: id }, || {
            self.begin_backup(environment, id, live, expires_at)
        })?;
        let taken = report.step(&TaskStep::Snapshot { backup: id }, || {
            self.take_snapshots(environment, &backup, live, report)
        });
        if let Err(error) = taken {
            self.remove_backup(&backup)?;
            return Err(error.into());
        }
        report.step(&TaskStep::CompleteBackup { backup: id }, || {
            Ok(self.store().set_backup_status(id, BackupStatus::Created)?)
        })
    }

    /// Records what the backup will be made of, before anything of it exists.
    fn begin_backup(
        &self,
        environment: &EnvironmentRecord,
        id: &BackupId,
        live: bool,
        expires_at: Option<&String>,
    ) -> Result<BackupRecord, PlatformError> {
        let deployment = environment.deployment.as_ref();
        let deployed = deployment.map(|id| self.store().deployment(id)).transpose()?;
        let Some(deployed) = deployed.flatten() else {
            return Err(PlatformError::NotDeployed {
                environment: environment.name.clone(),
            });
        };
        let volumes = self.lasting_volumes(environment)?.into_iter().enumerate();
        let volumes = volumes.map(|(number, (component, _))| BackupVolume {
            component,
            volume: backup_volume(id, number),
        });
        let backup = BackupRecord {
            id: id.clone(),
            project: environment.project.clone(),
            environment: environment.name.clone(),
            status: BackupStatus::Creating,
            commit: deployed.commit,
            deployment: Some(deployed.id),
            safe: !live,
            automated: expires_at.is_some(),
            created_at: store::now(),
            expires_at: expires_at.cloned(),
            volumes: volumes.collect(),
        };
        self.store().create_backup(&backup, Some(&deployed.desired))?;
        Ok(backup)
    }

    fn take_snapshots(
        &self,
        environment: &EnvironmentRecord,
        backup: &BackupRecord,
        live: bool,
        report: &Report,
    ) -> Result<(), PlatformError> {
        let originals = self.lasting_volumes(environment)?;
        let original = |component: &str| {
            let found = originals.iter().find(|(name, _)| name == component);
            found.map(|(_, volume)| volume.clone())
        };
        let pairs = backup.volumes.iter();
        let pairs: Vec<(VolumeId, VolumeId)> = pairs
            .filter_map(|kept| Some((original(&kept.component)?, kept.volume.clone())))
            .collect();
        let running = self.running_containers(environment)?;
        // Requests shall not wait for the disk.
        self.node().write_volumes_back()?;
        // Before one that sleeps they wait already, for longer than this.
        let held = (!live && !environment.asleep)
            .then(|| Held::new(self.edge(), environment, report))
            .transpose()?;
        let pause = self.node().snapshot_volumes(&pairs, &running)?;
        drop(held);
        report.line(&format!(
            "Backup {}: {} volumes as of one instant; {} stood still for {:.1} ms",
            backup.id,
            pairs.len(),
            environment.name,
            pause.as_secs_f64() * 1000.0
        ));
        Ok(())
    }

    /// An environment's volumes that exist and whose content outlives a deployment (spec 1.8), by component.
    pub(crate) fn lasting_volumes(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<(String, VolumeId)>, PlatformError> {
        let existing = self.node().volumes()?;
        let mut volumes = self
            .store()
            .volumes(&environment.project, Some(&environment.name))?;
        volumes.retain(|(component, volume)| !component.starts_with("tmp--") && existing.contains(volume));
        volumes.sort();
        Ok(volumes)
    }

    fn running_containers(&self, environment: &EnvironmentRecord) -> Result<Vec<ContainerId>, PlatformError> {
        let containers = self.state(environment)?.containers.into_iter();
        Ok(containers
            .filter(|container| container.running)
            .map(|container| container.spec.id)
            .collect())
    }

    pub(crate) fn run_delete_backup(&self, id: &BackupId, report: &Report) -> Result<(), DeployError> {
        if let Some(backup) = self.store().backup(id)? {
            report.line(&format!("Deleting {} volumes", backup.volumes.len()));
            report.step(&TaskStep::DeleteBackup { backup: id }, || {
                self.remove_backup(&backup)
            })?;
        }
        Ok(())
    }

    /// Deletes all backups of an environment that is about to be deleted (spec 5.2).
    pub(crate) fn remove_backups_of(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), PlatformError> {
        for backup in self.backups(environment)? {
            let id = &backup.id;
            report.line(&format!("Deleting backup {id}"));
            report.step(&TaskStep::DeleteBackup { backup: id }, || {
                self.remove_backup(&backup)
            })?;
        }
        Ok(())
    }

    /// Deletes a backup's volumes, then the record: what a crash or a power cut leaves behind still has its owner.
    pub(crate) fn remove_backup(&self, backup: &BackupRecord) -> Result<(), PlatformError> {
        self.store()
            .set_backup_status(&backup.id, BackupStatus::Deleting)?;
        for kept in &backup.volumes {
            self.node().volume_delete(&kept.volume)?;
        }
        self.node().write_volumes_back()?;
        Ok(self.store().delete_backup(&backup.id)?)
    }
}

/// The snapshot of the component that comes as number `number`.
pub(crate) fn backup_volume(backup: &BackupId, number: usize) -> VolumeId {
    VolumeId::new(format!("backup-{backup}-{number}")).expect("an id, letters and a number are a volume id")
}

/// Requests of an environment wait for as long as this lives.
struct Held<'a> {
    edge: &'a dyn Edge,
    environment: String,
    report: &'a Report,
}

impl<'a> Held<'a> {
    fn new(
        edge: &'a dyn Edge,
        environment: &EnvironmentRecord,
        report: &'a Report,
    ) -> Result<Self, PlatformError> {
        let held = Self {
            edge,
            environment: environment.key(),
            report,
        };
        let left = edge.hold(&held.environment)?;
        if left > 0 {
            report.line(&format!(
                "W: {left} requests under way did not end; the backup has them half done"
            ));
        }
        Ok(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.edge.release(&self.environment) {
            self.report.line(&format!("W: {error}"));
        }
    }
}
