//! Errors as the API answers them.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An error that the API answers, with a status of 400 to 599.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    /// Whose mistake it is; decides the exit code of the command line.
    pub kind: ErrorKind,
    /// Stable code for programs: `project.unknown`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// Whose mistake an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The caller's: something that does not exist or is not allowed. Status 400, 403, 404. Exit code 2.
    User,
    /// A configuration file's. Status 422. Exit code 3.
    Configuration,
    /// Something else is going on. Status 409. Exit code 4.
    Conflict,
    /// The machine's: no space, missing tool, kernel too old. Status 503. Exit code 5.
    Machine,
    /// Ours. Status 500. Exit code 70.
    Internal,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
