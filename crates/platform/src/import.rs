//! Makes a backup of what another guise (or this one) has written to a directory.

use crate::{
    Platform, PlatformError,
    activity::Report,
    archive::{CODE, Manifest, Piece},
    backup::backup_volume,
    deploy::DeployError,
    export::{must_be_absolute, stop_if_cancelled},
    push_options::PushOptions,
    random,
    store::{ActivityRecord, BackupRecord, BackupStatus, BackupVolume, EnvironmentRecord, ProjectRecord},
    task::Task,
    task_step::TaskStep,
};
use guise_model::BackupId;
use std::path::Path;

impl Platform {
    /// Makes a backup of an environment from a directory. The environment is made, inactive, if there is none of
    /// that name: restoring the backup starts it.
    ///
    /// # Errors
    /// [`ArchiveError`](crate::ArchiveError) when the directory holds no backup.
    pub fn import_backup(
        &self,
        project: &ProjectRecord,
        environment: &str,
        directory: &str,
    ) -> Result<ActivityRecord, PlatformError> {
        must_be_absolute(Path::new(directory))?;
        let manifest = Manifest::read(Path::new(directory))?;
        crate::project::check_branch(environment)?;
        let environment = self.environment_for(project, environment, &PushOptions::default())?;
        let task = Task::ImportBackup {
            backup: BackupId::new(random::letters(13)).expect("13 random letters are a backup id"),
            directory: directory.into(),
        };
        let (made_of, name) = (&manifest.environment, &environment.name);
        let description = format!("Import a backup of {made_of} of {} to {name}", manifest.project);
        self.submit("environment.backup.import", &environment, &description, &task)
    }

    pub(crate) fn run_import(
        &self,
        environment: &EnvironmentRecord,
        id: &BackupId,
        directory: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        if let Some(found) = self.store().backup(id)? {
            if found.status == BackupStatus::Created {
                return Ok(());
            }
            self.remove_backup(&found)?;
        }
        let directory = Path::new(directory);
        let manifest = Manifest::read(directory).map_err(PlatformError::from)?;
        report.step(&TaskStep::CheckArchive { backup: id }, || {
            check_pieces(&manifest, directory, report)
        })?;
        report.step(&TaskStep::ImportCode { backup: id }, || {
            self.take_code(environment, &manifest, directory)
        })?;
        let backup = backup_of(&manifest, environment, id);
        report.step(&TaskStep::BeginBackup { backup: id }, || {
            self.store().create_backup(&backup, None)
        })?;
        if let Err(error) = self.take_data(&backup, &manifest, directory, report) {
            self.remove_backup(&backup)?;
            return Err(error);
        }
        report.step(&TaskStep::CompleteBackup { backup: id }, || {
            self.store().set_backup_status(id, BackupStatus::Created)
        })?;
        report.line(&format!(
            "Backup {id} is there. Restore it: guise backup restore {id}"
        ));
        Ok(())
    }

    /// Takes the commit into the repository; a branch without any commit gets it as its head.
    fn take_code(
        &self,
        environment: &EnvironmentRecord,
        manifest: &Manifest,
        directory: &Path,
    ) -> Result<(), PlatformError> {
        let repository = self.repository(&environment.project);
        repository.unbundle(&directory.join(CODE))?;
        if repository.head_of(&environment.name)?.is_none() {
            repository.set_branch(&environment.name, &manifest.commit)?;
        }
        Ok(())
    }

    fn take_data(
        &self,
        backup: &BackupRecord,
        manifest: &Manifest,
        directory: &Path,
        report: &Report,
    ) -> Result<(), DeployError> {
        let pieces = backup.volumes.iter().zip(&manifest.volumes);
        for (number, (kept, piece)) in pieces.enumerate() {
            stop_if_cancelled(report)?;
            report.line(&format!("Reading the data of {}", kept.component));
            let step = TaskStep::ImportVolume {
                backup: &backup.id,
                component: &kept.component,
            };
            report.step(&step, || {
                let mut stream = Piece::open(&directory.join(piece.file()))?;
                Ok::<_, PlatformError>(self.node().volume_receive(&kept.volume, &mut stream)?)
            })?;
            report.progress_of(number + 1, backup.volumes.len());
        }
        // Before the record says that it is complete.
        Ok(self.node().write_volumes_back().map_err(PlatformError::from)?)
    }
}

fn check_pieces(manifest: &Manifest, directory: &Path, report: &Report) -> Result<(), PlatformError> {
    report.line("Checking that nothing is damaged");
    manifest.code.check(&directory.join(CODE))?;
    for volume in &manifest.volumes {
        volume.piece.check(&directory.join(volume.file()))?;
    }
    Ok(())
}

/// The record of a backup that comes from elsewhere: nothing is known here of the deployment it is of.
fn backup_of(manifest: &Manifest, environment: &EnvironmentRecord, id: &BackupId) -> BackupRecord {
    let volumes = manifest.volumes.iter().enumerate();
    BackupRecord {
        id: id.clone(),
        project: environment.project.clone(),
        environment: environment.name.clone(),
        status: BackupStatus::Creating,
        commit: manifest.commit.clone(),
        deployment: None,
        safe: manifest.safe,
        automated: false,
        created_at: manifest.created_at.clone(),
        expires_at: None,
        volumes: volumes
            .map(|(number, volume)| BackupVolume {
                component: volume.component.clone(),
                volume: backup_volume(id, number),
            })
            .collect(),
    }
}
