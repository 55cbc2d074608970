//! `guise environment synchronize`: what the parent has, in the child.

use super::loss;
use crate::client::{boolean, with_query};
use crate::commands::activity::Wait;
use crate::commands::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use clap::{Args, ValueEnum};
use guise_api::{Activity, paths};

/// Bring the parent's code or data into an environment, and deploy it
///
/// The environment is the current one, or that of --environment.
#[derive(Debug, Args)]
pub struct Synchronize {
    /// What to bring
    #[arg(required = true)]
    what: Vec<What>,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Merge the parent's branch into the environment's
    Code,
    /// Replace the environment's data by a clone of the parent's
    Data,
}

impl Synchronize {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let place = context.environment().await?;
        let data = self.what.contains(&What::Data);
        if data {
            confirm_replacement(context, &place).await?;
        }
        let path = with_query(
            &place.path(paths::SYNCHRONIZE),
            &[
                ("code", boolean(self.what.contains(&What::Code))),
                ("data", boolean(data)),
            ],
        );
        let started: Activity = context.client.ask(&path).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

async fn confirm_replacement(context: &Context, place: &Place) -> Result<(), Error> {
    let (environment, data) = loss::of(context, place).await?;
    let name = &environment.name;
    let parent = environment.parent.as_deref().unwrap_or("its parent");
    let question = format!("Synchronizing {name} replaces {data} for good, by a clone of what {parent} has.");
    confirm(context, &question, name)
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn code_is_brought_without_a_question() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("in_progress", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop -e feature/a sync code");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        let line = "POST /v1/projects/shop/environments/feature%2Fa/synchronize?code=true&data=false HTTP";
        assert!(request.starts_with(line), "{request}");
    }

    #[test]
    fn data_is_replaced_only_after_a_yes() {
        let asked = || vec![FakeDaemon::json(ENVIRONMENT), FakeDaemon::containers()];
        let daemon = FakeDaemon::answering(asked());
        let (_, code) = daemon.run("-p shop -e feature/a environment:sync code data");
        let error = code.unwrap_err().to_string();
        assert!(
            error.contains("replaces the data of app and db for good, by a clone of what main has"),
            "{error}"
        );
        let mut answers = asked();
        answers.push(FakeDaemon::activity("in_progress", None));
        let daemon = FakeDaemon::answering(answers);
        let (printed, code) = daemon.run("-p shop -e feature/a sync code data --yes -W");
        assert_eq!((printed.as_str(), code.unwrap()), ("abcdefgh12345\n", 0));
        let request = daemon.requests().remove(2);
        assert!(request.contains("synchronize?code=true&data=true "), "{request}");
    }
}
