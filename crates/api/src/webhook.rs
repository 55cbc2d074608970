//! Webhooks: who is told of a project's activities.

use guise_model::ProjectId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A webhook. Each activity that ends is posted to its URL as JSON, an [`Activity`](crate::Activity), with the headers
/// `X-Guise-Event` (its type), `X-Guise-Delivery` (its id) and `X-Guise-Signature`: `sha256=` and the HMAC of the body in
/// hexadecimal. An answer of 200 to 299 within 15 s means that it has arrived; else it is posted again, eight times in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Of whose activities it tells.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Where it tells.
    pub url: String,
    /// Types of activities that it tells of; all when empty.
    pub events: Vec<String>,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// How often in a row telling of the next activity has failed.
    pub failures: u32,
    /// Why it failed last.
    pub problem: Option<String>,
}

/// A webhook to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateWebhook {
    /// Where it tells: `http://` or `https://`.
    pub url: String,
    /// Types of activities that it tells of: `environment.push`; all when empty.
    #[serde(default)]
    pub events: Vec<String>,
    /// The key that its messages are signed with; a random one when absent.
    #[serde(default)]
    pub key: Option<String>,
}

/// A webhook that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// The key that its messages are signed with. It is told this once.
    pub key: String,
}
