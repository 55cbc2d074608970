//! Writes a backup to a directory outside, complete or not at all.

use crate::{
    Platform, PlatformError,
    activity::Report,
    archive::{ArchiveError, CODE, MANIFEST, Manifest, Piece, VolumePiece, volume_file},
    carry_out::StepError,
    deploy::DeployError,
    store::{ActivityRecord, BackupRecord},
    task::Task,
    task_step::TaskStep,
};
use guise_model::BackupId;
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
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
            report.step(&TaskStep::CompleteExport { backup: id }, || {
                complete(&unfinished, directory).map_err(DeployError::from)
            })
        });
        match written {
            Ok(()) => {
                let megabytes = Manifest::read(directory)?.bytes() as f64 / 1e6;
                let place = directory.display();
                report.line(&format!("Backup {id} is in {place}: {megabytes:.1} MB"));
                Ok(())
            }
            Err(error) => {
                remove(&unfinished)?;
                Err(error)
            }
        }
    }

    fn write_archive(
        &self,
        backup: &BackupRecord,
        directory: &Path,
        report: &Report,
    ) -> Result<(), DeployError> {
        remove(directory)?;
        // Only root may read it: it is all that the project has.
        let made = DirBuilder::new().mode(0o700).create(directory);
        made.map_err(|source| ArchiveError::File {
            operation: "make",
            path: directory.into(),
            source,
        })?;
        let part = |part| TaskStep::ExportPart {
            backup: &backup.id,
            part,
        };
        let bundle = directory.join(CODE);
        report.line("Writing the code");
        let code = report.step(&part(CODE), || {
            self.repository(&backup.project).bundle(&backup.commit, &bundle)?;
            Ok::<_, PlatformError>(Piece::written(&bundle)?)
        })?;
        let mut volumes = Vec::new();
        for (number, kept) in backup.volumes.iter().enumerate() {
            stop_if_cancelled(report)?;
            report.line(&format!("Writing the data of {}", kept.component));
            let path = directory.join(volume_file(&kept.component));
            let piece = report.step(&part(&kept.component), || {
                Ok::<_, PlatformError>(Piece::create(&path, |to| {
                    self.node().volume_send(&kept.volume, to)
                })??)
            })?;
            report.progress_of(number + 1, backup.volumes.len());
            volumes.push(VolumePiece {
                component: kept.component.clone(),
                piece,
            });
        }
        let project = self.project_by_id(&backup.project)?;
        report.step(&part(MANIFEST), || {
            let manifest = Manifest::new(backup, &project.title, code, volumes);
            manifest.write(directory).map_err(DeployError::from)
        })
    }
}

pub(crate) fn must_be_absolute(path: &Path) -> Result<(), ArchiveError> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(ArchiveError::Relative { path: path.into() })
}

/// A step that copies much begins only while nobody wants the activity to stop.
pub(crate) fn stop_if_cancelled(report: &Report) -> Result<(), StepError> {
    if report.cancelled().load(Ordering::Relaxed) {
        return Err(StepError::Cancelled);
    }
    Ok(())
}

fn complete(unfinished: &Path, directory: &Path) -> Result<(), ArchiveError> {
    let renamed = fs::rename(unfinished, directory).and_then(|()| sync_parent(directory));
    renamed.map_err(|source| ArchiveError::File {
        operation: "make",
        path: directory.into(),
        source,
    })
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
