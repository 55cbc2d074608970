//! Services.

use super::Relationship;
use guise_model::{Name, Profile, Size};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A database, cache or the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name, unique among apps and services.
    pub name: Name,
    /// `mariadb`, as written.
    pub type_name: String,
    /// As written: `11.4`.
    pub version: String,
    /// As there is an image for it: `11.8`.
    pub resolved: String,
    /// Its size.
    pub size: Size,
    /// Column of the size table.
    pub profile: Profile,
    /// Space for its data, in megabytes of 10^6 bytes; `None` for those that keep nothing.
    pub disk_mb: Option<u64>,
    /// Its configuration as written; an `!archive` is `{"$archive": "path/in/the/repository"}`.
    pub configuration: Value,
    /// What it may reach.
    pub relationships: Vec<Relationship>,
}

impl Service {
    /// `mariadb:11.4`, as written.
    pub fn as_written(&self) -> String {
        format!("{}:{}", self.type_name, self.version)
    }
}
