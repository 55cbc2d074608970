//! Variables that people set (spec 4).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A variable of a project or of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variable {
    /// Its full name: `env:COLOUR`.
    pub name: String,
    /// The environment whose it is, which may be an ancestor of the one asked about; `None` for the project's.
    pub environment: Option<String>,
    /// Its value; never that of a sensitive one.
    pub value: Option<String>,
    /// Whether the value is JSON.
    pub is_json: bool,
    /// Whether the value is never told.
    pub is_sensitive: bool,
    /// Whether builds see it.
    pub visible_build: bool,
    /// Whether running apps see it.
    pub visible_runtime: bool,
    /// Whether the environment's children see it.
    pub is_inheritable: bool,
    /// Whether it is seen at all.
    pub is_enabled: bool,
    /// The apps that see it; all when empty.
    pub application_scope: Vec<String>,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
}

/// What is set of a variable; what is absent stays, or has its default in a new one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SetVariable {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_json: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_sensitive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_build: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible_runtime: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_inheritable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_scope: Option<Vec<String>>,
}
