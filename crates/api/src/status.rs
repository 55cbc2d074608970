//! The daemon itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The daemon as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The edge's process id, if it answers.
    pub edge_pid: Option<u32>,
    /// Where the edge listens: `127.0.0.1:8080`.
    pub edge_address: String,
    /// Domain of generated URLs: `localhost`.
    pub domain: String,
    /// Its state directory.
    pub state: String,
    /// Size of the data pool, in bytes.
    pub pool_bytes: u64,
    /// Used part of it, in bytes.
    pub pool_used_bytes: u64,
}
