//! `guise environment redeploy`: the same code once more.

use super::lifecycle::Target;
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use clap::{Args, ValueEnum};
use guise_api::{Activity, paths};

/// Deploy an environment again, as it is
#[derive(Debug, Args)]
pub struct Redeploy {
    #[command(flatten)]
    target: Target,
    /// What becomes of requests meanwhile [default: the environment's deployment_strategy]
    #[arg(long)]
    strategy: Option<Strategy>,
}

/// What becomes of requests while an environment is deployed.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Strategy {
    /// They wait
    StopStart,
    /// They go to the old containers until the new ones answer
    Rolling,
}

impl Strategy {
    /// As the API and git spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::StopStart => "stopstart",
            Self::Rolling => "rolling",
        }
    }
}

impl Redeploy {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let place = context.environment_or(self.target.branch).await?;
        let strategy = self.strategy.map(Strategy::word);
        let path = with_query(&place.path(paths::REDEPLOY), &[("strategy", strategy)]);
        let started: Activity = context.client.ask(&path).await?;
        self.target.wait.follow(context, &started).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn the_strategy_is_asked_for() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("in_progress", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop redeploy main --strategy rolling");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        let line = "POST /v1/projects/shop/environments/main/redeploy?strategy=rolling HTTP";
        assert!(request.starts_with(line), "{request}");
    }
}
