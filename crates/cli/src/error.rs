//! Errors of the command line: what a person reads, and the exit code.

use crate::client::ClientError;
use crate::git::GitError;
use crate::launch::LaunchError;
use crate::place::PlaceError;
use guise_api::{Activity, ErrorKind};
use std::io;
use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error("the exec stream broke: {0}")]
    ExecStream(io::Error),
    #[error("cannot read the standard input: {0}")]
    Input(io::Error),
    #[error("only `guise validate` writes SARIF")]
    SarifOnlyOfFindings,
    #[error("nothing is committed on this branch yet")]
    NothingCommitted,
    #[error("HEAD is detached: which branch shall be deployed?")]
    DetachedHead,
    #[error("the repository has no configuration file")]
    NoConfiguration {
        written_but_not_committed: Option<String>,
    },
    #[error("the push was not accepted")]
    PushRefused,
    #[error("{} failed", .0.description)]
    Failed(Box<Activity>),
    #[error("{} was cancelled", .0.description)]
    Cancelled(Box<Activity>),
    #[error("{} goes on without you", .0.description)]
    LeftRunning(Box<Activity>),
    #[error("{question} Nobody can be asked whether that is meant: there is no terminal")]
    NobodyToAsk { question: String },
    #[error("nothing was changed: the answer was {answer:?}, not {wanted:?}")]
    Declined { answer: String, wanted: String },
    #[error("the environment {environment} has no route yet")]
    NoUrl { environment: String },
    #[error("{environment} has no backup")]
    NoBackup { environment: String },
    #[error("no container {container} runs")]
    NoContainer { container: String, running: Vec<String> },
    #[error("there is no column {column:?}")]
    NoColumn { column: String, known: Vec<String> },
    #[error("there is no route {route:?}")]
    NoRoute { route: String, known: Vec<String> },
    #[error("a login is written USER:PASSWORD")]
    NoLogin,
    #[error("there is no property {property:?}")]
    NoProperty { property: String, known: Vec<String> },
    #[error("{app} has no relationship{} to a database", named(wanted.as_deref()))]
    NoDatabase {
        app: String,
        wanted: Option<String>,
        known: Vec<String>,
    },
    #[error("{app} has several databases: which one?")]
    WhichDatabase { app: String, known: Vec<String> },
    #[error("there is no SSH gateway on this machine")]
    NoGateway,
    #[error("{app} has no open tunnel")]
    NoTunnel { app: String },
    #[error("{app} has no such relationship that could have a tunnel")]
    NoRelationship { app: String, known: Vec<String> },
    #[error("ssh did not open a tunnel to {relationship} on port {port}")]
    TunnelRefused { relationship: String, port: u16 },
    #[error("no local port is free")]
    NoPort,
    #[error("whose key is it?")]
    WhichUser { known: Vec<String> },
    #[error("there is no variable {name}")]
    NoVariable { name: String },
    #[error("whose shall {name} be?")]
    NoLevel { name: String },
    #[error("{name} has no value")]
    NoValue { name: String },
    #[error("{app} has no mount{}", named(wanted.as_deref()))]
    NoMount {
        app: String,
        wanted: Option<String>,
        known: Vec<String>,
    },
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is there already", path.display())]
    FileExists { path: PathBuf },
    #[error("{program} cannot be run here: {source}")]
    LocalProgram {
        program: &'static str,
        package: &'static str,
        source: io::Error,
    },
    #[error(transparent)]
    Allowance(#[from] guise_model::BadAllowance),
    #[error("there is no token")]
    NoToken,
    #[error("{url} is not the address of a daemon")]
    BadUrl { url: String },
    #[error("there is no home directory to remember a daemon in")]
    NoHome,
    #[error("there is no activity yet")]
    NoActivity,
    #[error("the configuration has {errors} {}", if *errors == 1 { "error" } else { "errors" })]
    Configuration { errors: usize },
    #[error("the types that a configuration may name cannot be read: {cause}")]
    Types { cause: String },
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the machine lacks something: see above")]
    MachineLacks,
    #[error("line {line:?} of the hook's input is not `old new ref`")]
    HookInput { line: String },
}

impl Error {
    /// The exit code, as `docs/cli.md` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Print(source) if source.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Client(error) | Self::Place(PlaceError::Client(error)) => client_exit_code(error),
            Self::Place(_)
            | Self::Git(_)
            | Self::SarifOnlyOfFindings
            | Self::NothingCommitted
            | Self::DetachedHead
            | Self::NobodyToAsk { .. }
            | Self::Declined { .. }
            | Self::NoUrl { .. }
            | Self::NoActivity
            | Self::NoToken
            | Self::BadUrl { .. }
            | Self::NoHome
            | Self::NoBackup { .. }
            | Self::NoContainer { .. }
            | Self::NoLogin
            | Self::NoProperty { .. }
            | Self::NoColumn { .. }
            | Self::NoRoute { .. }
            | Self::NoDatabase { .. }
            | Self::WhichDatabase { .. }
            | Self::WhichUser { .. }
            | Self::NoTunnel { .. }
            | Self::NoRelationship { .. }
            | Self::NoMount { .. }
            | Self::NoVariable { .. }
            | Self::NoLevel { .. }
            | Self::NoValue { .. }
            | Self::Allowance(_)
            | Self::FileExists { .. }
            | Self::Write { .. }
            | Self::HookInput { .. }
            | Self::Read { .. } => 2,
            Self::NoConfiguration { .. } | Self::Configuration { .. } => 3,
            Self::Launch(_)
            | Self::LocalProgram { .. }
            | Self::MachineLacks
            | Self::NoGateway
            | Self::NoPort
            | Self::Types { .. } => 5,
            Self::PushRefused | Self::TunnelRefused { .. } | Self::Failed(_) | Self::Cancelled(_) => 1,
            Self::Print(_) | Self::ExecStream(_) | Self::Input(_) => 70,
            // As for a death by SIGINT.
            Self::LeftRunning(_) => 128 + 2,
        }
    }

    /// What a person can do about it, a sentence or a command each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Client(error) | Self::Place(PlaceError::Client(error)) => client_hints(error),
            Self::Place(PlaceError::NoProject) => vec![
                "stand in a repository that `guise up` has deployed".into(),
                "or name one with -p (see `guise project list`)".into(),
            ],
            Self::Place(PlaceError::ForeignRemote { .. }) => {
                vec!["give the remote another name: git remote rename guise OTHER".into()]
            }
            Self::Git(GitError::NotARepository { .. }) => vec!["git init && git add -A && git commit".into()],
            Self::Git(GitError::Run { .. }) => vec!["install git: apt-get install git".into()],
            Self::NothingCommitted => vec!["git add -A && git commit".into()],
            Self::DetachedHead => vec!["guise up --branch NAME".into()],
            Self::NoConfiguration {
                written_but_not_committed: Some(path),
            } => {
                vec![format!(
                    "{path} is there but not committed: git add {path} && git commit"
                )]
            }
            Self::NoConfiguration {
                written_but_not_committed: None,
            } => {
                vec![format!("write .platform.app.yaml, for instance:\n\n{EXAMPLE}")]
            }
            Self::Failed(activity) | Self::Cancelled(activity) => {
                vec![format!("guise activity log {}", activity.id)]
            }
            Self::LeftRunning(activity) => vec![
                format!("to follow it: guise activity log {}", activity.id),
                format!("to cancel it: guise activity cancel {}", activity.id),
            ],
            Self::NobodyToAsk { .. } => vec!["add --yes".into()],
            Self::NoColumn { known, .. } | Self::NoRoute { known, .. } | Self::NoProperty { known, .. } => {
                vec![format!("There are: {}.", known.join(", "))]
            }
            Self::NoDatabase { known, .. } if known.is_empty() => {
                vec!["an app has a database by a relationship to a service of its own".into()]
            }
            Self::NoDatabase { known, .. } | Self::WhichDatabase { known, .. } => {
                vec![format!("name it with -r: {}", known.join(", "))]
            }
            Self::NoGateway => {
                vec!["Set ssh_listen in the daemon's config.toml, and restart the daemon.".into()]
            }
            Self::NoTunnel { .. } => vec!["guise tunnel open".into()],
            Self::NoRelationship { known, .. } => vec![format!("name one with -r: {}", known.join(", "))],
            Self::TunnelRefused { .. } => {
                vec!["What ssh says stands above; guise ssh tries the way alone.".into()]
            }
            Self::WhichUser { known } if known.is_empty() => {
                vec!["There is no user yet: `guise init` makes the first.".into()]
            }
            Self::WhichUser { known } => vec![format!("name one with --user: {}", known.join(", "))],
            Self::NoContainer { running, .. } if running.is_empty() => vec!["guise ps".into()],
            Self::NoContainer { running, .. } => vec![format!("name one of these: {}", running.join(", "))],
            Self::NoMount { known, .. } => vec![format!("name one with --mount: {}", known.join(", "))],
            Self::NoVariable { .. } => vec!["guise variable list".into()],
            Self::NoLevel { .. } => vec!["add --level project, or --level environment".into()],
            Self::NoValue { .. } => {
                vec!["add --value VALUE, or --value - to read it from standard input".into()]
            }
            Self::FileExists { .. } => vec!["name another one with -f, or add --yes to replace it".into()],
            Self::LocalProgram { package, .. } => vec![format!("install it: apt-get install {package}")],
            Self::NoToken => vec!["set GUISE_TOKEN, or add --token-file FILE".into()],
            Self::BadUrl { .. } => {
                vec!["write https://HOST:PORT, as [api] in the daemon's config.toml says".into()]
            }
            Self::NoHome => vec!["set HOME, or GUISE_URL and GUISE_TOKEN".into()],
            Self::NoUrl { .. } => vec!["guise up".into()],
            _ => Vec::new(),
        }
    }
}

/// ` "name"` of something that was named.
fn named(name: Option<&str>) -> String {
    name.map(|name| format!(" {name:?}")).unwrap_or_default()
}

/// The smallest configuration that serves a page.
const EXAMPLE: &str = "    name: app
    type: 'python:3.13'
    web:
      commands:
        start: python3 -m http.server $PORT";

fn client_exit_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Refused(refusal) => match refusal.kind {
            ErrorKind::User => 2,
            ErrorKind::Configuration => 3,
            ErrorKind::Conflict => 4,
            ErrorKind::Machine => 5,
            ErrorKind::Internal => 70,
        },
        ClientError::NotRunning { .. }
        | ClientError::Denied { .. }
        | ClientError::Connect { .. }
        | ClientError::Unreachable { .. }
        | ClientError::Untrusted { .. } => 5,
        ClientError::Exchange { .. }
        | ClientError::Request { .. }
        | ClientError::Answer { .. }
        | ClientError::Status { .. } => 70,
    }
}

fn client_hints(error: &ClientError) -> Vec<String> {
    match error {
        ClientError::Refused(refusal) => refusal.hints.clone(),
        ClientError::NotRunning { .. } => vec![
            "deploy the repository you stand in, which starts it: guise up".into(),
            "or start it alone: guise daemon".into(),
        ],
        ClientError::Unreachable { .. } => vec!["to use the daemon of this machine: guise logout".into()],
        ClientError::Untrusted { .. } => vec![
            "print the authority on the daemon's machine: guise tls authority > guise.pem".into(),
            "and log in with it: guise login URL --ca guise.pem".into(),
        ],
        ClientError::Denied { .. } => vec!["be root: sudo guise …".into()],
        ClientError::Exchange { .. } => vec!["see whether it runs: guise daemon status".into()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guise_api::ApiError;

    #[test]
    fn every_kind_of_refusal_has_its_exit_code() {
        let code = |kind| {
            let refusal = ApiError {
                kind,
                code: "x.y".into(),
                message: "no".into(),
                hints: vec![],
            };
            Error::from(ClientError::Refused(refusal)).exit_code()
        };
        let kinds = [
            ErrorKind::User,
            ErrorKind::Configuration,
            ErrorKind::Conflict,
            ErrorKind::Machine,
            ErrorKind::Internal,
        ];
        assert_eq!(kinds.map(code), [2, 3, 4, 5, 70]);
    }

    #[test]
    fn a_reader_that_went_away_is_success() {
        assert_eq!(
            Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(),
            0
        );
        assert_eq!(
            Error::from(io::Error::from(io::ErrorKind::StorageFull)).exit_code(),
            70
        );
    }
}
