//! Activities: what was asked for, and how it went (spec 5.3).

use guise_model::{ActivityId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that was asked for and takes its time: a push, a build of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ActivityId,
    /// Its type, dotted: `environment.push`, `environment.redeploy`, `image.build`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The project it belongs to, if any.
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectId>,
    /// The environments it changes.
    pub environments: Vec<String>,
    /// One line that says what it is.
    pub description: String,
    /// How far it is.
    pub state: ActivityState,
    /// How it ended.
    pub result: Option<ActivityResult>,
    /// What is done of it, 0 to 100.
    pub completion_percent: u8,
    /// When it was asked for, RFC 3339 in UTC.
    pub created_at: String,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// When somebody asked for it to stop. One that could not stop any more may still be complete.
    pub cancelled_at: Option<String>,
    /// How long its parts took.
    #[serde(default)]
    pub timings: Timings,
}

/// How long the parts of an activity took, in seconds. A part that is not over, or that it does not have, has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timings {
    /// From being asked for to its beginning: others of its environment came first.
    pub wait: Option<f64>,
    /// Reading the configuration and building images.
    pub build: Option<f64>,
    /// The steps of the deployment.
    pub deploy: Option<f64>,
    /// From its beginning to its end.
    pub execute: Option<f64>,
}

/// A step of an activity, as it is journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivityStep {
    /// Its number, from 1 on.
    pub number: u32,
    /// What it is: `swap_app`.
    pub name: String,
    /// What it works on, if it is one thing: an app, a backup, a commit.
    pub about: Option<String>,
    /// When it began.
    pub started_at: String,
    /// When it had done its work; none of one that goes on, or has failed.
    pub completed_at: Option<String>,
}

/// How far an activity is (spec 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ActivityState {
    Pending,
    InProgress,
    Complete,
    Cancelled,
    Scheduled,
    Staged,
}

/// How an activity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ActivityResult {
    Success,
    Failure,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// The container it comes from, for logs of several containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The text, without its line end.
    pub text: String,
}
