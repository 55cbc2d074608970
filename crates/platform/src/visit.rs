//! People who come over SSH: who they are, where they may go, and what is opened for them.

use crate::{
    Busy, Platform, PlatformError,
    carry_out::hook_process,
    desired::{Component, ComponentKind},
    git::GitSession,
    login::{GitCommand, GitService, Login},
    right::{Rights, Role},
    store::{EnvironmentRecord, EnvironmentStatus, ProjectRecord},
    variables::quote,
};
use guise_model::UserName;
use guise_node::{ExecSession, Process};
use std::net::{IpAddr, TcpStream};

/// Somebody who has shown a key.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Whose key it is.
    pub user: UserName,
    /// The user name of their connection.
    pub login: String,
    /// Where they come from.
    pub from: IpAddr,
}

/// What a visitor wants to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A login shell.
    Shell,
    /// A command line for a shell.
    Command(String),
    /// The server of the SFTP protocol.
    Sftp,
}

/// What a visitor has got.
#[derive(Debug)]
pub enum Opened {
    /// A process in a container, which stays awake for it.
    Process {
        /// The process.
        session: ExecSession,
        /// What to tell the person first.
        greeting: Option<String>,
        /// Held as long as it runs.
        awake: Busy,
    },
    /// git, for the repository.
    Git(GitSession),
}

/// Why a visitor does not get what they want.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The name leads nowhere, or to where they must not go: which of both is nobody's to know.
    #[error("{login} leads to nothing that {user} may reach: `guise ssh --pipe` prints where an app is")]
    Nowhere {
        /// The name.
        login: String,
        /// Who.
        user: UserName,
    },
    /// They may see it and no more.
    #[error(
        "{user} may not {what} {environment}: that takes the role contributor for its type of environments"
    )]
    NotContributor {
        /// Who.
        user: UserName,
        /// What was wanted.
        what: &'static str,
        /// Where.
        environment: String,
    },
    /// The name is the repository's.
    #[error(
        "{project} is where git pushes to and fetches from. A shell is at {project}-ENVIRONMENT--APP: `guise ssh --pipe` \
         prints the name"
    )]
    OnlyGit {
        /// The project.
        project: ProjectIdOf,
    },
    /// Another repository.
    #[error("{path:?} is not the repository of {project}: the address is {project}@HOST:{project}.git")]
    OtherRepository {
        /// What was asked for.
        path: String,
        /// The project.
        project: ProjectIdOf,
    },
    /// Nothing runs.
    #[error("environment {environment} is {status}, so there is nothing to go into")]
    NotActive {
        /// The environment.
        environment: String,
        /// Its condition.
        status: &'static str,
    },
    /// A service.
    #[error("{name} is a service, which has no shell: reach it from an app, or by guise tunnel")]
    Service {
        /// Its name.
        name: String,
    },
    /// Everything else.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

type ProjectIdOf = guise_model::ProjectId;

/// Somewhere that a visitor may go.
enum Place {
    Repository(ProjectRecord),
    Container(Box<(EnvironmentRecord, Component)>),
}

impl Platform {
    /// Who shows a key with a user name, if the name leads somewhere that they may know of.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn admit(&self, key: &str, login: &str, from: IpAddr) -> Result<Option<Visitor>, PlatformError> {
        let Some(user) = self.owner_of_key(key)? else {
            return Ok(None);
        };
        let known = match Login::read(login) {
            Some(login) => {
                let is_there = self.store().project(&login.project)?.is_some();
                is_there && self.rights(Some(&user), &login.project)?.include_project()
            }
            None => false,
        };
        Ok(known.then(|| Visitor {
            user,
            login: login.into(),
            from,
        }))
    }

    /// Starts what a visitor wants to run, with a terminal of `tty` (columns, rows) if they want one.
    ///
    /// # Errors
    /// [`VisitError`], whose words are for them.
    pub fn receive(
        &self,
        visitor: &Visitor,
        wanted: &Wanted,
        tty: Option<(u16, u16)>,
        env: &[(String, String)],
    ) -> Result<Opened, VisitError> {
        match self.place_of(visitor)? {
            Place::Repository(project) => self.open_repository(visitor, &project, wanted, env),
            Place::Container(place) => {
                let (environment, component) = *place;
                let (action, detail) = described(wanted);
                self.audit_visit(
                    visitor,
                    action,
                    &environment,
                    &format!("{}: {detail}", component.name),
                )?;
                let awake = self.rouse(&environment)?;
                let process = process(&component, wanted, tty.is_some(), env);
                let session = self
                    .node()
                    .exec_interactive(&component.spec.id, &process, tty)
                    .map_err(PlatformError::from)?;
                let greeting = (*wanted == Wanted::Shell && tty.is_some())
                    .then(|| self.greeting(&environment, &component))
                    .transpose()?;
                Ok(Opened::Process {
                    session,
                    greeting,
                    awake,
                })
            }
        }
    }

    /// Connects a visitor from inside their app's network.
    ///
    /// # Errors
    /// [`VisitError`].
    pub fn forward(&self, visitor: &Visitor, host: &str, port: u16) -> Result<(TcpStream, Busy), VisitError> {
        match self.place_of(visitor)? {
            Place::Repository(project) => Err(VisitError::OnlyGit { project: project.id }),
            Place::Container(place) => {
                let (environment, component) = *place;
                let detail = format!("{}: to {host}:{port}", component.name);
                self.audit_visit(visitor, "ssh.forward", &environment, &detail)?;
                let awake = self.rouse(&environment)?;
                let connected = self.node().reach(&component.spec.id, host, port);
                Ok((connected.map_err(PlatformError::from)?, awake))
            }
        }
    }

    /// Where a visitor's user name leads, if they may go there.
    fn place_of(&self, visitor: &Visitor) -> Result<Place, VisitError> {
        let nowhere = || VisitError::Nowhere {
            login: visitor.login.clone(),
            user: visitor.user.clone(),
        };
        let login = Login::read(&visitor.login).ok_or_else(nowhere)?;
        let project = self
            .store()
            .project(&login.project)
            .map_err(PlatformError::from)?;
        let project = project.ok_or_else(nowhere)?;
        let rights = self.rights(Some(&visitor.user), &project.id)?;
        if login.is_repository() {
            return match rights.include_project() {
                true => Ok(Place::Repository(project)),
                false => Err(nowhere()),
            };
        }
        let environments = self.environments(&project.id)?;
        let (environment, container) = login.place(&environments).ok_or_else(nowhere)?;
        match rights.role_on(environment.kind) {
            Some(Role::Contributor | Role::Admin) => {}
            Some(Role::Viewer) => {
                return Err(VisitError::NotContributor {
                    user: visitor.user.clone(),
                    what: "open anything in",
                    environment: environment.name.clone(),
                });
            }
            None => return Err(nowhere()),
        }
        if environment.status != EnvironmentStatus::Active {
            return Err(VisitError::NotActive {
                environment: environment.name.clone(),
                status: environment.status.as_str(),
            });
        }
        let component = self.container_of(environment, container)?;
        match component.kind {
            ComponentKind::Service => Err(VisitError::Service { name: component.name }),
            ComponentKind::App | ComponentKind::Worker => {
                Ok(Place::Container(Box::new((environment.clone(), component))))
            }
        }
    }

    fn open_repository(
        &self,
        visitor: &Visitor,
        project: &ProjectRecord,
        wanted: &Wanted,
        env: &[(String, String)],
    ) -> Result<Opened, VisitError> {
        let only_git = || VisitError::OnlyGit {
            project: project.id.clone(),
        };
        let Wanted::Command(line) = wanted else {
            return Err(only_git());
        };
        let command = GitCommand::read(line).ok_or_else(only_git)?;
        if !command.is_about(&project.id) {
            return Err(VisitError::OtherRepository {
                path: command.path().into(),
                project: project.id.clone(),
            });
        }
        let rights = self.rights(Some(&visitor.user), &project.id)?;
        if command.service == GitService::Receive && !pushes_somewhere(&rights) {
            return Err(VisitError::NotContributor {
                user: visitor.user.clone(),
                what: "push to any environment of",
                environment: project.title.clone(),
            });
        }
        if command.service == GitService::Upload {
            // A push is recorded as what it sets off.
            let detail = format!("from {}", visitor.from);
            self.audit("git.fetch", Some((&project.id, None)), &detail)?;
        }
        let protocol = env
            .iter()
            .find(|(name, _)| name == "GIT_PROTOCOL")
            .map(|(_, value)| value.as_str());
        let session = self
            .repository(&project.id)
            .serve(command.service, &visitor.user, protocol)
            .map_err(PlatformError::from)?;
        Ok(Opened::Git(session))
    }

    fn audit_visit(
        &self,
        visitor: &Visitor,
        action: &str,
        environment: &EnvironmentRecord,
        detail: &str,
    ) -> Result<(), PlatformError> {
        let target = Some((&environment.project, Some(environment.name.as_str())));
        self.audit(action, target, &format!("{detail}, from {}", visitor.from))
    }

    /// What a person reads when they come into a container.
    fn greeting(
        &self,
        environment: &EnvironmentRecord,
        component: &Component,
    ) -> Result<String, PlatformError> {
        let project = self.project_by_id(&environment.project)?;
        let routes = self.routes(environment)?;
        let url = routes
            .iter()
            .find(|route| route.primary)
            .map(|route| route.url.as_str());
        let lines = [
            format!("{} of {} in {}", component.name, environment.name, project.title),
            format!(
                "{} environment, {}",
                environment.kind.as_str(),
                component.image_type
            ),
            url.unwrap_or_default().into(),
            "/app is read-only but for its mounts; what else is written goes with the container.".into(),
        ];
        let lines = lines.iter().filter(|line| !line.is_empty());
        let mut text: String = lines.map(|line| format!("  {line}\r\n")).collect();
        text.insert_str(0, "\r\n");
        text.push_str("\r\n");
        Ok(text)
    }
}

/// Whether there is a type of environments that somebody may push to.
fn pushes_somewhere(rights: &Rights) -> bool {
    use crate::store::EnvironmentType::{Development, Production, Staging};
    [Production, Staging, Development]
        .into_iter()
        .any(|kind| rights.include(Role::Contributor, kind))
}

fn described(wanted: &Wanted) -> (&'static str, &str) {
    match wanted {
        Wanted::Shell => ("ssh.shell", "a shell"),
        Wanted::Command(line) => ("ssh.exec", line),
        Wanted::Sftp => ("ssh.sftp", "files"),
    }
}

/// The process that a visitor wants, with what the app has in its environment; theirs is added where it has nothing.
fn process(component: &Component, wanted: &Wanted, terminal: bool, env: &[(String, String)]) -> Process {
    let command = match wanted {
        Wanted::Shell => "exec /bin/bash -l".into(),
        Wanted::Command(line) => format!("exec /bin/bash -c {}", quote(line)),
        Wanted::Sftp => "exec /usr/lib/openssh/sftp-server".into(),
    };
    let mut process = hook_process(component, &command);
    let added = env.iter().filter(|(name, _)| name != "TERM" || terminal);
    for (name, value) in added {
        process.env.entry(name.clone()).or_insert_with(|| value.clone());
    }
    process
}
