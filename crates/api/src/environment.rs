//! Projects, environments, routes.

use crate::Activity;
use guise_model::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateProject {
    /// What people call it.
    pub title: String,
    /// The branch that is production.
    pub default_branch: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// What people call it.
    pub title: String,
    /// The branch that is production.
    pub default_branch: String,
    /// Whether the push of a new branch makes an environment that runs.
    #[serde(default = "yes")]
    pub push_activates: bool,
    /// When its days begin: a name like `Europe/Paris`.
    #[serde(default)]
    pub timezone: String,
    /// Where to push to, as the machine's root.
    pub git_url: String,
    /// Where to push to over SSH, if there is a gateway.
    #[serde(default)]
    pub ssh_url: Option<String>,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
}

fn yes() -> bool {
    true
}

/// An environment to be made as a branch of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchEnvironment {
    /// Its branch.
    pub name: String,
    /// The environment it is branched from; production when absent.
    pub parent: Option<String>,
    /// Whether it gets a clone of its parent's data.
    pub clone_parent: bool,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Its branch.
    pub name: String,
    /// What people call it; empty for its branch's name.
    #[serde(default)]
    pub title: String,
    /// Branch and hash as they appear in URLs: `main-bvxea6i`.
    pub machine_name: String,
    /// The project it belongs to.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Production, staging or development.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// Whether it runs.
    pub status: EnvironmentStatus,
    /// The environment it was branched from.
    pub parent: Option<String>,
    /// The deployed commit.
    pub head_commit: Option<String>,
    /// When it was last deployed, RFC 3339 in UTC.
    pub deployed_at: Option<String>,
    /// Whether search engines are asked to stay away.
    #[serde(default)]
    pub restrict_robots: bool,
    /// Whether it may send mail.
    #[serde(default)]
    pub enable_smtp: bool,
    /// Whether it sleeps until somebody asks for it.
    #[serde(default)]
    pub asleep: bool,
    /// After how long without a visitor it sleeps: `2h`, or `off`.
    #[serde(default)]
    pub sleep_after: String,
    /// How it is deployed unless a deployment says otherwise: `stopstart` or `rolling`.
    #[serde(default)]
    pub deployment_strategy: String,
    /// Its routes, the primary one first.
    pub routes: Vec<Route>,
}

/// A property of a project or an environment that is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetProperty {
    /// Which: `title`.
    pub property: String,
    /// Its value, as typed.
    pub value: String,
}

/// What came of a changed setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// The deployment that applies it; none when it applies at once, or with the next deployment.
    pub activity: Option<Activity>,
}

/// Production, staging or development.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum EnvironmentType {
    Production,
    Staging,
    Development,
}

/// Whether an environment runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum EnvironmentStatus {
    Active,
    Inactive,
    Paused,
    Dirty,
    Deleting,
}

/// A route as it is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// Its final URL.
    pub url: String,
    /// The URL as written, with placeholders.
    pub original_url: String,
    /// Whether it is the primary one.
    pub primary: bool,
    /// `upstream` or `redirect`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The app it leads to, or the URL it redirects to.
    pub to: String,
}
