//! `guise environment push`: `git push`, with the options that the platform knows as words.

use crate::commands::environment::redeploy::Strategy;
use crate::commands::up;
use crate::context::Context;
use crate::error::Error;
use crate::git::{self, Pushed};
use crate::names;
use crate::place::Place;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use tokio::signal::unix::{SignalKind, signal};

/// Push code to an environment, which is deployed
///
/// As `git push guise` does, with what can be said of a new environment as options.
#[derive(Debug, Args)]
pub struct Push {
    /// What to push [default: the commit that is checked out]
    source: Option<String>,
    /// Branch to push to [default: the current one]
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(names::environments))]
    target: Option<String>,
    /// Push even if commits of the environment are lost
    #[arg(short, long)]
    force: bool,
    /// The same, but only commits that were fetched before
    #[arg(long)]
    force_with_lease: bool,
    /// Start the environment if it is inactive
    #[arg(long)]
    activate: bool,
    /// What a new environment is branched from
    #[arg(long, value_name = "BRANCH")]
    parent: Option<String>,
    /// Type of a new environment: staging, development
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// A new environment begins without data
    #[arg(long)]
    no_clone_parent: bool,
    /// What becomes of requests meanwhile [default: the environment's deployment_strategy]
    #[arg(long, visible_alias = "deploy-strategy")]
    strategy: Option<Strategy>,
}

impl Push {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let repository = up::repository()?;
        let current = context.environment_or(self.target.clone()).await?;
        let place = Place {
            project: current.project,
            environment: current.environment,
        };
        // From here on Ctrl-C ends git only: what becomes of the push is still told.
        let _interrupts = signal(SignalKind::interrupt()).map_err(Error::Input)?;
        match repository.push(&self.into_git(&place.environment))? {
            Pushed::Accepted => up::report(context, &place).await,
            Pushed::Refused => Err(Error::PushRefused),
            Pushed::Interrupted => up::interrupted(context, &place).await,
        }
    }

    fn into_git(self, branch: &str) -> git::Push {
        let said = [
            self.activate.then(|| "environment.status=active".to_owned()),
            self.parent.map(|parent| format!("environment.parent={parent}")),
            self.kind.map(|kind| format!("environment.type={kind}")),
            self.no_clone_parent
                .then(|| "environment.clone_parent_on_create=false".to_owned()),
            self.strategy
                .map(|strategy| format!("deploy.strategy={}", strategy.word())),
        ];
        git::Push {
            source: self.source.unwrap_or_default(),
            branch: branch.into(),
            force: self.force,
            force_with_lease: self.force_with_lease,
            options: said.into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::alias;
    use crate::arguments::{Arguments, Command};
    use crate::commands::environment::Environment;
    use clap::Parser;

    #[test]
    fn options_become_push_options() {
        let line = "guise push v1 --activate --parent main --type staging --no-clone-parent --deploy-strategy rolling";
        let words = line.split(' ').map(Into::into).collect();
        let arguments = Arguments::parse_from(alias::expand(&crate::command(), words));
        let Command::Environment(Environment::Push(push)) = arguments.command else {
            panic!("not push");
        };
        let push = push.into_git("feature/a");
        assert_eq!((push.source.as_str(), push.branch.as_str()), ("v1", "feature/a"));
        assert_eq!(
            push.options,
            [
                "environment.status=active",
                "environment.parent=main",
                "environment.type=staging",
                "environment.clone_parent_on_create=false",
                "deploy.strategy=rolling"
            ]
        );
    }
}
