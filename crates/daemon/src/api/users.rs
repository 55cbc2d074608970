//! Users, their keys, and what everybody did.

use super::{App, Failure, blocking};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use guise_api::{AddSshKey, AuditEntry, CreateUser, Roles, SshKey, UpdateUser, User, paths};
use guise_model::ProjectId;
use guise_platform::{AuditRecord, Platform, SshKeyRecord, UserRecord};
use serde::Deserialize;
use utoipa::IntoParams;

/// What a list is of.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    project: Option<String>,
    user: Option<String>,
    limit: Option<u32>,
}

/// List users.
#[utoipa::path(
    get,
    path = paths::USERS,
    operation_id = "user_list",
    params(Of),
    responses((status = 200, body = Vec<User>))
)]
pub(crate) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Result<Json<Vec<User>>, Failure> {
    blocking(&app, move |platform| {
        let project = project(platform, of.project.as_deref())?;
        let users = platform.users()?.into_iter();
        let users: Result<_, _> = users
            .map(|user| shown(platform, user, project.as_ref()))
            .collect();
        Ok(Json(users?))
    })
    .await
}

/// Show a user.
#[utoipa::path(
    get,
    path = paths::USER,
    operation_id = "user_get",
    params(Of),
    responses((status = 200, body = User))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(of): Query<Of>,
) -> Result<Json<User>, Failure> {
    blocking(&app, move |platform| {
        let project = project(platform, of.project.as_deref())?;
        Ok(Json(shown(platform, platform.user(&name)?, project.as_ref())?))
    })
    .await
}

/// Make a user.
#[utoipa::path(
    post,
    path = paths::USERS,
    operation_id = "user_create",
    request_body = CreateUser,
    responses((status = 200, body = User))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Json(wanted): Json<CreateUser>,
) -> Result<Json<User>, Failure> {
    blocking(&app, move |platform| {
        let user = platform.create_user(&wanted.name, wanted.is_admin)?;
        let project = wanted.roles.map(|roles| give(platform, &user, roles)).transpose();
        // Who made the mistake shall be able to say it again, rightly.
        let project = project.inspect_err(|_| drop(platform.delete_user(&user)))?;
        Ok(Json(shown(platform, user, project.as_ref())?))
    })
    .await
}

/// Change a user's roles.
#[utoipa::path(
    patch,
    path = paths::USER,
    operation_id = "user_update",
    request_body = UpdateUser,
    responses((status = 200, body = User))
)]
pub(crate) async fn update(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<UpdateUser>,
) -> Result<Json<User>, Failure> {
    blocking(&app, move |platform| {
        let user = platform.user(&name)?;
        let project = wanted
            .roles
            .map(|roles| give(platform, &user, roles))
            .transpose()?;
        if let Some(is_admin) = wanted.is_admin {
            platform.set_user_admin(&user, is_admin)?;
        }
        Ok(Json(shown(platform, platform.user(&name)?, project.as_ref())?))
    })
    .await
}

/// Delete a user with keys and roles.
#[utoipa::path(
    delete,
    path = paths::USER,
    operation_id = "user_delete",
    responses((status = 200, body = User))
)]
pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Result<Json<User>, Failure> {
    blocking(&app, move |platform| {
        let user = platform.user(&name)?;
        platform.delete_user(&user)?;
        Ok(Json(shown(platform, user, None)?))
    })
    .await
}

/// List SSH keys.
#[utoipa::path(
    get,
    path = paths::SSH_KEYS,
    operation_id = "ssh_key_list",
    params(Of),
    responses((status = 200, body = Vec<SshKey>))
)]
pub(crate) async fn keys(State(app): State<App>, Query(of): Query<Of>) -> Result<Json<Vec<SshKey>>, Failure> {
    blocking(&app, move |platform| {
        let user = of.user.map(|name| platform.user(&name)).transpose()?;
        Ok(Json(
            platform.ssh_keys(user.as_ref())?.into_iter().map(key).collect(),
        ))
    })
    .await
}

/// Add an SSH key.
#[utoipa::path(
    post,
    path = paths::USER_SSH_KEYS,
    operation_id = "ssh_key_add",
    request_body = AddSshKey,
    responses((status = 200, body = SshKey))
)]
pub(crate) async fn add_key(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<AddSshKey>,
) -> Result<Json<SshKey>, Failure> {
    blocking(&app, move |platform| {
        let user = platform.user(&name)?;
        Ok(Json(key(platform.add_ssh_key(
            &user,
            &wanted.public_key,
            wanted.title,
        )?)))
    })
    .await
}

/// Delete an SSH key.
#[utoipa::path(
    delete,
    path = paths::SSH_KEY,
    operation_id = "ssh_key_delete",
    responses((status = 200, body = SshKey))
)]
pub(crate) async fn delete_key(
    State(app): State<App>,
    Path(given): Path<String>,
) -> Result<Json<SshKey>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(key(platform.delete_ssh_key(&given)?)))
    })
    .await
}

/// List who did what, newest first.
#[utoipa::path(
    get,
    path = paths::AUDIT,
    operation_id = "audit_list",
    params(Of),
    responses((status = 200, body = Vec<AuditEntry>))
)]
pub(crate) async fn audit(
    State(app): State<App>,
    Query(of): Query<Of>,
) -> Result<Json<Vec<AuditEntry>>, Failure> {
    const USUAL: u32 = 50;
    blocking(&app, move |platform| {
        let project = project(platform, of.project.as_deref())?;
        let limit = of.limit.unwrap_or(USUAL);
        let records = platform.audit_log(of.user.as_deref(), project.as_ref(), limit)?;
        Ok(Json(records.into_iter().map(entry).collect()))
    })
    .await
}

fn project(platform: &Platform, given: Option<&str>) -> Result<Option<ProjectId>, Failure> {
    let project = given.map(|given| platform.project(given)).transpose()?;
    Ok(project.map(|project| project.id))
}

/// Gives a user roles; answers the project in which.
fn give(platform: &Platform, user: &UserRecord, wanted: Roles) -> Result<ProjectId, Failure> {
    let project = platform.project(&wanted.project)?;
    platform.set_roles(user, &project, &wanted.roles)?;
    Ok(project.id)
}

fn shown(platform: &Platform, user: UserRecord, project: Option<&ProjectId>) -> Result<User, Failure> {
    let grants = project
        .map(|project| platform.grants(&user, project))
        .transpose()?;
    Ok(User {
        name: user.name,
        is_admin: user.is_admin,
        roles: grants.iter().flatten().map(ToString::to_string).collect(),
        created_at: user.created_at,
    })
}

fn key(key: SshKeyRecord) -> SshKey {
    SshKey {
        fingerprint: key.fingerprint,
        user: key.user,
        title: key.title,
        public_key: key.public_key,
        created_at: key.created_at,
    }
}

fn entry(record: AuditRecord) -> AuditEntry {
    AuditEntry {
        at: record.at,
        user: record.user,
        action: record.action,
        project: record.project.and_then(|id| ProjectId::new(id).ok()),
        environment: record.environment,
        detail: record.detail,
    }
}
