//! Errors as answers: whose mistake, in what words, and what to do.

use axum::{
    Json,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use guise_api::{ApiError, ErrorKind};
use guise_platform::{ArchiveError, PlatformError, TokenError, UserError, VariableError, WebhookError};

/// Who asks is not known.
pub(crate) const NOT_KNOWN: &str = "access.unauthenticated";
/// Who asks may not.
pub(crate) const DENIED: &str = "access.denied";

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) ApiError);

impl Failure {
    pub(crate) fn new(kind: ErrorKind, code: &str, message: String, hints: Vec<String>) -> Self {
        Self(ApiError {
            kind,
            code: code.into(),
            message,
            hints,
        })
    }

    /// Who asks is not known.
    pub(crate) fn unknown_caller() -> Self {
        let message = "the request has no token that is good".into();
        let hint = "Log in: guise login URL. A token is made on the daemon's machine: guise token create --user NAME.";
        Self::new(ErrorKind::User, NOT_KNOWN, message, vec![hint.into()])
    }

    /// Who asks may not do that, or may not know whether there is such a thing.
    pub(crate) fn denied() -> Self {
        let message = "that is not allowed to you, or there is no such thing".into();
        let hint = "Roles are given by admins: guise user update NAME -r ROLE. A token may be for less than its user.";
        Self::new(ErrorKind::User, DENIED, message, vec![hint.into()])
    }

    pub(crate) fn internal(message: &str) -> Self {
        tracing::error!(message, "internal error");
        Self::new(
            ErrorKind::Internal,
            "internal",
            message.into(),
            vec!["The daemon's log says more.".into()],
        )
    }
}

impl From<PlatformError> for Failure {
    fn from(error: PlatformError) -> Self {
        let message = error.to_string();
        let known = |what: &str, names: &[String]| match names {
            [] => vec![],
            names => vec![format!("There {what}: {}.", names.join(", "))],
        };
        let (kind, code, hints) = match &error {
            PlatformError::UnknownProject { known: names, .. } => {
                let hints = match names.as_slice() {
                    [] => {
                        vec!["There is none yet: make one with `guise up` or `guise project create`.".into()]
                    }
                    names => known("are", names),
                };
                (ErrorKind::User, "project.unknown", hints)
            }
            PlatformError::AmbiguousTitle { .. } => (
                ErrorKind::User,
                "project.ambiguous",
                vec!["`guise project list` shows the ids.".into()],
            ),
            PlatformError::UnknownEnvironment { known: names, .. } => {
                (ErrorKind::User, "environment.unknown", known("are", names))
            }
            PlatformError::NotAwake { activity, .. } => (
                ErrorKind::User,
                "environment.not_awake",
                vec![format!("`guise activity log {activity}` shows why.")],
            ),
            PlatformError::NotDeployed { .. } => (
                ErrorKind::User,
                "environment.not_deployed",
                vec!["Push its branch.".into()],
            ),
            PlatformError::UnknownContainer { known: names, .. } => {
                (ErrorKind::User, "container.unknown", known("are", names))
            }
            PlatformError::EnvironmentExists { .. } => (ErrorKind::User, "environment.exists", vec![]),
            PlatformError::NoParent { .. } => (ErrorKind::User, "environment.no_parent", vec![]),
            PlatformError::IsProduction { .. } => (ErrorKind::User, "environment.production", vec![]),
            PlatformError::WrongStatus {
                environment, status, ..
            } => {
                let starts = match *status {
                    "paused" => vec![format!("`guise environment resume {environment}` starts it.")],
                    "inactive" => vec![format!("`guise environment activate {environment}` starts it.")],
                    _ => vec![],
                };
                (ErrorKind::Conflict, "environment.status", starts)
            }
            PlatformError::UnknownBackup { .. } => (
                ErrorKind::User,
                "backup.unknown",
                vec!["`guise backup list` shows those of an environment.".into()],
            ),
            PlatformError::BackupNotReady { .. } => (ErrorKind::Conflict, "backup.status", vec![]),
            PlatformError::Archive(ArchiveError::File {
                operation: "read", ..
            }) => (
                ErrorKind::User,
                "backup.archive",
                vec!["Name a directory that `guise backup export` has written.".into()],
            ),
            PlatformError::Archive(_) => (ErrorKind::User, "backup.archive", vec![]),
            PlatformError::UnknownCommit { .. } => (
                ErrorKind::User,
                "commit.unknown",
                vec![
                    "Only what was pushed is known: push it first, to a branch of its own if need be.".into(),
                ],
            ),
            PlatformError::UnknownDeployment { .. } => (
                ErrorKind::User,
                "deployment.unknown",
                vec!["`guise deployment list` shows those that are kept.".into()],
            ),
            PlatformError::NoEarlierDeployment { .. } => (ErrorKind::User, "deployment.first", vec![]),
            PlatformError::NoBackupOfDeployment { .. } => (
                ErrorKind::User,
                "deployment.no_backup",
                vec![
                    "Without --data only the code goes back.".into(),
                    "`guise backup list` shows the backups there are: guise backup restore BACKUP".into(),
                ],
            ),
            PlatformError::UnknownActivity { .. } => (ErrorKind::User, "activity.unknown", vec![]),
            PlatformError::ActivityEnded { .. } => (ErrorKind::Conflict, "activity.ended", vec![]),
            PlatformError::UnknownImage { .. } => (ErrorKind::User, "image.unknown", vec![]),
            PlatformError::UnknownProperty { known: names, .. } => {
                (ErrorKind::User, "property.unknown", known("are", names))
            }
            PlatformError::Variable(error) => {
                let code = match error {
                    VariableError::Unknown { .. } => "variable.unknown",
                    VariableError::Exists { .. } => "variable.exists",
                    _ => "variable.invalid",
                };
                (
                    ErrorKind::User,
                    code,
                    vec!["`guise variable list` shows those there are.".into()],
                )
            }
            PlatformError::Webhook(WebhookError::Unknown { .. }) => (
                ErrorKind::User,
                "webhook.unknown",
                vec!["`guise integration list` shows those there are.".into()],
            ),
            PlatformError::Webhook(_) => (ErrorKind::User, "webhook.invalid", vec![]),
            PlatformError::Token(TokenError::Unknown { .. }) => (
                ErrorKind::User,
                "token.unknown",
                vec!["`guise token list` shows those there are.".into()],
            ),
            PlatformError::Token(TokenError::Life { .. }) => (ErrorKind::User, "token.invalid", vec![]),
            PlatformError::User(error) => user(error),
            PlatformError::BadProperty { .. } => (ErrorKind::User, "property.invalid", vec![]),
            PlatformError::BadBranch { .. } => (ErrorKind::User, "branch.invalid", vec![]),
            PlatformError::UnknownOperation {
                known: names, times, ..
            } => {
                let mut hints = known("are", names);
                if *times > 1 {
                    hints.push("Name the app: --app APP.".into());
                }
                (ErrorKind::User, "operation.unknown", hints)
            }
            PlatformError::Interrupted => (ErrorKind::Conflict, "operation.interrupted", vec![]),
            PlatformError::Configuration { .. } => (ErrorKind::User, "configuration.invalid", vec![]),
            PlatformError::BadVariable { .. } => (ErrorKind::User, "variable.invalid", vec![]),
            PlatformError::Building { .. } => (ErrorKind::Conflict, "project.building", vec![]),
            PlatformError::ImagesInUse => (
                ErrorKind::Conflict,
                "images.in_use",
                vec!["Try again when it has ended: guise activity list".into()],
            ),
            PlatformError::BeingDeleted { .. } => (ErrorKind::Conflict, "project.being_deleted", vec![]),
            PlatformError::Busy { activity, .. } => (
                ErrorKind::Conflict,
                "project.busy",
                vec![format!(
                    "Wait for it, or stop it: guise activity cancel {activity}"
                )],
            ),
            PlatformError::Edge(_)
            | PlatformError::File { .. }
            | PlatformError::Node(_)
            | PlatformError::Git(_) => (
                ErrorKind::Machine,
                "machine",
                vec!["`guise doctor` checks the machine.".into()],
            ),
            PlatformError::Store(_) => (ErrorKind::Machine, "database", vec![]),
        };
        Self::new(kind, code, message, hints)
    }
}

fn user(error: &UserError) -> (ErrorKind, &'static str, Vec<String>) {
    let hint = |text: &str| vec![text.into()];
    let (code, hints) = match error {
        UserError::Unknown { known, .. } if known.is_empty() => (
            "user.unknown",
            hint("There is none yet: `guise init` makes the first."),
        ),
        UserError::Unknown { .. } => ("user.unknown", hint("`guise user list` shows those there are.")),
        UserError::Exists { .. } => ("user.exists", vec![]),
        UserError::Reserved { .. } | UserError::Name(_) | UserError::Grant(_) => ("user.invalid", vec![]),
        UserError::Key(_) => ("ssh_key.invalid", vec![]),
        UserError::KeyTaken { .. } => (
            "ssh_key.exists",
            hint("`guise ssh-key list` shows whose keys there are."),
        ),
        UserError::UnknownKey { .. } => (
            "ssh_key.unknown",
            hint("A fingerprint, or a beginning of one that no other has: `guise ssh-key list --all`"),
        ),
    };
    (ErrorKind::User, code, hints)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.kind {
            ErrorKind::User if self.0.code == NOT_KNOWN => StatusCode::UNAUTHORIZED,
            ErrorKind::User if self.0.code == DENIED => StatusCode::FORBIDDEN,
            ErrorKind::User if self.0.code.ends_with(".unknown") => StatusCode::NOT_FOUND,
            ErrorKind::User => StatusCode::BAD_REQUEST,
            ErrorKind::Configuration => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Machine => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.0)).into_response()
    }
}

/// Any path that is none of the API's.
pub(crate) async fn unknown_path(uri: Uri) -> Failure {
    let hint = "The client and the daemon may be of different versions: `guise daemon status`.".into();
    Failure::new(
        ErrorKind::User,
        "path.unknown",
        format!("there is no {} in this API", uri.path()),
        vec![hint],
    )
}
