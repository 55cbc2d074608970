//! Making, finding and deleting projects.

use crate::{
    Platform, PlatformError,
    git::Repository,
    login::login_of,
    routes::Site,
    store::{EnvironmentRecord, ProjectRecord},
};
use guise_model::ProjectId;
use std::path::PathBuf;

impl Platform {
    /// Makes a project with an empty repository.
    ///
    /// # Errors
    /// When the branch name is not one, or the repository cannot be made (then there is no project either).
    pub fn create_project(&self, title: &str, default_branch: &str) -> Result<ProjectRecord, PlatformError> {
        check_branch(default_branch)?;
        let project = self.store().create_project(title, default_branch)?;
        let made = self
            .repository(&project.id)
            .create(default_branch)
            .map_err(PlatformError::from)
            .and_then(|()| self.install_hooks(&project.id));
        if let Err(error) = made {
            self.store().delete_project(&project.id)?;
            return Err(error);
        }
        Ok(project)
    }

    /// All projects, oldest first.
    pub fn projects(&self) -> Result<Vec<ProjectRecord>, PlatformError> {
        Ok(self.store().projects()?)
    }

    /// A project by its id, or by its title if only one has it.
    ///
    /// # Errors
    /// [`PlatformError::UnknownProject`], [`PlatformError::AmbiguousTitle`].
    pub fn project(&self, given: &str) -> Result<ProjectRecord, PlatformError> {
        let mut projects = self.store().projects()?;
        if let Some(position) = projects.iter().position(|project| project.id.as_str() == given) {
            return Ok(projects.swap_remove(position));
        }
        let mut titled: Vec<_> = projects.iter().filter(|project| project.title == given).collect();
        match (titled.pop(), titled.len()) {
            (Some(project), 0) => Ok(project.clone()),
            (Some(_), others) => Err(PlatformError::AmbiguousTitle {
                title: given.into(),
                count: others + 1,
            }),
            (None, _) => Err(PlatformError::UnknownProject {
                given: given.into(),
                known: projects.into_iter().map(|project| project.title).collect(),
            }),
        }
    }

    pub(crate) fn project_by_id(&self, id: &ProjectId) -> Result<ProjectRecord, PlatformError> {
        self.store()
            .project(id)?
            .ok_or_else(|| PlatformError::UnknownProject {
                given: id.to_string(),
                known: Vec::new(),
            })
    }

    /// An environment of a project.
    ///
    /// # Errors
    /// [`PlatformError::UnknownEnvironment`].
    pub fn environment(
        &self,
        project: &ProjectRecord,
        name: &str,
    ) -> Result<EnvironmentRecord, PlatformError> {
        if let Some(environment) = self.store().environment(&project.id, name)? {
            return Ok(environment);
        }
        let known = self
            .store()
            .environments(&project.id)?
            .into_iter()
            .map(|known| known.name)
            .collect();
        Err(PlatformError::UnknownEnvironment {
            project: project.title.clone(),
            given: name.into(),
            known,
        })
    }

    /// A project's environments, oldest first.
    pub fn environments(&self, project: &ProjectId) -> Result<Vec<EnvironmentRecord>, PlatformError> {
        Ok(self.store().environments(project)?)
    }

    /// Where a project's repository is on this machine: what its root pushes to.
    pub fn git_url(&self, project: &ProjectId) -> String {
        self.repository(project).path().display().to_string()
    }

    /// Where a project's repository is over SSH, if there is a gateway.
    pub fn git_ssh_url(&self, project: &ProjectId) -> Option<String> {
        Some(format!("{}/{project}.git", self.ssh_url(project.as_str())?))
    }

    /// Where an app or worker of an environment is over SSH, if there is a gateway.
    pub fn app_ssh_url(&self, environment: &EnvironmentRecord, container: &str) -> Option<String> {
        self.ssh_url(&login_of(environment, container))
    }

    fn ssh_url(&self, login: &str) -> Option<String> {
        let domain = &self.config().domain;
        Some(match self.config().ssh_port? {
            22 => format!("ssh://{login}@{domain}"),
            port => format!("ssh://{login}@{domain}:{port}"),
        })
    }

    /// The host that an environment is generated.
    pub(crate) fn site(&self, environment: &EnvironmentRecord) -> Result<Site, PlatformError> {
        let config = self.config();
        let host = format!(
            "{}-{}.{}",
            environment.machine_name, environment.project, config.domain
        );
        Ok(Site {
            host,
            ports: config.ports,
            restrict_robots: environment.restrict_robots,
            access: self.http_access(environment)?.map(|(access, _)| access),
        })
    }

    pub(crate) fn project_directory(&self, project: &ProjectId) -> PathBuf {
        self.config().state.join("projects").join(project.as_str())
    }

    pub(crate) fn repository(&self, project: &ProjectId) -> Repository {
        Repository::at(self.project_directory(project).join("repository.git"))
    }

    pub(crate) fn install_hooks(&self, project: &ProjectId) -> Result<(), PlatformError> {
        let words = self.config().hook_command.iter();
        let command: Vec<_> = words
            .map(|word| {
                if word == "{project}" {
                    project.as_str().into()
                } else {
                    word.clone()
                }
            })
            .collect();
        Ok(self.repository(project).install_hooks(&command)?)
    }
}

/// What git says no to later and less clearly (git-check-ref-format(1)).
pub(crate) fn check_branch(name: &str) -> Result<(), PlatformError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('-') || name.starts_with('/') || name.ends_with('/') || name.ends_with('.') {
        "it must not start with - or /, nor end with / or ."
    } else if name.contains("..") || name.contains("//") || name.contains("@{") || name.ends_with(".lock") {
        "it must not contain .. or // or @{, nor end with .lock"
    } else if name
        .bytes()
        .any(|byte| byte <= b' ' || byte == 127 || b"~^:?*[\\".contains(&byte))
    {
        "blanks, control characters and ~ ^ : ? * [ \\ are not allowed"
    } else {
        return Ok(());
    };
    Err(PlatformError::BadBranch {
        given: name.into(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_that_git_refuses_are_refused_here() {
        for good in ["main", "feature/x", "a.b", "ü"] {
            assert!(check_branch(good).is_ok(), "{good}");
        }
        for bad in [
            "", "-x", "a..b", "a b", "a\nb", "a~1", "x.lock", "a//b", "/a", "a/",
        ] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }
}
