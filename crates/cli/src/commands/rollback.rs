//! `guise rollback`: back to what ran before, at once.

use crate::commands::activity::Wait;
use crate::commands::confirm;
use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Activity, Rollback as Wanted, paths};

/// Go back to an earlier deployment, without building anything
///
/// The deployment's images are still there. Data stays as it is, and git is not changed: the next push deploys what
/// is pushed.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The deployment, see `guise deployment list` [default: the last one of another commit]
    deployment: Option<String>,
    /// Restore the newest backup of that deployment too
    #[arg(long)]
    data: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Rollback {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        if self.data {
            let name = &place.environment;
            let question = format!("Rolling {name} back with --data replaces its data by an older backup.");
            confirm(context, &question, name)?;
        }
        let wanted = Wanted {
            deployment: self.deployment,
            data: self.data,
        };
        let started: Activity = context.client.post(&place.path(paths::ROLLBACK), &wanted).await?;
        self.wait.follow(context, &started).await?;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn code_goes_back_without_a_question_and_data_only_after_a_yes() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("pending", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop -e main rollback");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        assert!(
            request.contains(r#"{"deployment":null,"data":false}"#),
            "{request}"
        );

        let daemon = FakeDaemon::answering(vec![]);
        let (_, code) = daemon.run("-p shop -e main rollback abcdefgh12345 --data");
        assert!(matches!(code.unwrap_err(), Error::NobodyToAsk { .. }));
    }
}
