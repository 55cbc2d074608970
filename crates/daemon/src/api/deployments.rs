//! Deployments that are kept.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Activity, Deployment, Rollback, paths};

/// List an environment's deployments that are kept, newest first.
#[utoipa::path(
    get,
    path = paths::DEPLOYMENTS,
    operation_id = "deployment_list",
    responses((status = 200, body = Vec<Deployment>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<Deployment>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let deployments = platform.deployments(&environment)?.into_iter();
        let views = deployments.map(|record| Deployment {
            current: environment.deployment.as_ref() == Some(&record.id),
            components: record
                .desired
                .components
                .into_iter()
                .map(|component| component.name)
                .collect(),
            id: record.id,
            commit_id: record.commit,
            created_at: record.created_at,
        });
        Ok(Json(views.collect()))
    })
    .await
}

/// Go back to an earlier deployment.
#[utoipa::path(
    post,
    path = paths::ROLLBACK,
    operation_id = "environment_rollback",
    request_body = Rollback,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn rollback(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Json(wanted): Json<Rollback>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let activity = platform.rollback(&environment, wanted.deployment.as_deref(), wanted.data)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}
