//! Commands that people start (spec 1.15).

use serde::{Deserialize, Serialize};

/// A command that runs in a running container of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name, unique in its app.
    pub name: String,
    /// What it runs, in dash.
    pub start: String,
    /// What stops it; SIGTERM when absent.
    pub stop: Option<String>,
    /// Longest run, in seconds.
    pub timeout: u64,
    /// Least role of who may start it.
    pub role: Role,
}

/// A command that changes the app's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOperation {
    /// Its name, unique in its app.
    pub name: String,
    /// What it runs, in dash. It leaves commits.
    pub command: String,
}

/// What somebody may do in an environment, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Role {
    Viewer,
    Contributor,
    Admin,
}

impl Role {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Admin => "admin",
        }
    }
}
