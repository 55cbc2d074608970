//! An app or worker as it was deployed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an app or worker of a running environment was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Its name, `app--worker` for a worker.
    pub name: String,
    /// `PLATFORM_RELATIONSHIPS`: each relationship's name and its endpoints, with their passwords.
    pub relationships: Map<String, Value>,
    /// Its mounts: path below the app's directory, and where the files are.
    pub mounts: Map<String, Value>,
}
