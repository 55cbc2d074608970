//! Deployments of environments.

use guise_model::DeploymentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A deployment that is kept: one can go back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeploymentId,
    /// The commit it is of.
    pub commit_id: String,
    /// Its apps and services.
    pub components: Vec<String>,
    /// Whether it is what runs.
    pub current: bool,
    /// When it was carried out, RFC 3339 in UTC.
    pub created_at: String,
}

/// A deployment to go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rollback {
    /// Which; the last one of another commit when absent.
    pub deployment: Option<String>,
    /// Whether its newest backup is restored with it.
    pub data: bool,
}
