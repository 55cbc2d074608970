//! `guise project`: the projects of this machine.

mod get;

use super::activity::Wait;
use super::confirm;
use super::property::Property;
use crate::context::Context;
use crate::error::Error;
use crate::git::REMOTE;
use crate::names;
use crate::output::Column;
use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Activity, CreateProject, Project as Found, paths};

/// Create, list and delete projects
#[derive(Debug, Subcommand)]
pub enum Project {
    /// Create a project without pushing to it
    Create {
        /// What people call it
        #[arg(long)]
        title: String,
        /// The branch that is production
        #[arg(long, default_value = "main")]
        default_branch: String,
    },
    /// List projects
    List {
        /// Print ids only
        #[arg(long)]
        pipe: bool,
    },
    /// Clone a project's repository
    Get(get::Get),
    /// Let the git remote `guise` of the repository you stand in lead to a project
    SetRemote {
        /// The project, by id or title
        #[arg(add = ArgValueCandidates::new(names::projects))]
        project: String,
    },
    /// Show a project, or one property of it, or set one: title, default_branch, timezone, push_activates
    Info(Property),
    /// Remove what builds have kept for the next one: PLATFORM_CACHE_DIR and downloaded packages
    ClearBuildCache,
    /// Delete a project with its environments, their data and its repository
    Delete(Wait),
}

impl Project {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Create {
                title,
                default_branch,
            } => create(context, title, default_branch).await,
            Self::List { pipe } => list(context, pipe).await,
            Self::Get(get) => return get.run(context).await,
            Self::SetRemote { project } => set_remote(context, &project).await,
            Self::Info(property) => info(context, property).await,
            Self::ClearBuildCache => clear_build_cache(context).await,
            Self::Delete(wait) => delete(context, wait).await,
        }?;
        Ok(0)
    }
}

async fn create(context: &Context, title: String, default_branch: String) -> Result<(), Error> {
    let wanted = CreateProject {
        title,
        default_branch,
    };
    let project: Found = context.client.post(paths::PROJECTS, &wanted).await?;
    context.output.record(&project, &fields(&project))?;
    context.output.remark(format!(
        "To push to it: git remote add guise {}",
        context.git_url(&project)
    ));
    Ok(())
}

async fn set_remote(context: &Context, project: &str) -> Result<(), Error> {
    let project: Found = context
        .client
        .get(&paths::fill(paths::PROJECT, &[project]))
        .await?;
    super::up::repository()?.set_remote(context.git_url(&project))?;
    context
        .output
        .remark(format!("The git remote `{REMOTE}` leads to {}.", project.title));
    Ok(())
}

async fn list(context: &Context, pipe: bool) -> Result<(), Error> {
    let projects: Vec<Found> = context.client.get(paths::PROJECTS).await?;
    if pipe {
        for project in projects {
            context.output.line(project.id)?;
        }
        return Ok(());
    }
    context.output.list(
        &projects,
        &columns(),
        "There is no project yet: `guise up` makes one.",
    )
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("ID", |project: &Found| project.id.to_string()),
        Column::new("TITLE", |project: &Found| project.title.clone()),
        Column::new("DEFAULT BRANCH", |project: &Found| project.default_branch.clone()),
        Column::new("CREATED", |project: &Found| day(&project.created_at)),
    ]
}

async fn info(context: &Context, property: Property) -> Result<(), Error> {
    if let Some(wanted) = property.to_set() {
        let path = paths::fill(paths::PROJECT, &[&context.project()?]);
        return property.set(context, &path, &wanted).await;
    }
    let project = fetch(context).await?;
    property.show(context, &project, &fields(&project))
}

fn fields(project: &Found) -> Vec<(&'static str, String)> {
    vec![
        ("id", project.id.to_string()),
        ("title", project.title.clone()),
        ("default branch", project.default_branch.clone()),
        ("push activates", project.push_activates.to_string()),
        ("timezone", project.timezone.clone()),
        ("git url", project.git_url.clone()),
        (
            "ssh url",
            project.ssh_url.clone().unwrap_or_else(|| "none".into()),
        ),
        ("created", project.created_at.clone()),
    ]
}

async fn clear_build_cache(context: &Context) -> Result<(), Error> {
    let path = paths::fill(paths::CLEAR_BUILD_CACHE, &[&context.project()?]);
    let apps: Vec<String> = context.client.post(&path, &()).await?;
    context.output.remark(match apps.as_slice() {
        [] => "There was nothing to remove.".into(),
        apps => format!("Removed the build caches of {}.", apps.join(", ")),
    });
    Ok(())
}

async fn delete(context: &Context, wait: Wait) -> Result<(), Error> {
    let project = fetch(context).await?;
    let question = format!(
        "Deleting {} ({}) deletes its data for good.",
        project.title, project.id
    );
    confirm(context, &question, &project.title)?;
    let started: Activity = context
        .client
        .delete(&paths::fill(paths::PROJECT, &[project.id.as_str()]))
        .await?;
    wait.follow(context, &started).await.map(drop)
}

async fn fetch(context: &Context) -> Result<Found, Error> {
    Ok(context
        .client
        .get(&paths::fill(paths::PROJECT, &[&context.project()?]))
        .await?)
}

/// The date of an RFC 3339 time.
fn day(time: &str) -> String {
    time.split('T').next().unwrap_or(time).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};
    use guise_model::ProjectId;

    #[test]
    fn projects_are_listed() {
        let projects = [Found {
            id: ProjectId::new("abcdefgh12345").unwrap(),
            title: "Guest book".into(),
            default_branch: "main".into(),
            push_activates: true,
            timezone: "UTC".into(),
            git_url: "/srv/projects/abcdefgh12345/repository.git".into(),
            ssh_url: None,
            created_at: "2026-11-24T12:00:00Z".into(),
        }];
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &projects, &columns()), @r"
        ID             TITLE       DEFAULT BRANCH  CREATED
        abcdefgh12345  Guest book  main            2026-11-24
        ");
    }
}
