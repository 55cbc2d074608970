//! The wire types: what the daemon's HTTP API and the edge's control socket say.
//!
//! Types only. No logic, no HTTP library: the command line, the daemon and the edge agree on these and on
//! nothing else. The paths of the HTTP API stand beside the types they carry, in [`paths`].

#![forbid(unsafe_code)]

mod activity;
mod app;
mod backup;
mod certificate;
mod container;
mod cron;
mod deployment;
mod disk;
mod doctor;
pub mod edge;
mod environment;
mod error;
pub mod exec;
pub mod gateway;
mod hook;
mod http_access;
mod image;
mod operation;
pub mod paths;
mod resources;
mod status;
mod token;
mod truth;
mod user;
mod variable;
mod webhook;

pub use activity::{Activity, ActivityResult, ActivityState, ActivityStep, LogLine, Timings};
pub use app::App;
pub use backup::{Backup, BackupDirectory, BackupStatus, BackupVolume, CreateBackup, RestoreBackup};
pub use certificate::{AddCertificate, Authority, Certificate, CertificateSource};
pub use container::{Container, ContainerKind, Lie, ProcessView};
pub use cron::Cron;
pub use deployment::{Deployment, Rollback};
pub use disk::{Disk, Pool, Volume};
pub use doctor::Check;
pub use environment::{
    BranchEnvironment, Changed, CreateProject, Environment, EnvironmentStatus, EnvironmentType, Project,
    Route, SetProperty,
};
pub use error::{ApiError, ErrorKind};
pub use hook::{CheckPush, CheckPushReply, PushReceived, PushReceivedReply, RefUpdate};
pub use http_access::{HttpAccess, SetHttpAccess};
pub use image::{BuildImage, Image, ImageKind, Pruned};
pub use operation::{Operation, RunOperation, RunSourceOperation, SourceOperation};
pub use resources::{Resources, ResourcesLevel, SetResources};
pub use status::Status;
pub use token::{CreateToken, CreatedToken, Token};
pub use truth::{Chapter, Namespace, Truth};
pub use user::{AddSshKey, AuditEntry, CreateUser, Roles, SshKey, UpdateUser, User};
pub use variable::{SetVariable, Variable};
pub use webhook::{CreateWebhook, CreatedWebhook, Webhook};
