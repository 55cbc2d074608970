//! `guise plan`: what would be done, without doing it.

use crate::client::with_query;
use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use crate::git::Repository;
use clap::Args;
use guise_api::{Activity, paths};

/// Show what deploying a commit would do, without doing it
///
/// The commit is built if it was not yet, and compared with what runs. Each step is shown with what it touches.
#[derive(Debug, Args)]
pub struct Plan {
    /// The commit, which must have been pushed [default: the head of the environment's branch]
    commit: Option<String>,
    #[command(flatten)]
    wait: Wait,
}

impl Plan {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let commit = self.commit.map(|given| id_of(&given)).transpose()?;
        let path = with_query(&place.path(paths::PLAN), &[("commit", commit.as_deref())]);
        let started: Activity = context.client.ask(&path).await?;
        self.wait.follow(context, &started).await?;
        Ok(0)
    }
}

/// What a revision is called everywhere: `HEAD~1` means something only here. What is unknown here may be known there.
fn id_of(given: &str) -> Result<String, Error> {
    let here = std::env::current_dir().ok();
    let repository = here.and_then(|here| Repository::around(&here).ok());
    let id = match repository {
        Some(repository) => repository.commit(given)?,
        None => None,
    };
    Ok(id.unwrap_or_else(|| given.into()))
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn the_plan_of_a_commit_is_asked_for_and_followed() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("pending", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop -e main plan 1234abcd");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("POST /v1/projects/shop/environments/main/plan?commit=1234abcd"),
            "{request}"
        );
    }
}
