//! Backups of environments (spec 5.4).

use guise_model::{BackupId, DeploymentId, ProjectId, VolumeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A backup to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateBackup {
    /// Whether requests go on while it is made, so that some may be half done in it.
    pub live: bool,
}

/// A backup: the data of an environment as of one instant, and what ran then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// Its id.
    #[schema(value_type = String)]
    pub id: BackupId,
    /// The project it belongs to.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// The environment it is of.
    pub environment: String,
    /// Whether it can be restored.
    pub status: BackupStatus,
    /// The commit that ran.
    pub commit_id: String,
    /// The deployment that ran; `None` for a backup that came from another machine.
    #[schema(value_type = Option<String>)]
    pub deployment: Option<DeploymentId>,
    /// Whether no request was under way when it was made.
    pub safe: bool,
    /// Whether the schedule made it.
    pub automated: bool,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it may be deleted; `None` for one that is kept until somebody deletes it.
    pub expires_at: Option<String>,
    /// Its volumes.
    pub volumes: Vec<BackupVolume>,
}

/// A component's data in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupVolume {
    /// The app, worker or service.
    pub component: String,
    /// The read-only volume.
    #[schema(value_type = String)]
    pub volume: VolumeId,
}

/// Whether a backup can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum BackupStatus {
    Creating,
    Created,
    Deleting,
}

/// A directory that a backup is written to or read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupDirectory {
    /// The directory on the daemon's machine, absolute.
    pub directory: String,
}

/// Where a backup is restored to, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreBackup {
    /// The environment; the backup's own when absent. One that does not exist is made as a branch.
    pub target: Option<String>,
    /// Whether the code that ran comes back too, or only the data.
    pub code: bool,
}
