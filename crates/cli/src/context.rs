//! What every command has at hand.

use crate::arguments::Global;
use crate::client::Client;
use crate::error::Error;
use crate::git::{GitError, Repository};
use crate::login;
use crate::output::Output;
use crate::place::{Place, PlaceError, Wish};
use guise_api::Project;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Where the daemon of a machine keeps its state unless it is told otherwise.
const STATE: &str = "/var/lib/guise";

/// The global options, resolved.
pub struct Context {
    /// The daemon.
    pub client: Client,
    /// Where results go.
    pub output: Output,
    /// Whether every question is answered with yes.
    pub yes: bool,
    /// Whether a person sits at standard input.
    pub can_ask: bool,
    state: PathBuf,
    wish: Wish,
}

impl Context {
    /// Resolves what was typed.
    ///
    /// # Errors
    /// When what was logged in to cannot be read.
    pub fn new(global: Global) -> Result<Self, Error> {
        let remote = match global.state {
            Some(_) => None,
            None => login::current()?,
        };
        let state = global.state.unwrap_or_else(|| STATE.into());
        // The daemon is started in another directory.
        let state = std::path::absolute(&state).unwrap_or(state);
        Ok(Self {
            client: match remote {
                Some(remote) => Client::remote(remote),
                None => Client::new(state.join("run/api.sock")),
            },
            output: Output::new(global.format, global.columns, global.quiet, global.no_color),
            yes: global.yes,
            can_ask: std::io::stdin().is_terminal(),
            state,
            wish: Wish::new(global.project, global.environment, |name| {
                std::env::var(name).ok()
            }),
        })
    }

    /// Directory of the daemon's state, if it is the one of this machine.
    pub fn local_state(&self) -> Option<&Path> {
        (!self.client.is_remote()).then_some(&self.state)
    }

    /// Where git reaches a project from here: by its path, or from another machine over SSH.
    pub fn git_url<'a>(&self, project: &'a Project) -> &'a str {
        match &project.ssh_url {
            Some(url) if self.client.is_remote() => url,
            _ => &project.git_url,
        }
    }

    /// Directory of the state of this machine's daemon.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The project meant, if there is one.
    pub fn project_or_all(&self) -> Result<Option<String>, PlaceError> {
        self.wish.project(repository_here()?.as_ref())
    }

    /// The project meant.
    pub fn project(&self) -> Result<String, PlaceError> {
        self.project_or_all()?.ok_or(PlaceError::NoProject)
    }

    /// The project that was named by option or variable, if any.
    pub fn named_project(&self) -> Option<&str> {
        self.wish.project.as_deref()
    }

    /// The environment that was named by option or variable, if any.
    pub fn named_environment(&self) -> Option<&str> {
        self.wish.environment.as_deref()
    }

    /// The environment meant.
    pub async fn environment(&self) -> Result<Place, PlaceError> {
        self.wish
            .environment(repository_here()?.as_ref(), &self.client)
            .await
    }

    /// The environment meant, unless `branch` names another of the same project.
    pub async fn environment_or(&self, branch: Option<String>) -> Result<Place, PlaceError> {
        match branch {
            Some(environment) => Ok(Place {
                project: self.project()?,
                environment,
            }),
            None => self.environment().await,
        }
    }
}

fn repository_here() -> Result<Option<Repository>, GitError> {
    let here = std::env::current_dir().map_err(|source| GitError::Run { source })?;
    match Repository::around(&here) {
        Ok(repository) => Ok(Some(repository)),
        // Without git there is no repository either; options still say what is meant.
        Err(GitError::NotARepository { .. } | GitError::Run { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
