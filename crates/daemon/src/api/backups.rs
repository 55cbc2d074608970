//! Backups.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{
    Activity, Backup, BackupDirectory, BackupStatus, BackupVolume, CreateBackup, RestoreBackup, paths,
};
use guise_platform::{BackupRecord, BackupStatus as Status, Restoration};

/// List an environment's backups, newest first.
#[utoipa::path(
    get,
    path = paths::BACKUPS,
    operation_id = "backup_list",
    responses((status = 200, body = Vec<Backup>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<Backup>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let backups = platform.backups(&environment)?;
        Ok(Json(backups.into_iter().map(backup).collect()))
    })
    .await
}

/// Back an environment up.
#[utoipa::path(
    post,
    path = paths::BACKUPS,
    operation_id = "backup_create",
    request_body = CreateBackup,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Json(wanted): Json<CreateBackup>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let activity = platform.create_backup(&environment, wanted.live)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

/// Show a backup.
#[utoipa::path(
    get,
    path = paths::BACKUP,
    operation_id = "backup_get",
    responses((status = 200, body = Backup))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Backup>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(backup(platform.backup(&platform.project(&project)?, &id)?)))
    })
    .await
}

/// Delete a backup.
#[utoipa::path(
    delete,
    path = paths::BACKUP,
    operation_id = "backup_delete",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let backup = platform.backup(&platform.project(&project)?, &id)?;
        Ok(Json(view::activity(platform.delete_backup(&backup)?)))
    })
    .await
}

/// Restore a backup.
#[utoipa::path(
    post,
    path = paths::RESTORE,
    operation_id = "backup_restore",
    request_body = RestoreBackup,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn restore(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
    Json(wanted): Json<RestoreBackup>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let backup = platform.backup(&platform.project(&project)?, &id)?;
        let restoration = Restoration {
            target: wanted.target,
            code: wanted.code,
        };
        let activity = platform.restore_backup(&backup, &restoration)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

/// Write a backup to a directory of the daemon's machine.
#[utoipa::path(
    post,
    path = paths::EXPORT,
    operation_id = "backup_export",
    request_body = BackupDirectory,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn export(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
    Json(to): Json<BackupDirectory>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let backup = platform.backup(&platform.project(&project)?, &id)?;
        let activity = platform.export_backup(&backup, &to.directory)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

/// Make a backup from a directory of the daemon's machine.
#[utoipa::path(
    post,
    path = paths::IMPORT,
    operation_id = "backup_import",
    request_body = BackupDirectory,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn import(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Json(from): Json<BackupDirectory>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let activity = platform.import_backup(&project, &name, &from.directory)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

fn backup(record: BackupRecord) -> Backup {
    Backup {
        id: record.id,
        project: record.project,
        environment: record.environment,
        status: match record.status {
            Status::Creating => BackupStatus::Creating,
            Status::Created => BackupStatus::Created,
            Status::Deleting => BackupStatus::Deleting,
        },
        commit_id: record.commit,
        deployment: record.deployment,
        safe: record.safe,
        automated: record.automated,
        created_at: record.created_at,
        expires_at: record.expires_at,
        volumes: record
            .volumes
            .into_iter()
            .map(|kept| BackupVolume {
                component: kept.component,
                volume: kept.volume,
            })
            .collect(),
    }
}
