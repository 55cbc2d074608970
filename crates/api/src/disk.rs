//! Disk space.

use guise_model::{ProjectId, VolumeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What volumes use, and what is left for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disk {
    /// The volumes asked for.
    pub volumes: Vec<Volume>,
    /// Where all volumes are.
    pub pool: Pool,
}

/// A volume and what it uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Volume {
    /// The project it belongs to.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// The environment it belongs to.
    pub environment: String,
    /// The app, worker (`app--worker`) or service whose data it is.
    pub component: String,
    /// Its id.
    #[schema(value_type = String)]
    pub volume: VolumeId,
    /// What it uses, in bytes, as of at most 30 seconds ago. What a branch shares with its parent counts for the parent.
    pub used_bytes: u64,
    /// Most it may use, in bytes.
    pub limit_bytes: Option<u64>,
    /// Whether it is close to its limit.
    pub nearly_full: bool,
}

/// Where all volumes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its size, in bytes. It grows while the host has room.
    pub total_bytes: u64,
    /// What is in use, in bytes.
    pub used_bytes: u64,
    /// What the host has left, in bytes.
    pub host_free_bytes: u64,
    /// Whether the kernel holds volumes to their limits (from Linux 6.7).
    pub limits_hold: bool,
}
