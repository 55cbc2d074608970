//! The steps of tasks besides those of a plan: what happens to branches, data, backups and records.
//!
//! Like a plan's they are journaled, hold no secrets, and do nothing where it is done already.

use guise_model::{BackupId, ContainerId, VolumeId};
use serde::Serialize;

/// One effect of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub(crate) enum TaskStep<'a> {
    /// Read a commit's configuration and build its images.
    Build { commit: &'a str },
    /// Make a deployment that was carried out the environment's own.
    Record { commit: &'a str },
    /// Merge a branch into another one.
    MergeBranch { from: &'a str, into: &'a str },
    /// Run a runtime operation.
    RunOperation { component: &'a str, operation: &'a str },
    /// Run a source operation.
    RunSourceOperation { operation: &'a str },
    /// Point a branch to a commit that goes on from its own.
    MoveBranch { branch: &'a str, commit: &'a str },
    /// Delete a branch in git.
    DeleteBranch { branch: &'a str },
    /// Take an environment's routes from the edge.
    ForgetRoutes,
    /// New requests wait at the edge.
    Hold,
    /// Let the waiting requests go.
    Release,
    /// Stop a container and remove it.
    RemoveContainer { container: &'a ContainerId },
    /// Clone all data of an environment as of one instant.
    CloneData { from: &'a str },
    /// Delete a volume.
    DeleteVolume {
        component: &'a str,
        volume: &'a VolumeId,
    },
    /// Record that an environment has nothing any more.
    Deactivate,
    /// Record that an environment is stopped.
    Pause,
    /// Have visitors wait for an environment to wake, and record that it sleeps.
    Sleep,
    /// Record that an environment is awake.
    Wake,
    /// Delete a project's repository.
    DeleteRepository,
    /// Forget an environment, or a project.
    Forget,
    /// Record what a backup will consist of.
    BeginBackup { backup: &'a BackupId },
    /// Snapshot an environment's volumes.
    Snapshot { backup: &'a BackupId },
    /// Record that a backup is complete.
    CompleteBackup { backup: &'a BackupId },
    /// Delete a backup's volumes and its record.
    DeleteBackup { backup: &'a BackupId },
    /// Write a part of a backup to a directory.
    ExportPart { backup: &'a BackupId, part: &'a str },
    /// Give a directory with a whole backup its name.
    CompleteExport { backup: &'a BackupId },
    /// Compare a directory's files with their checksums.
    CheckArchive { backup: &'a BackupId },
    /// Take a backup's code into the repository.
    ImportCode { backup: &'a BackupId },
    /// Read a component's volume of a backup.
    ImportVolume {
        backup: &'a BackupId,
        component: &'a str,
    },
    /// Copy a backup's volumes.
    CopyBackup { backup: &'a BackupId },
    /// Make the copies the environment's volumes.
    ExchangeVolumes,
    /// Make the volumes from before the environment's volumes again.
    PutVolumesBack,
    /// Delete the volumes that were exchanged.
    DeleteReplaced,
}
