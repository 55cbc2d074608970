//! Backups.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Activity, Backup, BackupDirectory, BackupStatus, BackupVolume, CreateBackup, RestoreBackup};
use guise_platform::{BackupRecord, BackupStatus as Status, Restoration};

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

pub(crate) async fn show(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Backup>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(backup(platform.backup(&platform.project(&project)?, &id)?)))
    })
    .await
}

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
