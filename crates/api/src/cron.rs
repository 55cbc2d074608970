//! Crons: commands that apps run by themselves (spec 1.10).

use crate::Activity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A cron of what an environment runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cron {
    /// Its name, unique in its app.
    pub name: String,
    /// The app it runs in.
    pub app: String,
    /// When it is due, as configured: `H/15 * * * *`.
    pub spec: String,
    /// The time zone of `spec`.
    pub timezone: String,
    /// What it runs.
    pub command: String,
    /// Whether it is not run for now: its environment is not active, or not production and was not deployed for long.
    pub paused: bool,
    /// When it is due next, RFC 3339 in UTC; `None` while it is paused, and for a day that never comes.
    pub next_run: Option<String>,
    /// Its last run, which may be under way.
    pub last_run: Option<Activity>,
}
