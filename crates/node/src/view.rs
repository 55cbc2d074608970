//! What the node shows of containers, processes, images and the pool.

use crate::ContainerSpec;
use guise_model::ImageDigest;
use serde::{Deserialize, Serialize};

/// A container that this node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerStatus {
    /// What it was made as, with every change since.
    pub spec: ContainerSpec,
    /// Whether it runs.
    pub state: ContainerState,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
}

/// Whether a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ContainerState {
    /// Its PID 1 lives.
    Running {
        /// PID 1's number on the host.
        pid: u32,
    },
    /// Its PID 1 ended. It stays in the list until it is removed.
    Exited,
}

/// A socket that somebody inside a container may listen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// A TCP port, on any address of either family.
    Tcp(u16),
    /// A unix socket, by its absolute path inside.
    Unix(String),
}

/// What a process left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 128 + N when signal N ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A container's process, seen from both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Its number on the host.
    pub host_pid: u32,
    /// Its number inside.
    pub inside_pid: u32,
    /// Its parent's number inside; 0 when the parent is not inside (PID 1, and what was started by exec).
    pub inside_parent: u32,
    /// Its user id on the host.
    pub host_uid: u32,
    /// Its user id inside.
    pub inside_uid: u32,
    /// Its command line, arguments separated by blanks; the name in brackets when it has none.
    pub command: String,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
}

/// What a container uses at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Memory with its page cache, in bytes.
    pub memory_bytes: u64,
    /// Processor time since it was made, in microseconds.
    pub cpu_usec: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// Room in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolUsage {
    /// Size of the pool, in bytes.
    pub total_bytes: u64,
    /// What is in use, in bytes.
    pub used_bytes: u64,
}

/// An image in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// Its content hash.
    pub digest: ImageDigest,
    /// Size of its file, in bytes.
    pub bytes: u64,
    /// When it came into the store, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// What kind of image it is.
    pub kind: ImageKind,
}

/// What kind of image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ImageKind {
    /// A root file system, built from a recipe.
    Base {
        /// The recipe's name.
        recipe: String,
        /// The version.
        version: String,
    },
    /// A frozen application.
    App,
}
