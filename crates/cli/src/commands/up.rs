//! `guise up`: deploy the repository one stands in.

use super::{activity, url};
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::git::{GitError, Push, Pushed, REMOTE, Repository};
use crate::launch;
use crate::place::{Place, project_of_remote};
use clap::Args;
use guise_api::{Activity, ActivityResult, ActivityState, CreateProject, Project, paths};
use tokio::signal::unix::{SignalKind, signal};

/// Deploy the repository you stand in
///
/// Starts the daemon if it does not run, creates the project at the first time (with the git remote `guise`),
/// pushes what is committed, and prints the URL.
#[derive(Debug, Args)]
pub struct Up {
    /// Title of a new project [default: the directory's name]
    #[arg(long)]
    title: Option<String>,
    /// Branch to push to [default: the current one]
    #[arg(short, long)]
    branch: Option<String>,
}

impl Up {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let repository = repository()?;
        let head = repository.head()?.ok_or(Error::NothingCommitted)?;
        require_configuration(&repository)?;
        if repository.has_changes()? {
            context
                .output
                .remark("Only what is committed is deployed; there are changes that are not.");
        }
        let branch = match self.branch {
            Some(branch) => branch,
            None => repository.branch()?.ok_or(Error::DetachedHead)?,
        };
        launch::ensure(&context.client, context.state(), context.output.quiet()).await?;
        let project = project(context, &repository, self.title, &branch).await?;
        let place = Place {
            project,
            environment: branch,
        };
        if repository.remote_head(&place.environment)?.as_deref() == Some(head.as_str()) {
            again_if_failed(context, &place, &head).await?;
            return report(context, &place).await;
        }
        // From here on Ctrl-C ends git only: what becomes of the push is still told.
        let _interrupts = signal(SignalKind::interrupt()).map_err(Error::Input)?;
        let push = Push {
            branch: place.environment.clone(),
            ..Push::default()
        };
        match repository.push(&push)? {
            Pushed::Accepted => report(context, &place).await,
            Pushed::Refused => Err(Error::PushRefused),
            Pushed::Interrupted => interrupted(context, &place).await,
        }
    }
}

/// The repository one stands in.
pub fn repository() -> Result<Repository, Error> {
    let here = std::env::current_dir().map_err(|source| GitError::Run { source })?;
    Ok(Repository::around(&here)?)
}

fn require_configuration(repository: &Repository) -> Result<(), Error> {
    if repository
        .committed_paths()?
        .iter()
        .any(|path| is_configuration(path))
    {
        return Ok(());
    }
    const USUAL: [&str; 3] = [
        ".platform.app.yaml",
        ".platform/applications.yaml",
        ".upsun/config.yaml",
    ];
    let written = USUAL
        .into_iter()
        .find(|path| repository.root().join(path).is_file());
    Err(Error::NoConfiguration {
        written_but_not_committed: written.map(str::to_owned),
    })
}

/// Whether a path is one of the files that define an app (spec 0.1).
fn is_configuration(path: &str) -> bool {
    path == ".platform/applications.yaml"
        || path.rsplit('/').next() == Some(".platform.app.yaml")
        || path
            .strip_prefix(".upsun/")
            .is_some_and(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// The project of the repository, remembered as a git remote: the one that is named, or a new one at the first
/// time.
async fn project(
    context: &Context,
    repository: &Repository,
    title: Option<String>,
    branch: &str,
) -> Result<String, Error> {
    if let Some(id) = project_of_remote(repository)? {
        return Ok(id.into());
    }
    let project = match context.named_project() {
        Some(named) => context.client.get(&paths::fill(paths::PROJECT, &[named])).await?,
        None => create(context, repository, title, branch).await?,
    };
    repository.add_remote(context.git_url(&project))?;
    context.output.remark(format!(
        "Added git remote `{REMOTE}` for {} ({}).",
        project.title, project.id
    ));
    Ok(project.id.into())
}

async fn create(
    context: &Context,
    repository: &Repository,
    title: Option<String>,
    branch: &str,
) -> Result<Project, Error> {
    let directory = repository
        .root()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let wanted = CreateProject {
        title: title.or(directory).unwrap_or_else(|| "project".into()),
        default_branch: branch.into(),
    };
    let project: Project = context.client.post(paths::PROJECTS, &wanted).await?;
    context
        .output
        .remark(format!("Created project {} ({}).", project.title, project.id));
    Ok(project)
}

/// Everything is pushed already: deploys again if the last deployment did not succeed.
async fn again_if_failed(context: &Context, place: &Place, head: &str) -> Result<(), Error> {
    if last_activity(context, place)
        .await?
        .is_none_or(|activity| activity.result == Some(ActivityResult::Success))
    {
        context.output.remark(format!(
            "Nothing to push: {} is at {} already.",
            place.environment,
            short(head)
        ));
        return Ok(());
    }
    context
        .output
        .remark("Nothing to push, but the last deployment did not succeed: deploying again.");
    let again = context.client.ask(&place.path(paths::REDEPLOY)).await?;
    activity::follow(context, &again).await
}

/// Prints the URL, or what went wrong: a push is accepted before it is deployed, so git's answer says nothing.
pub async fn report(context: &Context, place: &Place) -> Result<u8, Error> {
    if let Some(activity) = last_activity(context, place).await? {
        activity::outcome(activity)?;
    }
    url::print_primary(context, place).await?;
    Ok(0)
}

/// Says how to follow the deployment that the person no longer watches. Exit code as for a death by SIGINT.
pub async fn interrupted(context: &Context, place: &Place) -> Result<u8, Error> {
    let running =
        |activity: &Activity| matches!(activity.state, ActivityState::Pending | ActivityState::InProgress);
    match last_activity(context, place).await?.filter(running) {
        Some(activity) => Err(Error::LeftRunning(Box::new(activity))),
        None => {
            context.output.remark("\nInterrupted; nothing is being deployed.");
            Ok(128 + 2)
        }
    }
}

/// Types of activities that deploy an environment; crons and backups are not among them.
const DEPLOYMENTS: &str = "environment.push,environment.redeploy,environment.activate,environment.branch,\
    environment.merge,environment.synchronize,environment.resume,environment.restore";

/// The newest activity that could have deployed the environment.
async fn last_activity(context: &Context, place: &Place) -> Result<Option<Activity>, Error> {
    let newest = with_query(
        paths::ACTIVITIES,
        &[
            ("project", Some(place.project.as_str())),
            ("environment", Some(place.environment.as_str())),
            ("type", Some(DEPLOYMENTS)),
            ("limit", Some("1")),
        ],
    );
    let activities: Vec<Activity> = context.client.get(&newest).await?;
    Ok(activities.into_iter().next())
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::{git, repository};

    #[test]
    fn configuration_files_are_known_by_their_paths() {
        for path in [
            ".platform.app.yaml",
            "api/.platform.app.yaml",
            ".platform/applications.yaml",
            ".upsun/shop.yaml",
        ] {
            assert!(is_configuration(path), "{path}");
        }
        for path in [
            "platform.app.yaml",
            ".platform/services.yaml",
            "x/.upsun/config.yaml",
            ".upsun/notes.txt",
        ] {
            assert!(!is_configuration(path), "{path}");
        }
    }

    #[test]
    fn a_configuration_that_is_not_committed_is_pointed_out() {
        let directory = tempfile::tempdir().unwrap();
        let repository = repository(directory.path());
        std::fs::write(directory.path().join("page.html"), "hello").unwrap();
        git(directory.path(), &["add", "-A"]);
        git(directory.path(), &["commit", "--quiet", "-m", "first"]);
        let missing = require_configuration(&repository).unwrap_err();
        assert_eq!(missing.exit_code(), 3);
        assert!(missing.hints()[0].contains("write .platform.app.yaml"));
        std::fs::write(directory.path().join(".platform.app.yaml"), "name: app").unwrap();
        let not_committed = require_configuration(&repository).unwrap_err();
        assert!(
            not_committed.hints()[0].contains("git add .platform.app.yaml"),
            "{:?}",
            not_committed.hints()
        );
        git(directory.path(), &["add", "-A"]);
        git(directory.path(), &["commit", "--quiet", "-m", "second"]);
        require_configuration(&repository).unwrap();
    }
}
