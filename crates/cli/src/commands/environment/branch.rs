//! `guise environment branch`: a new environment with its parent's code and data.

use crate::commands::activity::Wait;
use crate::commands::url;
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use clap::Args;
use guise_api::{Activity, BranchEnvironment, paths};

/// Make an environment as a branch of another, and print its URL
///
/// It gets its parent's code, a clone of all its parent's data as of this instant, and everything else of its own.
#[derive(Debug, Args)]
pub struct Branch {
    /// The new branch
    name: String,
    /// The environment to branch from [default: the current one]
    parent: Option<String>,
    /// Begin without data
    #[arg(long)]
    no_clone_parent: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Branch {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let parent = context.environment_or(self.parent).await?;
        let wanted = BranchEnvironment {
            name: self.name,
            parent: Some(parent.environment),
            clone_parent: !self.no_clone_parent,
        };
        let path = paths::fill(paths::ENVIRONMENTS, &[&parent.project]);
        let started: Activity = context.client.post(&path, &wanted).await?;
        if context.named_project().is_none() {
            context.output.remark(format!(
                "To work on it: git fetch {} && git switch {}",
                crate::git::REMOTE,
                wanted.name
            ));
        }
        if self.wait.follow(context, &started).await? {
            let made = Place {
                project: parent.project,
                environment: wanted.name,
            };
            url::print_primary(context, &made).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn a_branch_is_asked_for_followed_and_its_url_printed() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("in_progress", None),
            FakeDaemon::log("complete", Some("success")),
            FakeDaemon::json(ENVIRONMENT),
        ]);
        let (printed, code) = daemon.run("-p shop branch feature/a main --no-clone-parent");
        assert_eq!(code.unwrap(), 0);
        assert_eq!(printed, "https://feature-a.localhost/\n");
        let requests = daemon.requests();
        assert!(
            requests[0].starts_with("POST /v1/projects/shop/environments HTTP"),
            "{}",
            requests[0]
        );
        assert!(
            requests[0].ends_with(r#"{"name":"feature/a","parent":"main","clone_parent":false}"#),
            "{}",
            requests[0]
        );
        assert!(
            requests[2].starts_with("GET /v1/projects/shop/environments/feature%2Fa HTTP"),
            "{}",
            requests[2]
        );
    }

    #[test]
    fn the_environment_named_by_option_is_the_parent() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::activity("in_progress", None)]);
        let (printed, code) = daemon.run("-p shop -e staging environment:branch x --no-wait");
        assert_eq!(code.unwrap(), 0);
        assert_eq!(printed, "abcdefgh12345\n");
        let request = daemon.requests().remove(0);
        assert!(
            request.ends_with(r#"{"name":"x","parent":"staging","clone_parent":true}"#),
            "{request}"
        );
    }
}
