//! HTTP access control.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who may see an environment. Passwords are never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HttpAccess {
    /// Whether the rules count.
    pub is_enabled: bool,
    /// Rules by address, `allow:203.0.113.0/24` or `deny:any`; the first that matches decides.
    pub addresses: Vec<String>,
    /// Names of those who may log in.
    pub users: Vec<String>,
    /// The environment that they were set on; none where none were.
    pub set_on: Option<String>,
}

/// What is changed; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SetHttpAccess {
    /// Whether the rules count; they do unless it is said otherwise.
    pub is_enabled: Option<bool>,
    /// All rules by address.
    pub addresses: Option<Vec<String>>,
    /// All users with their passwords.
    pub users: Option<BTreeMap<String, String>>,
}
