//! Operations: commands of a project that people start (spec 1.15).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A runtime operation of what an environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its name, unique in its app.
    pub name: String,
    /// The app it belongs to.
    pub app: String,
    /// What it runs.
    pub command: String,
    /// What stops it; SIGTERM when absent.
    pub stop: Option<String>,
    /// Longest run, in seconds.
    pub timeout: u64,
    /// Least role of who may start it: `viewer`, `contributor`, `admin`.
    pub role: String,
}

/// Asks for a run of a runtime operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunOperation {
    /// Its name.
    pub operation: String,
    /// The app it belongs to; may be absent where only one has it.
    pub app: Option<String>,
    /// The app's worker in whose container it runs; the app's own when absent.
    pub worker: Option<String>,
}

/// A source operation of an environment's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceOperation {
    /// Its name, unique in its app.
    pub name: String,
    /// The app it belongs to.
    pub app: String,
    /// What it runs.
    pub command: String,
}

/// Asks for a run of a source operation, in each app that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunSourceOperation {
    /// Its name.
    pub operation: String,
    /// Variables for this run: `env:NAME` to value.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}
