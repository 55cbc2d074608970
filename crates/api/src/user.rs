//! People, their keys and roles, and what they did.

use guise_model::{ProjectId, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The name.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Whether every project is theirs to administer.
    pub is_admin: bool,
    /// What they are in the project that was asked about: `admin`, `development:contributor`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// When they were made, RFC 3339 in UTC.
    pub created_at: String,
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateUser {
    /// The name.
    pub name: String,
    /// Whether every project is theirs to administer.
    #[serde(default)]
    pub is_admin: bool,
    /// What they are in a project.
    #[serde(default)]
    pub roles: Option<Roles>,
}

/// A change of a user; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateUser {
    /// Whether every project is theirs to administer.
    #[serde(default)]
    pub is_admin: Option<bool>,
    /// What they are in a project from now on.
    #[serde(default)]
    pub roles: Option<Roles>,
}

/// What a user is in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Roles {
    /// Id or title of the project.
    pub project: String,
    /// `admin` or `viewer` for all of it, `TYPE:ROLE` for environments of a type. None at all: no longer part of it.
    pub roles: Vec<String>,
}

/// A public SSH key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKey {
    /// As OpenSSH shows it: `SHA256:…`.
    pub fingerprint: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub user: UserName,
    /// What people call it.
    pub title: String,
    /// Algorithm and key.
    pub public_key: String,
    /// When it was added, RFC 3339 in UTC.
    pub created_at: String,
}

/// A public SSH key to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddSshKey {
    /// A line of a `.pub` file.
    pub public_key: String,
    /// What people call it; its comment when absent.
    #[serde(default)]
    pub title: Option<String>,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who: a user, `root` of the machine, or nobody for guise itself.
    pub user: Option<String>,
    /// What, dotted: `environment.push`, `ssh.shell`, `user.add`.
    pub action: String,
    /// The project it was about.
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectId>,
    /// The environment it was about.
    pub environment: Option<String>,
    /// More of it, in words.
    pub detail: String,
}
