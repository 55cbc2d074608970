//! Containers as people look at them.

use guise_model::{ContainerId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A container: what its inside believes and what is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Container {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ContainerId,
    /// The project it serves.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// The environment it serves.
    pub environment: String,
    /// The app, worker (`app--worker`) or service it is.
    pub name: String,
    /// What kind of thing it is.
    pub kind: ContainerKind,
    /// The type as configured: `python:3.13`.
    #[serde(rename = "type")]
    pub image_type: String,
    /// Whether it runs.
    pub running: bool,
    /// PID 1's number on the host.
    pub pid: Option<u32>,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Most memory it may use, in bytes.
    pub memory_limit_bytes: u64,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// For each lie, what the inside believes and what is so.
    pub lies: Vec<Lie>,
    /// Its processes.
    pub processes: Vec<ProcessView>,
}

/// What kind of thing a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ContainerKind {
    App,
    Worker,
    Service,
}

/// One thing that a container's inside believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lie {
    /// What it is about: `hostname`, `root user`, `address`, `/`, `/app`, `memory`.
    pub about: String,
    /// What the inside sees.
    pub inside: String,
    /// What is so.
    pub outside: String,
}

/// A process, seen from both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessView {
    /// Its number inside.
    pub inside_pid: u32,
    /// Its number on the host.
    pub host_pid: u32,
    /// Its parent's number inside.
    pub inside_parent: u32,
    /// Its user's name or number inside.
    pub inside_user: String,
    /// Its user id on the host.
    pub host_uid: u32,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Its command line.
    pub command: String,
}
