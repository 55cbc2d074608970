//! The verbs that change how an environment lives, each an activity of the daemon.

use super::loss;
use crate::commands::activity::Wait;
use crate::commands::{confirm, url};
use crate::context::Context;
use crate::error::Error;
use crate::names;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Activity, paths};

/// The environment that a verb is about.
#[derive(Debug, Args)]
pub struct Target {
    /// Branch of the environment [default: the current one]
    #[arg(add = ArgValueCandidates::new(names::environments))]
    pub branch: Option<String>,
    #[command(flatten)]
    pub wait: Wait,
}

/// Asks for what `path` stands for: a verb that loses nothing and has nothing to show.
pub async fn ask(context: &Context, target: Target, path: &str) -> Result<(), Error> {
    let place = context.environment_or(target.branch).await?;
    let started: Activity = context.client.ask(&place.path(path)).await?;
    target.wait.follow(context, &started).await.map(drop)
}

/// Starts an inactive environment and prints its URL.
pub async fn activate(context: &Context, target: Target) -> Result<(), Error> {
    let place = context.environment_or(target.branch).await?;
    let started: Activity = context.client.ask(&place.path(paths::ACTIVATE)).await?;
    if target.wait.follow(context, &started).await? {
        url::print_primary(context, &place).await?;
    }
    Ok(())
}

/// Stops an environment and deletes its data.
pub async fn deactivate(context: &Context, target: Target) -> Result<(), Error> {
    let place = context.environment_or(target.branch).await?;
    let (environment, data) = loss::of(context, &place).await?;
    let name = &environment.name;
    let question = format!("Deactivating {name} deletes {data} for good; its branch stays.");
    confirm(context, &question, name)?;
    let started: Activity = context.client.ask(&place.path(paths::DEACTIVATE)).await?;
    target.wait.follow(context, &started).await.map(drop)
}

/// Deletes an environment with its data and its branch.
pub async fn delete(context: &Context, target: Target) -> Result<(), Error> {
    let place = context.environment_or(target.branch).await?;
    let (environment, data) = loss::of(context, &place).await?;
    let name = &environment.name;
    let question = format!("Deleting {name} deletes its branch and {data} for good.");
    confirm(context, &question, name)?;
    let started: Activity = context.client.delete(&place.path(paths::ENVIRONMENT)).await?;
    target.wait.follow(context, &started).await.map(drop)
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn a_verb_asks_follows_and_fails_with_exit_code_1() {
        for verb in ["pause", "resume", "merge", "redeploy", "activate"] {
            let daemon = FakeDaemon::answering(vec![
                FakeDaemon::activity("in_progress", None),
                FakeDaemon::log("complete", Some("failure")),
            ]);
            let (printed, code) = daemon.run(&format!("-p shop environment {verb} feature/a"));
            assert_eq!(code.unwrap_err().exit_code(), 1);
            assert_eq!(printed, "");
            let request = daemon.requests().remove(0);
            let line = format!("POST /v1/projects/shop/environments/feature%2Fa/{verb} HTTP");
            assert!(request.starts_with(&line), "{request}");
        }
    }

    #[test]
    fn an_environment_that_was_activated_is_told_by_its_url() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("pending", None),
            FakeDaemon::log("complete", Some("success")),
            FakeDaemon::json(ENVIRONMENT),
        ]);
        let (printed, code) = daemon.run("-p shop -e feature/a environment:activate");
        assert_eq!(code.unwrap(), 0);
        assert_eq!(printed, "https://feature-a.localhost/\n");
    }

    #[test]
    fn what_deletes_data_is_refused_when_nobody_can_be_asked() {
        for verb in ["deactivate", "delete"] {
            let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT), FakeDaemon::containers()]);
            let (_, code) = daemon.run(&format!("-p shop environment {verb} feature/a"));
            let error = code.unwrap_err();
            assert!(matches!(error, Error::NobodyToAsk { .. }), "{error}");
            assert!(
                error.to_string().contains("the data of app and db for good"),
                "{error}"
            );
            assert_eq!((error.exit_code(), error.hints()), (2, vec!["add --yes".into()]));
            assert_eq!(daemon.requests().len(), 2);
        }
    }

    #[test]
    fn yes_deletes_without_asking() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::json(ENVIRONMENT),
            FakeDaemon::containers(),
            FakeDaemon::activity("in_progress", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop environment:delete feature/a --yes");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(2);
        assert!(
            request.starts_with("DELETE /v1/projects/shop/environments/feature%2Fa HTTP"),
            "{request}"
        );
    }
}
