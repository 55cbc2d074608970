//! What a recipe says about a service: where its data is, how one sees that it is ready, what its endpoints are.

use crate::{RecipeError, template};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The directory whose content outlives a service's containers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataDirectory {
    /// Absolute path inside.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
}

/// Of which other versions a service can take the data over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesDataOf {
    /// It has none, or all versions read it.
    #[default]
    Any,
    /// Of older versions, which it upgrades.
    Older,
    /// Only its own.
    Same,
}

/// A command that makes a service's databases, users and grants as its configuration says; harmless when repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// Program and arguments, to be run inside as the image's user.
    pub argv: Vec<String>,
    /// What it reads. Has passwords in it: not for logs.
    pub stdin: String,
}

/// `[service]`, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceTable {
    data: Option<DataDirectory>,
    port: u16,
    default_endpoint: String,
    min_disk_mb: Option<u64>,
    #[serde(default = "default_grace")]
    stop_grace_seconds: u32,
    #[serde(default)]
    takes_data_of: TakesDataOf,
    ready: Vec<String>,
    credentials: String,
    provision: Option<ProvisionTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvisionTable {
    argv: Vec<String>,
    stdin: String,
}

fn default_grace() -> u32 {
    10
}

/// A recipe's facts as a service.
#[derive(Debug, Clone)]
pub struct Service {
    recipe: String,
    table: ServiceTable,
    sources: BTreeMap<String, String>,
}

impl Service {
    pub(crate) fn new(recipe: String, table: ServiceTable, sources: BTreeMap<String, String>) -> Self {
        Self {
            recipe,
            table,
            sources,
        }
    }

    /// Template files that it needs.
    pub(crate) fn templates(table: &ServiceTable) -> impl Iterator<Item = &str> {
        let provision = table.provision.iter().map(|provision| provision.stdin.as_str());
        std::iter::once(table.credentials.as_str()).chain(provision)
    }

    /// Where its data is; `None` when it keeps none.
    pub fn data(&self) -> Option<&DataDirectory> {
        self.table.data.as_ref()
    }

    /// The TCP port it listens on.
    pub fn port(&self) -> u16 {
        self.table.port
    }

    /// The endpoint of relationships that name none.
    pub fn default_endpoint(&self) -> &str {
        &self.table.default_endpoint
    }

    /// The smallest disk it works with, in MB; `None` for services without a disk.
    pub fn min_disk_mb(&self) -> Option<u64> {
        self.table.min_disk_mb
    }

    /// How long it may take to stop, in seconds, before it is killed.
    pub fn stop_grace_seconds(&self) -> u32 {
        self.table.stop_grace_seconds
    }

    /// Of which other versions it can take the data over.
    pub fn takes_data_of(&self) -> TakesDataOf {
        self.table.takes_data_of
    }

    /// Command that exits with 0 once it answers.
    pub fn ready(&self) -> &[String] {
        &self.table.ready
    }

    /// The command that makes its databases and users; `None` when it has none.
    ///
    /// # Errors
    /// [`RecipeError::Render`]: the configuration has names or values that cannot be used.
    pub fn provision(&self, context: &Value) -> Result<Option<Provision>, RecipeError> {
        let Some(provision) = &self.table.provision else {
            return Ok(None);
        };
        let stdin = self.render(&provision.stdin, context)?;
        Ok(Some(Provision {
            argv: provision.argv.clone(),
            stdin,
        }))
    }

    /// The credentials of `context.endpoint`, without what only the platform knows: host, address, cluster.
    ///
    /// # Errors
    /// [`RecipeError::Render`]: there is no such endpoint.
    pub fn credentials(&self, context: &Value) -> Result<Map<String, Value>, RecipeError> {
        let text = self.render(&self.table.credentials, context)?;
        serde_json::from_str(&text).map_err(|source| RecipeError::Credentials {
            recipe: self.recipe.clone(),
            template: self.table.credentials.clone(),
            source,
        })
    }

    fn render(&self, file: &str, context: &Value) -> Result<String, RecipeError> {
        let source = self.sources.get(file).map(String::as_str).unwrap_or_default();
        template::render(source, template::context(context)).map_err(|source| RecipeError::Render {
            recipe: self.recipe.clone(),
            template: file.into(),
            source: Box::new(source),
        })
    }
}
