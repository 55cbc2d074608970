//! What containers are held to.

use guise_model::Allowance;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an app, worker or service is held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resources {
    /// The app, worker (`app--worker`) or service.
    pub name: String,
    /// Processors since the last deployment; `None` for what is not deployed.
    pub cpu: Option<f64>,
    /// Memory since the last deployment, in megabytes.
    pub memory: Option<u64>,
    /// What is set for all environments of the project in place of its size.
    #[schema(value_type = Option<Object>)]
    pub project: Option<Allowance>,
    /// What is set for this environment.
    #[schema(value_type = Option<Object>)]
    pub environment: Option<Allowance>,
}

/// What an app, worker or service shall be held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetResources {
    /// For which environments.
    pub level: ResourcesLevel,
    /// What is absent in it stays; `None` takes back what is set.
    #[schema(value_type = Option<Object>)]
    pub allowance: Option<Allowance>,
}

/// For which environments something is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ResourcesLevel {
    Project,
    Environment,
}
