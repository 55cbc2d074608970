//! Writes a backup to a directory outside, complete or not at all.

use crate::{
    Platform, PlatformError,
    activity::Report,
    archive::{ArchiveError, CODE, Manifest, Piece, VolumePiece, volume_file},
    deploy::DeployError,
    store::{ActivityRecord, BackupRecord},
    task::Task,
};
use guise_model::BackupId;
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

impl Platform {
    /// Writes a backup to a directory that does not exist yet.
    ///
    /// # Errors
    /// [`PlatformError::BackupNotReady`], [`ArchiveError::Relative`], [`ArchiveError::Exists`].
    pub fn export_backup(
        &self,
        backup: &BackupRecord,
        directory: &str,
    ) -> Result<ActivityRecord, PlatformError> {
        let backup = self.complete_backup(&backup.id)?;
        let path = PathBuf::from(directory);
        must_be_absolute(&path)?;
        if path.exists() {
            return Err(ArchiveError::Exists { path }.into());
        }
        let environment = self.environment(&self.project_by_id(&backup.project)?, &backup.environment)?;
        let task = Task::ExportBackup {
            backup: backup.id.clone(),
            directory: directory.into(),
        };
        let description = format!(
            "Export backup {} of {} to {directory}",
            backup.id, backup.environment
        );
        self.submit("environment.backup.export", &environment, &description, &task)
    }

    pub(crate) fn run_export(
        &self,
        id: &BackupId,
        directory: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        let backup = self.complete_backup(id)?;
        let directory = Path::new(directory);
        if Manifest::read(directory).is_ok_and(|manifest| manifest.backup == id.as_str()) {
            report.line("It is there already");
            return Ok(());
        }
        let unfinished = unfinished(directory, id);
        let written = self.write_archive(&backup, &unfinished, report).and_then(|()| {
            let refused = |source| ArchiveError::File {
                operation: "make",
                path: directory.into(),
                source,
            };
            fs::rename(&unfinished, directory).map_err(refused)?;
            Ok(sync_parent(directory).map_err(refused)?)
        });
        if written.is_err() {
            remove(&unfinished).map_err(PlatformError::from)?;
        }
        Ok(written?)
    }

    fn write_archive(
        &self,
        backup: &BackupRecord,
        directory: &Path,
        report: &Report,
    ) -> Result<(), PlatformError> {
        remove(directory)?;
        // Only root may read it: it is all that the project has.
        let made = DirBuilder::new().mode(0o700).create(directory);
        made.map_err(|source| ArchiveError::File {
            operation: "make",
            path: directory.into(),
            source,
        })?;
        let bundle = directory.join(CODE);
        report.line("Writing the code");
        self.repository(&backup.project).bundle(&backup.commit, &bundle)?;
        let mut volumes = Vec::new();
        for kept in &backup.volumes {
            report.line(&format!("Writing the data of {}", kept.component));
            let path = directory.join(volume_file(&kept.component));
            volumes.push(VolumePiece {
                component: kept.component.clone(),
                piece: Piece::create(&path, |to| self.node().volume_send(&kept.volume, to))??,
            });
        }
        let project = self.project_by_id(&backup.project)?;
        Manifest::new(backup, &project.title, Piece::written(&bundle)?, volumes).write(directory)?;
        Ok(())
    }
}

pub(crate) fn must_be_absolute(path: &Path) -> Result<(), ArchiveError> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(ArchiveError::Relative { path: path.into() })
}

/// Where an archive is written before it is complete: beside its place, under a name that nobody else uses.
fn unfinished(directory: &Path, id: &BackupId) -> PathBuf {
    directory.with_file_name(format!(".guise-export-{id}"))
}

fn remove(unfinished: &Path) -> Result<(), ArchiveError> {
    match fs::remove_dir_all(unfinished) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ArchiveError::File {
            operation: "remove",
            path: unfinished.into(),
            source,
        }),
        _ => Ok(()),
    }
}

/// The new name survives a power cut only once the directory around it is written.
fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
