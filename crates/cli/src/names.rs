//! Names that the daemon knows, for completion: while somebody presses the tabulator key.
//!
//! A daemon that is away or slow offers nothing; the shell must not hang.

use crate::arguments::Global;
use crate::client::{Client, with_query};
use crate::context::Context;
use clap::{Args, FromArgMatches};
use clap_complete::engine::CompletionCandidate;
use guise_api::{Activity, Backup, Container, Environment, Project, paths};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

/// Projects by id, with their titles.
pub fn projects() -> Vec<CompletionCandidate> {
    offered(async |_, client| {
        let projects: Vec<Project> = client.get(paths::PROJECTS).await.ok()?;
        Some(
            projects
                .into_iter()
                .map(|project| named(project.id, project.title))
                .collect(),
        )
    })
}

/// Environments of the project meant.
pub fn environments() -> Vec<CompletionCandidate> {
    offered(async |context, client| {
        let path = paths::fill(paths::ENVIRONMENTS, &[&context.project().ok()?]);
        let environments: Vec<Environment> = client.get(&path).await.ok()?;
        Some(
            environments
                .into_iter()
                .map(|environment| CompletionCandidate::new(environment.name))
                .collect(),
        )
    })
}

/// Apps, workers and services of the environment meant.
pub fn containers() -> Vec<CompletionCandidate> {
    offered(async |context, client| {
        let place = context.environment().await.ok()?;
        let of = [
            ("project", Some(place.project.as_str())),
            ("environment", Some(place.environment.as_str())),
        ];
        let containers: Vec<Container> = client.get(&with_query(paths::CONTAINERS, &of)).await.ok()?;
        Some(
            containers
                .into_iter()
                .map(|container| named(container.name, container.image_type))
                .collect(),
        )
    })
}

/// Backups of the environment meant.
pub fn backups() -> Vec<CompletionCandidate> {
    offered(async |context, client| {
        let place = context.environment().await.ok()?;
        let backups: Vec<Backup> = client.get(&place.path(paths::BACKUPS)).await.ok()?;
        Some(
            backups
                .into_iter()
                .map(|backup| named(backup.id, backup.created_at))
                .collect(),
        )
    })
}

/// The last activities of the project meant.
pub fn activities() -> Vec<CompletionCandidate> {
    offered(async |context, client| {
        let project = context.project_or_all().ok()?;
        let of = [("project", project.as_deref()), ("limit", Some("20"))];
        let activities: Vec<Activity> = client.get(&with_query(paths::ACTIVITIES, &of)).await.ok()?;
        Some(
            activities
                .into_iter()
                .map(|activity| named(activity.id, activity.description))
                .collect(),
        )
    })
}

fn named(name: impl ToString, about: String) -> CompletionCandidate {
    CompletionCandidate::new(name.to_string()).help(Some(about.into()))
}

fn offered(
    ask: impl AsyncFnOnce(&Context, &Client) -> Option<Vec<CompletionCandidate>>,
) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let Some(context) = typed().and_then(|global| Context::new(global).ok()) else {
        return Vec::new();
    };
    let asked = async { tokio::time::timeout(PATIENCE, ask(&context, &context.client)).await };
    runtime.block_on(asked).ok().flatten().unwrap_or_default()
}

/// The global options of the line that is being typed; the shell gives it behind `--`. It is not finished, so clap refuses
/// most of it.
fn typed() -> Option<Global> {
    let words = std::env::args().skip_while(|word| word != "--").skip(1);
    let line = clap::Command::new("guise").ignore_errors(true);
    let matches = Global::augment_args(line).get_matches_from(words);
    Global::from_arg_matches(&matches).ok()
}
