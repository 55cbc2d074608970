//! User names of SSH connections: `<project>` for git, `<project>-<machine name>[--<app>[--<worker>]]` for an app
//! (spec 7). They come from strangers.

use crate::store::EnvironmentRecord;
use guise_model::ProjectId;

/// How long a project's id is.
const ID_LENGTH: usize = 13;

/// Where somebody wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login<'a> {
    /// The project.
    pub project: ProjectId,
    /// The machine name of an environment and the app in it, not yet told apart; `None` for the repository.
    rest: Option<&'a str>,
}

impl<'a> Login<'a> {
    /// Reads a user name.
    pub fn read(text: &'a str) -> Option<Self> {
        let (id, rest) = text.split_at_checked(ID_LENGTH)?;
        let project = ProjectId::new(id).ok()?;
        let rest = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('-').filter(|rest| !rest.is_empty())?),
        };
        Some(Self { project, rest })
    }

    /// Whether it is the repository that is wanted.
    pub fn is_repository(&self) -> bool {
        self.rest.is_none()
    }

    /// Which of the project's environments is meant, and which container: `app` or `app--worker`.
    pub fn place<'e>(
        &self,
        environments: &'e [EnvironmentRecord],
    ) -> Option<(&'e EnvironmentRecord, Option<&'a str>)> {
        let rest = self.rest?;
        environments.iter().find_map(|environment| {
            let container = rest.strip_prefix(environment.machine_name.as_str())?;
            match container {
                "" => Some((environment, None)),
                container => Some((environment, Some(container.strip_prefix("--")?))),
            }
        })
    }
}

/// The user name that leads to a container.
pub fn login_of(environment: &EnvironmentRecord, container: &str) -> String {
    format!(
        "{}-{}--{container}",
        environment.project, environment.machine_name
    )
}

/// One of git's two commands, as git sends them: `git-receive-pack '/abc.git'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitCommand {
    /// What it does.
    pub service: GitService,
    /// The repository's path as it was sent.
    path: String,
}

/// What git can want of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitService {
    /// To take commits: fetch, clone.
    Upload,
    /// To bring commits: push.
    Receive,
}

impl GitService {
    /// The subcommand that serves it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload-pack",
            Self::Receive => "receive-pack",
        }
    }
}

impl GitCommand {
    /// Reads a command line. Nothing but git's own quoting is understood, and nothing is ever given to a shell.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.strip_prefix("git-").or_else(|| line.strip_prefix("git "))?;
        let (name, argument) = line.split_once(' ')?;
        let service = [GitService::Upload, GitService::Receive]
            .into_iter()
            .find(|service| service.as_str() == name)?;
        let argument = argument.trim();
        let path = argument
            .strip_prefix('\'')
            .and_then(|path| path.strip_suffix('\''))
            .unwrap_or(argument);
        Some(Self {
            service,
            path: path.into(),
        })
    }

    /// Whether it is about this project's repository: `<project>.git`, with or without a slash before it.
    pub fn is_about(&self, project: &ProjectId) -> bool {
        let path = self.path.trim_start_matches('/').trim_end_matches('/');
        path.strip_suffix(".git").unwrap_or(path) == project.as_str()
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EnvironmentType, Store};
    use proptest::prelude::*;

    const ID: &str = "abcdefgh12345";

    fn environments() -> Vec<EnvironmentRecord> {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        for name in ["main", "a", "a--b", "feature/x"] {
            let kind = EnvironmentType::Development;
            store.create_environment(&project, name, kind, None).unwrap();
        }
        store.environments(&project).unwrap()
    }

    #[test]
    fn a_project_alone_is_its_repository() {
        let login = Login::read(ID).unwrap();
        assert!(login.is_repository() && login.project.as_str() == ID);
        assert_eq!(login.place(&environments()), None);
    }

    #[test]
    fn a_container_is_found_by_the_name_that_leads_to_it() {
        let environments = environments();
        for environment in &environments {
            for container in ["app", "app--queue", "my-app"] {
                let text = login_of(environment, container);
                let login = Login::read(&text).unwrap();
                assert_eq!(
                    login.place(&environments),
                    Some((environment, Some(container))),
                    "{text}"
                );
            }
            let text = format!("{ID}-{}", environment.machine_name);
            let login = Login::read(&text).unwrap();
            assert_eq!(login.place(&environments), Some((environment, None)));
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for text in [
            "",
            "root",
            "abcdefgh1234",
            "abcdefgh123456",
            "ABCDEFGH12345",
            "abcdefgh12345-",
            "../../etc/pass",
        ] {
            assert_eq!(Login::read(text), None, "{text}");
        }
        for rest in ["-", "main", "main-0000000", "main-0000000--app"] {
            let text = format!("{ID}-{rest}");
            assert_eq!(Login::read(&text).unwrap().place(&environments()), None, "{text}");
        }
    }

    #[test]
    fn gits_commands_are_read_as_git_sends_them() {
        let project = ProjectId::new(ID).unwrap();
        for path in [
            "/abcdefgh12345.git",
            "abcdefgh12345.git",
            "abcdefgh12345",
            "/abcdefgh12345.git/",
        ] {
            for line in [
                format!("git-upload-pack '{path}'"),
                format!("git upload-pack {path}"),
            ] {
                let command = GitCommand::read(&line).unwrap();
                assert!(
                    command.service == GitService::Upload && command.is_about(&project),
                    "{line}"
                );
            }
        }
        for line in [
            "git-receive-pack '../x.git'",
            "git-receive-pack '/abcdefgh12345.git/../y.git'",
            "git-receive-pack 'abcdefgh12345.git'; id",
            "git-receive-pack --upload-pack=id abcdefgh12345.git",
        ] {
            assert!(!GitCommand::read(line).unwrap().is_about(&project), "{line}");
        }
        for line in ["git-upload-archive 'x'", "git-receive-pack", "rm -rf /", ""] {
            assert_eq!(GitCommand::read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(text in ".{0,40}") {
            if let Some(login) = Login::read(&text) {
                let _ = login.place(&environments());
            }
            let _ = GitCommand::read(&text);
        }
    }
}
