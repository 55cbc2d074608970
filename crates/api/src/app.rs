//! An app or worker as it was deployed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What an app or worker of a running environment was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct App {
    /// Its name, `app--worker` for a worker.
    pub name: String,
    /// Where it is over SSH, if there is a gateway: `ssh://<project>-<machine name>--<app>@host:port`.
    #[serde(default)]
    pub ssh_url: Option<String>,
    /// `PLATFORM_RELATIONSHIPS`: each relationship's name and its endpoints, with their passwords.
    #[schema(value_type = Object)]
    pub relationships: Map<String, Value>,
    /// Its mounts: path below the app's directory, and where the files are.
    #[schema(value_type = Object)]
    pub mounts: Map<String, Value>,
}
