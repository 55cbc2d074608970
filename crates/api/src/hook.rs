//! What a repository's hooks and the daemon say to each other.

use crate::Activity;
use guise_model::{ProjectId, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of a hook's standard input (githooks(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefUpdate {
    /// Object id before; zeros for a new ref.
    pub old: String,
    /// Object id after; zeros for a deleted ref.
    pub new: String,
    /// The ref: `refs/heads/main`.
    pub name: String,
}

/// A push that waits in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckPush {
    /// The project pushed to.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Who pushes, if they came over the network; else the machine's root.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub user: Option<UserName>,
    /// The refs it would change.
    pub updates: Vec<RefUpdate>,
    /// `GIT_PUSH_OPTION_*`, in order.
    #[serde(default)]
    pub options: Vec<String>,
    /// `GIT_QUARANTINE_PATH` as git set it.
    pub quarantine: Option<String>,
}

/// Whether a push may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckPushReply {
    /// Whether to accept it.
    pub accepted: bool,
    /// What to print to the pushing terminal: warnings, or the reasons for the refusal.
    pub output: String,
}

/// A push that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushReceived {
    /// The project pushed to.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Who pushes, if they came over the network; else the machine's root.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub user: Option<UserName>,
    /// The refs it changed.
    pub updates: Vec<RefUpdate>,
    /// `GIT_PUSH_OPTION_*`, in order.
    pub options: Vec<String>,
}

/// What a push set off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PushReceivedReply {
    /// The activities whose logs the hook streams, in order.
    pub activities: Vec<Activity>,
    /// What to print besides.
    pub output: String,
}
