//! API tokens.

use guise_model::{ProjectId, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token: it stands for a user at the API. Its secret is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: String,
    /// Whom it stands for.
    #[schema(value_type = String)]
    pub user: UserName,
    /// What people call it.
    pub title: String,
    /// Whether it may change nothing.
    pub read_only: bool,
    /// The only project that it is good for, if it is not good for all of its user's.
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectId>,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it stops being good.
    pub expires_at: Option<String>,
    /// When it was last used.
    pub used_at: Option<String>,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateToken {
    /// Whom it stands for: who asks, when absent.
    #[serde(default)]
    pub user: Option<String>,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// Whether it may change nothing.
    #[serde(default)]
    pub read_only: bool,
    /// Id or title of the only project that it is good for.
    #[serde(default)]
    pub project: Option<String>,
    /// How long it is good: `12h`, `90d`; for ever when absent.
    #[serde(default)]
    pub life: Option<String>,
}

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    pub token: Token,
    /// What its owner shows at the API. It is told this once.
    pub secret: String,
}
