//! Which project and environment a command means: options, then variables, then the repository one stands in.

use crate::client::{Client, ClientError};
use crate::git::{GitError, Repository};
use guise_api::{Project, paths};
use guise_model::{InvalidId, ProjectId};

/// Why a command does not know what it is about.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum PlaceError {
    #[error("which project? This directory belongs to none")]
    NoProject,
    #[error("the git remote `guise` leads to {url}, which is no project of guise")]
    ForeignRemote { url: String },
    #[error(transparent)]
    Id(#[from] InvalidId),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What was typed or set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// `-p`, or `PLATFORM_PROJECT`.
    pub project: Option<String>,
    /// `-e`, or `PLATFORM_BRANCH`.
    pub environment: Option<String>,
}

impl Wish {
    /// Options win over variables.
    pub fn new(
        project: Option<String>,
        environment: Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name| variable(name).filter(|value: &String| !value.is_empty());
        Self {
            // The branch in the variable is one of the project in the variable, not of one given by option.
            environment: environment.or_else(|| {
                if project.is_none() {
                    set("PLATFORM_BRANCH")
                } else {
                    None
                }
            }),
            project: project.or_else(|| set("PLATFORM_PROJECT")),
        }
    }

    /// The project meant, if it can be known without asking the daemon.
    pub fn project(&self, here: Option<&Repository>) -> Result<Option<String>, PlaceError> {
        match (&self.project, here) {
            (Some(project), _) => Ok(Some(project.clone())),
            (None, Some(repository)) => Ok(project_of_remote(repository)?.map(String::from)),
            (None, None) => Ok(None),
        }
    }

    /// The environment meant: as wished, or the branch one stands on, or the project's default branch.
    ///
    /// The branch one stands on counts only when the repository is the project's.
    pub async fn environment(&self, here: Option<&Repository>, client: &Client) -> Result<Place, PlaceError> {
        let project = self.project(here)?.ok_or(PlaceError::NoProject)?;
        if let Some(environment) = &self.environment {
            return Ok(Place {
                project,
                environment: environment.clone(),
            });
        }
        let branch = match here {
            Some(repository) if self.project.is_none() => repository.branch()?,
            _ => None,
        };
        let environment = match branch {
            Some(branch) => branch,
            None => {
                client
                    .get::<Project>(&paths::fill(paths::PROJECT, &[&project]))
                    .await?
                    .default_branch
            }
        };
        Ok(Place { project, environment })
    }
}

/// An environment, as it is named in paths of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Id or title of the project.
    pub project: String,
    /// Branch of the environment.
    pub environment: String,
}

impl Place {
    /// Fills the project and the environment into a path.
    pub fn path(&self, path: &str) -> String {
        paths::fill(path, &[&self.project, &self.environment])
    }
}

/// The project that a repository's remote named `guise` leads to.
pub fn project_of_remote(repository: &Repository) -> Result<Option<ProjectId>, PlaceError> {
    match repository.remote()? {
        None => Ok(None),
        Some(url) => project_of_url(&url)
            .map(Some)
            .ok_or(PlaceError::ForeignRemote { url }),
    }
}

/// A project's repository is `…/projects/<id>/repository.git` on this machine and `…:<id>.git` over ssh.
fn project_of_url(url: &str) -> Option<ProjectId> {
    let url = url.trim_end_matches('/');
    let id = match url.strip_suffix("/repository.git") {
        Some(directory) => directory.rsplit_once("projects/")?.1,
        None => url
            .strip_suffix(".git")
            .unwrap_or(url)
            .rsplit([':', '/'])
            .next()?,
    };
    ProjectId::new(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::{git, repository};

    #[test]
    fn a_project_is_found_by_its_remote() {
        let id = |url| project_of_url(url).map(String::from);
        let found = Some("abcdefgh12345".to_owned());
        assert_eq!(id("/var/lib/guise/projects/abcdefgh12345/repository.git"), found);
        assert_eq!(
            id("file:///var/lib/guise/projects/abcdefgh12345/repository.git/"),
            found
        );
        assert_eq!(id("abcdefgh12345@git.example.com:abcdefgh12345.git"), found);
        assert_eq!(id("https://example.com/somebody/something.git"), None);
        assert_eq!(id("/var/lib/guise/projects/../repository.git"), None);
    }

    #[test]
    fn options_win_over_variables_and_variables_over_the_repository() {
        let directory = tempfile::tempdir().unwrap();
        let here = repository(directory.path());
        git(
            directory.path(),
            &[
                "remote",
                "add",
                "guise",
                "/srv/projects/abcdefgh12345/repository.git",
            ],
        );
        let variables = |name: &str| match name {
            "PLATFORM_PROJECT" => Some("zyxwvuts98765".to_owned()),
            "PLATFORM_BRANCH" => Some("staging".to_owned()),
            _ => None,
        };
        let project = |wish: &Wish| wish.project(Some(&here)).unwrap();
        let wish = Wish::new(Some("shop".into()), None, variables);
        assert_eq!((project(&wish), wish.environment), (Some("shop".into()), None));
        let wish = Wish::new(None, None, variables);
        assert_eq!(
            (project(&wish), wish.environment),
            (Some("zyxwvuts98765".into()), Some("staging".into()))
        );
        let wish = Wish::new(None, None, |_| None);
        assert_eq!(
            (project(&wish), wish.environment),
            (Some("abcdefgh12345".into()), None)
        );
    }

    #[test]
    fn the_branch_one_stands_on_is_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let here = repository(directory.path());
        git(
            directory.path(),
            &[
                "remote",
                "add",
                "guise",
                "/srv/projects/abcdefgh12345/repository.git",
            ],
        );
        let client = Client::new("/nonexistent/api.sock".into());
        let found = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(Wish::default().environment(Some(&here), &client))
            .unwrap();
        assert_eq!(
            found,
            Place {
                project: "abcdefgh12345".into(),
                environment: "trunk".into()
            }
        );
    }

    #[test]
    fn a_remote_that_leads_elsewhere_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let here = repository(directory.path());
        git(
            directory.path(),
            &["remote", "add", "guise", "https://example.com/else.git"],
        );
        let error = Wish::default().project(Some(&here)).unwrap_err();
        assert!(matches!(error, PlaceError::ForeignRemote { .. }), "{error}");
    }
}
