//! What can go wrong for somebody who asks the platform for something.

use crate::{archive::ArchiveError, edge::EdgeError, git::GitError, store::StoreError};
use guise_model::{BackupId, DeploymentId, ProjectId};
use guise_node::NodeError;
use std::{io, path::PathBuf};

/// A request that the platform cannot grant.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// No project of that id or title.
    #[error("there is no project {given:?}")]
    UnknownProject {
        /// What was asked for.
        given: String,
        /// Titles that exist.
        known: Vec<String>,
    },
    /// Several projects have the title.
    #[error("{count} projects are called {title:?}: name one by its id")]
    AmbiguousTitle {
        /// The title.
        title: String,
        /// How many have it.
        count: usize,
    },
    /// No environment of that name.
    #[error("project {project} has no environment {given:?}")]
    UnknownEnvironment {
        /// The project.
        project: String,
        /// What was asked for.
        given: String,
        /// Environments that exist.
        known: Vec<String>,
    },
    /// The environment sleeps and does not wake.
    #[error("environment {environment} sleeps and has failed to wake: guise activity log {activity}")]
    NotAwake {
        /// The environment.
        environment: String,
        /// The activity that was to wake it.
        activity: guise_model::ActivityId,
    },
    /// The environment has never been deployed.
    #[error("environment {environment} is not deployed yet")]
    NotDeployed {
        /// The environment.
        environment: String,
    },
    /// The environment or its branch exists.
    #[error("there is an environment or branch {name:?} already")]
    EnvironmentExists {
        /// Its name.
        name: String,
    },
    /// The environment was branched from none.
    #[error("environment {environment} has no parent")]
    NoParent {
        /// The environment.
        environment: String,
    },
    /// Production is protected.
    #[error(
        "environment {environment} is production: it can be neither deactivated nor deleted but with its project"
    )]
    IsProduction {
        /// The environment.
        environment: String,
    },
    /// The environment is not in a condition for this.
    #[error("environment {environment} is {status} and cannot be {wanted}")]
    WrongStatus {
        /// The environment.
        environment: String,
        /// Its condition.
        status: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// No such app, worker or service.
    #[error("environment {environment} has no container {given:?}")]
    UnknownContainer {
        /// The environment.
        environment: String,
        /// What was asked for.
        given: String,
        /// Containers that exist.
        known: Vec<String>,
    },
    /// No such backup.
    #[error("project {project} has no backup {given}")]
    UnknownBackup {
        /// The project.
        project: String,
        /// What was asked for.
        given: String,
    },
    /// The backup is not complete, or not there any more.
    #[error("backup {backup} cannot be used: it is {status}")]
    BackupNotReady {
        /// The backup.
        backup: BackupId,
        /// Its condition.
        status: &'static str,
    },
    /// The project's repository does not have a commit.
    #[error("the project has no commit {given}")]
    UnknownCommit {
        /// What was asked for: a commit or a branch.
        given: String,
    },
    /// No such deployment, or one that is not kept any more.
    #[error("environment {environment} has no deployment {given} (any more)")]
    UnknownDeployment {
        /// The environment.
        environment: String,
        /// What was asked for.
        given: String,
    },
    /// There is nothing to go back to.
    #[error("environment {environment} has no earlier deployment of another commit")]
    NoEarlierDeployment {
        /// The environment.
        environment: String,
    },
    /// The data of a deployment was never backed up.
    #[error("there is no backup of what deployment {deployment} ran")]
    NoBackupOfDeployment {
        /// The deployment.
        deployment: DeploymentId,
    },
    /// No such activity.
    #[error("there is no activity {given}")]
    UnknownActivity {
        /// What was asked for.
        given: String,
    },
    /// The activity has ended.
    #[error("activity {given} has ended already")]
    ActivityEnded {
        /// The activity.
        given: String,
    },
    /// No such recipe or version.
    #[error("{reason}")]
    UnknownImage {
        /// What exists instead.
        reason: String,
    },
    /// No such operation, or one of several apps.
    #[error(
        "environment {environment} has {} operation {given:?}",
        if *times == 0 { "no" } else { "more than one" }
    )]
    UnknownOperation {
        /// The environment.
        environment: String,
        /// What was asked for.
        given: String,
        /// How many apps have it.
        times: usize,
        /// Operations that exist.
        known: Vec<String>,
    },
    /// Guise was stopped in the middle of an operation.
    #[error("guise was stopped meanwhile; the operation was ended and is not run again by itself")]
    Interrupted,
    /// The configuration of an environment's head is not valid.
    #[error("the configuration of {environment} cannot be read: {reason}")]
    Configuration {
        /// The environment.
        environment: String,
        /// Why.
        reason: String,
    },
    /// A variable of a source operation that would have no effect.
    #[error("{given:?} cannot be a variable of a source operation: it is written env:NAME")]
    BadVariable {
        /// Its name.
        given: String,
    },
    /// A build of the project runs.
    #[error("project {project} is being built; try again when that has ended")]
    Building {
        /// Its title.
        project: String,
    },
    /// Something changes the project at the moment.
    #[error("project {project} is busy with activity {activity}")]
    Busy {
        /// The project.
        project: String,
        /// What it is busy with.
        activity: String,
    },
    /// An activity may use any image.
    #[error("no image is removed while an activity runs")]
    ImagesInUse,
    /// The project will soon be gone.
    #[error("project {project} is being deleted")]
    BeingDeleted {
        /// The project.
        project: ProjectId,
    },
    /// A branch name that git does not take.
    #[error("{given:?} cannot be a branch: {reason}")]
    BadBranch {
        /// The name.
        given: String,
        /// Why not.
        reason: &'static str,
    },
    /// A property that nobody can set.
    #[error("there is no property {given:?} that could be set")]
    UnknownProperty {
        /// What was asked for.
        given: String,
        /// Those that can be set.
        known: Vec<String>,
    },
    /// A value that a property cannot have.
    #[error("{property} cannot be {value:?}: {reason}")]
    BadProperty {
        /// The property.
        property: &'static str,
        /// The value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
    /// Webhooks.
    #[error(transparent)]
    Webhook(#[from] crate::webhook::WebhookError),
    /// API tokens.
    #[error(transparent)]
    Token(#[from] crate::token::TokenError),
    /// Users, their keys and roles.
    #[error(transparent)]
    User(#[from] crate::user::UserError),
    /// A variable that cannot be so.
    #[error(transparent)]
    Variable(#[from] crate::variable::VariableError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The directory that a backup is written to or read from.
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    /// The edge.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// A repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of guise's own.
    #[error("cannot {operation} {path}: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
