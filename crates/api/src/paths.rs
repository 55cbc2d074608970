//! The paths of the HTTP API. `{}` parts are filled in by [`fill`].
//!
//! | method | path | request | answer |
//! | --- | --- | --- | --- |
//! | GET | `/v1/status` | | [`Status`](crate::Status) |
//! | GET, POST | `/v1/projects` | [`CreateProject`](crate::CreateProject) | [`Project`](crate::Project) |
//! | GET, DELETE | `/v1/projects/{project}` | | [`Project`](crate::Project) |
//! | PATCH | `/v1/projects/{project}` | [`SetProperty`](crate::SetProperty) | [`Changed`](crate::Changed) |
//! | GET | `/v1/projects/{project}/environments` | | list of [`Environment`](crate::Environment) |
//! | GET | `/v1/projects/{project}/environments/{environment}` | | [`Environment`](crate::Environment) |
//! | POST | `…/environments` | [`BranchEnvironment`](crate::BranchEnvironment) | [`Activity`](crate::Activity) |
//! | PATCH | `…/environments/{environment}` | [`SetProperty`](crate::SetProperty) | [`Changed`](crate::Changed) |
//! | DELETE | `…/environments/{environment}` | | [`Activity`](crate::Activity) |
//! | POST | `…/environments/{environment}/redeploy` (or `activate`, `deactivate`, `pause`, `resume`, `sleep`, `wake`, `merge`) | | [`Activity`](crate::Activity) |
//! | POST | `…/environments/{environment}/redeploy?strategy=stopstart` (or `rolling`) | | [`Activity`](crate::Activity) |
//! | POST | `…/environments/{environment}/plan?commit=REVISION` | | [`Activity`](crate::Activity) |
//! | POST | `…/environments/{environment}/synchronize?code=BOOL&data=BOOL` | | [`Activity`](crate::Activity) |
//! | GET | `/v1/projects/{project}/variables` | | list of [`Variable`](crate::Variable) of the project |
//! | POST, PATCH, DELETE | `/v1/projects/{project}/variables/{variable}` | [`SetVariable`](crate::SetVariable) | [`Changed`](crate::Changed) |
//! | GET | `…/environments/{environment}/variables` | | list of [`Variable`](crate::Variable), inherited ones too |
//! | POST, PATCH, DELETE | `…/environments/{environment}/variables/{variable}` | [`SetVariable`](crate::SetVariable) | [`Changed`](crate::Changed) |
//! | GET | `…/environments/{environment}/backups` | | list of [`Backup`](crate::Backup), newest first |
//! | POST | `…/environments/{environment}/backups` | [`CreateBackup`](crate::CreateBackup) | [`Activity`](crate::Activity) |
//! | GET | `/v1/projects/{project}/backups/{backup}` | | [`Backup`](crate::Backup) |
//! | DELETE | `/v1/projects/{project}/backups/{backup}` | | [`Activity`](crate::Activity) |
//! | POST | `/v1/projects/{project}/backups/{backup}/restore` | [`RestoreBackup`](crate::RestoreBackup) | [`Activity`](crate::Activity) |
//! | POST | `/v1/projects/{project}/backups/{backup}/export` | [`BackupDirectory`](crate::BackupDirectory) | [`Activity`](crate::Activity) |
//! | POST | `…/environments/{environment}/backups/import` | [`BackupDirectory`](crate::BackupDirectory) | [`Activity`](crate::Activity) |
//! | GET | `…/environments/{environment}/app?container=NAME` | | [`App`](crate::App) |
//! | GET | `…/environments/{environment}/crons` | | list of [`Cron`](crate::Cron) |
//! | GET | `…/environments/{environment}/operations` | | list of [`Operation`](crate::Operation) |
//! | POST | `…/environments/{environment}/operations` | [`RunOperation`](crate::RunOperation) | [`Activity`](crate::Activity) |
//! | GET | `…/environments/{environment}/source-operations` | | list of [`SourceOperation`](crate::SourceOperation) |
//! | POST | `…/environments/{environment}/source-operations` | [`RunSourceOperation`](crate::RunSourceOperation) | [`Activity`](crate::Activity) |
//! | POST | `/v1/projects/{project}/clear-build-cache` | | list of apps whose cache was removed |
//! | GET | `…/environments/{environment}/deployments` | | list of [`Deployment`](crate::Deployment), newest first |
//! | POST | `…/environments/{environment}/rollback` | [`Rollback`](crate::Rollback) | [`Activity`](crate::Activity) |
//! | GET | `…/environments/{environment}/logs?container=NAME&log=NAME&follow=BOOL&lines=N` | | events of [`LogLine`](crate::LogLine) |
//! | POST | `…/environments/{environment}/exec` | upgrade, see [`exec`](crate::exec) | frames |
//! | GET | `/v1/containers?project=ID&environment=NAME` | | list of [`Container`](crate::Container) |
//! | GET | `/v1/truth?project=ID&environment=NAME` | | list of [`Truth`](crate::Truth) |
//! | GET | `/v1/activities?project=ID&environment=NAME&type=TYPE,…&limit=N` | | list of [`Activity`](crate::Activity), newest first |
//! | GET | `/v1/activities/{activity}` | | [`Activity`](crate::Activity) |
//! | GET | `/v1/activities/{activity}/steps` | | list of [`ActivityStep`](crate::ActivityStep), in order |
//! | GET | `/v1/activities/{activity}/log?follow=BOOL` | `Last-Event-ID` | events of [`LogLine`](crate::LogLine), then `event: end` with the [`Activity`](crate::Activity) |
//! | POST | `/v1/activities/{activity}/cancel` | | [`Activity`](crate::Activity) |
//! | GET | `/v1/disk?project=ID&environment=NAME` | | [`Disk`](crate::Disk) |
//! | GET | `/v1/images` | | list of [`Image`](crate::Image) |
//! | POST | `/v1/images` | [`BuildImage`](crate::BuildImage) | [`Activity`](crate::Activity) |
//! | POST | `/v1/images/prune?all=BOOL` | | [`Pruned`](crate::Pruned) |
//! | GET, POST | `/v1/users?project=ID` | [`CreateUser`](crate::CreateUser) | [`User`](crate::User), or a list |
//! | GET, PATCH, DELETE | `/v1/users/{user}?project=ID` | [`UpdateUser`](crate::UpdateUser) | [`User`](crate::User) |
//! | POST | `/v1/users/{user}/ssh-keys` | [`AddSshKey`](crate::AddSshKey) | [`SshKey`](crate::SshKey) |
//! | GET | `/v1/ssh-keys?user=NAME` | | list of [`SshKey`](crate::SshKey) |
//! | DELETE | `/v1/ssh-keys/{fingerprint}` | | [`SshKey`](crate::SshKey) |
//! | GET | `/v1/audit?project=ID&user=NAME&limit=N` | | list of [`AuditEntry`](crate::AuditEntry), newest first |
//! | POST | `/v1/hooks/pre-receive` | [`CheckPush`](crate::CheckPush) | [`CheckPushReply`](crate::CheckPushReply) |
//! | POST | `/v1/hooks/post-receive` | [`PushReceived`](crate::PushReceived) | [`PushReceivedReply`](crate::PushReceivedReply) |
//! | POST | `/v1/edge/restart` | | [`Status`](crate::Status) |
//! | POST | `/v1/stop?teardown=BOOL` | | [`Status`](crate::Status) |
//!
//! `{project}` is an id or a title that only one project has. `{environment}` is percent-encoded, since branch
//! names contain slashes. Errors are [`ApiError`](crate::ApiError) with a status of 400 to 599. Event streams
//! are `text/event-stream`: `id:` is the line's number, `data:` the JSON, comments keep the connection alive.

/// All users.
pub const USERS: &str = "/v1/users";
/// One user.
pub const USER: &str = "/v1/users/{user}";
/// A user's SSH keys.
pub const USER_SSH_KEYS: &str = "/v1/users/{user}/ssh-keys";
/// The SSH keys of all users.
pub const SSH_KEYS: &str = "/v1/ssh-keys";
/// One SSH key.
pub const SSH_KEY: &str = "/v1/ssh-keys/{fingerprint}";
/// Who did what.
pub const AUDIT: &str = "/v1/audit";
/// All projects.
pub const PROJECTS: &str = "/v1/projects";
/// One project.
pub const PROJECT: &str = "/v1/projects/{project}";
/// A project's environments.
pub const ENVIRONMENTS: &str = "/v1/projects/{project}/environments";
/// One environment.
pub const ENVIRONMENT: &str = "/v1/projects/{project}/environments/{environment}";
/// Deploy the environment again.
pub const REDEPLOY: &str = "/v1/projects/{project}/environments/{environment}/redeploy";
/// Show what deploying a commit would do.
pub const PLAN: &str = "/v1/projects/{project}/environments/{environment}/plan";
/// Start an inactive environment.
pub const ACTIVATE: &str = "/v1/projects/{project}/environments/{environment}/activate";
/// Remove what an environment runs and its data.
pub const DEACTIVATE: &str = "/v1/projects/{project}/environments/{environment}/deactivate";
/// Stop what an environment runs.
pub const PAUSE: &str = "/v1/projects/{project}/environments/{environment}/pause";
/// Start a paused environment.
pub const RESUME: &str = "/v1/projects/{project}/environments/{environment}/resume";
/// Stop what an environment runs until somebody asks for it.
pub const SLEEP: &str = "/v1/projects/{project}/environments/{environment}/sleep";
/// Start an environment that sleeps.
pub const WAKE: &str = "/v1/projects/{project}/environments/{environment}/wake";
/// Who may see an environment.
pub const HTTP_ACCESS: &str = "/v1/projects/{project}/environments/{environment}/http-access";
/// Merge an environment into its parent.
pub const MERGE: &str = "/v1/projects/{project}/environments/{environment}/merge";
/// Bring the parent's code or data into an environment.
pub const SYNCHRONIZE: &str = "/v1/projects/{project}/environments/{environment}/synchronize";
/// A project's own variables.
pub const PROJECT_VARIABLES: &str = "/v1/projects/{project}/variables";
/// One variable of a project.
pub const PROJECT_VARIABLE: &str = "/v1/projects/{project}/variables/{variable}";
/// An environment's variables, with those it inherits.
pub const VARIABLES: &str = "/v1/projects/{project}/environments/{environment}/variables";
/// One variable of an environment.
pub const VARIABLE: &str = "/v1/projects/{project}/environments/{environment}/variables/{variable}";
/// What an environment's containers are held to.
pub const RESOURCES: &str = "/v1/projects/{project}/environments/{environment}/resources";
/// What one of them is held to.
pub const RESOURCE: &str = "/v1/projects/{project}/environments/{environment}/resources/{container}";
/// An environment's backups.
pub const BACKUPS: &str = "/v1/projects/{project}/environments/{environment}/backups";
/// One backup, of any environment of the project.
pub const BACKUP: &str = "/v1/projects/{project}/backups/{backup}";
/// Write a backup to a directory.
pub const EXPORT: &str = "/v1/projects/{project}/backups/{backup}/export";
/// Make a backup from a directory.
pub const IMPORT: &str = "/v1/projects/{project}/environments/{environment}/backups/import";
/// Restore a backup.
pub const RESTORE: &str = "/v1/projects/{project}/backups/{backup}/restore";
/// The certificates that were brought for a project.
pub const CERTIFICATES: &str = "/v1/projects/{project}/certificates";
/// One of them.
pub const CERTIFICATE: &str = "/v1/projects/{project}/certificates/{certificate}";
/// The local certificate authority.
pub const AUTHORITY: &str = "/v1/authority";
/// An app or worker of an environment.
pub const APP: &str = "/v1/projects/{project}/environments/{environment}/app";
/// An environment's crons.
pub const CRONS: &str = "/v1/projects/{project}/environments/{environment}/crons";
/// An environment's runtime operations.
pub const OPERATIONS: &str = "/v1/projects/{project}/environments/{environment}/operations";
/// An environment's source operations.
pub const SOURCE_OPERATIONS: &str = "/v1/projects/{project}/environments/{environment}/source-operations";
/// Remove what a project's builds keep for the next one.
pub const CLEAR_BUILD_CACHE: &str = "/v1/projects/{project}/clear-build-cache";
/// An environment's deployments that are kept.
pub const DEPLOYMENTS: &str = "/v1/projects/{project}/environments/{environment}/deployments";
/// Go back to an earlier deployment.
pub const ROLLBACK: &str = "/v1/projects/{project}/environments/{environment}/rollback";
/// Log files of an environment's containers.
pub const LOGS: &str = "/v1/projects/{project}/environments/{environment}/logs";
/// A process in an environment's container.
pub const EXEC: &str = "/v1/projects/{project}/environments/{environment}/exec";
/// All containers.
pub const CONTAINERS: &str = "/v1/containers";
/// What running containers believe, and what is so.
pub const TRUTH: &str = "/v1/truth";
/// Activities.
pub const ACTIVITIES: &str = "/v1/activities";
/// One activity.
pub const ACTIVITY: &str = "/v1/activities/{activity}";
/// An activity's steps.
pub const ACTIVITY_STEPS: &str = "/v1/activities/{activity}/steps";
/// An activity's log.
pub const ACTIVITY_LOG: &str = "/v1/activities/{activity}/log";
/// Cancel an activity.
pub const ACTIVITY_CANCEL: &str = "/v1/activities/{activity}/cancel";
/// What volumes use, and what is left for them.
pub const DISK: &str = "/v1/disk";
/// Images.
pub const IMAGES: &str = "/v1/images";
/// Removal of what nobody uses.
pub const PRUNE_IMAGES: &str = "/v1/images/prune";
/// Called by a repository's pre-receive hook.
pub const PRE_RECEIVE: &str = "/v1/hooks/pre-receive";
/// Called by a repository's post-receive hook.
pub const POST_RECEIVE: &str = "/v1/hooks/post-receive";
/// A project's webhooks.
pub const WEBHOOKS: &str = "/v1/projects/{project}/webhooks";
/// One webhook.
pub const WEBHOOK: &str = "/v1/projects/{project}/webhooks/{webhook}";
/// API tokens.
pub const TOKENS: &str = "/v1/tokens";
/// One API token.
pub const TOKEN: &str = "/v1/tokens/{token}";
/// The daemon itself.
pub const STATUS: &str = "/v1/status";
/// Put a new edge in the place of the one that serves.
pub const EDGE_RESTART: &str = "/v1/edge/restart";
/// Stop the daemon.
pub const STOP: &str = "/v1/stop";

/// Fills the `{}` parts of a path in order, percent-encoding each value.
pub fn fill(path: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(path.len() + 32);
    let mut values = values.iter();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        for byte in values.next().copied().unwrap_or_default().bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                filled.push(char::from(byte));
            } else {
                filled.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_with_a_slash_stays_one_segment() {
        assert_eq!(
            fill(ENVIRONMENT, &["shop", "feature/ä"]),
            "/v1/projects/shop/environments/feature%2F%C3%A4"
        );
    }
}
