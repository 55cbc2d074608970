//! `guise deployment`: what an environment ran, as far as it is kept.

use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Tone};
use clap::Subcommand;
use guise_api::{Deployment as Found, paths};
use jiff::Timestamp;

/// List the deployments one can go back to
#[derive(Debug, Subcommand)]
pub enum Deployment {
    /// List an environment's deployments that are kept, newest first
    List,
}

impl Deployment {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List => list(context).await,
        }?;
        Ok(0)
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::DEPLOYMENTS);
    let deployments: Vec<Found> = context.client.get(&path).await?;
    context.output.list(
        &deployments,
        &columns(Timestamp::now()),
        "There is no deployment yet.",
    )
}

fn columns(now: Timestamp) -> Vec<Column<Found>> {
    let state = |deployment: &Found| if deployment.current { "runs" } else { "kept" }.into();
    let tone = |deployment: &Found| {
        if deployment.current {
            Tone::Good
        } else {
            Tone::Faint
        }
    };
    vec![
        Column::new("ID", |deployment: &Found| deployment.id.to_string()),
        Column::new("AGE", move |deployment: &Found| {
            human::age(&deployment.created_at, now)
        }),
        Column::new("STATE", state).toned(tone),
        Column::new("COMMIT", |deployment: &Found| {
            deployment.commit_id.chars().take(8).collect()
        }),
        Column::new("CONTAINERS", |deployment: &Found| deployment.components.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};
    use guise_model::DeploymentId;

    #[test]
    fn the_deployment_that_runs_is_told_apart() {
        let current = Found {
            id: DeploymentId::new("abcdefgh12345").unwrap(),
            commit_id: "0123456789abcdef".into(),
            components: vec!["db".into(), "app".into()],
            current: true,
            created_at: "2026-11-24T11:00:00Z".into(),
        };
        let kept = Found {
            id: DeploymentId::new("bbcdefgh12345").unwrap(),
            commit_id: "fedcba9876543210".into(),
            current: false,
            created_at: "2026-11-20T11:00:00Z".into(),
            ..current.clone()
        };
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &[current, kept], &columns), @r"
        ID             AGE  STATE  COMMIT    CONTAINERS
        abcdefgh12345  1 h  runs   01234567  db app
        bbcdefgh12345  4 d  kept   fedcba98  db app
        ");
    }
}
