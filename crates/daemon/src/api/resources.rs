//! What containers are held to.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Changed, Resources, ResourcesLevel, SetResources, paths};
use guise_platform::Level;

/// List what an environment's containers may use.
#[utoipa::path(
    get,
    path = paths::RESOURCES,
    operation_id = "resources_list",
    responses((status = 200, body = Vec<Resources>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<Resources>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let found = platform.resources(&environment)?.into_iter();
        let shown = found.map(|view| Resources {
            name: view.component,
            cpu: view.limits.map(|limits| f64::from(limits.cpu_millis) / 1000.0),
            memory: view.limits.map(|limits| limits.memory_bytes / 1_000_000),
            project: view.project,
            environment: view.environment,
        });
        Ok(Json(shown.collect()))
    })
    .await
}

/// Set what a container may use.
#[utoipa::path(
    patch,
    path = paths::RESOURCE,
    operation_id = "resources_set",
    request_body = SetResources,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    State(app): State<App>,
    Path((project, name, component)): Path<(String, String, String)>,
    Json(wanted): Json<SetResources>,
) -> Result<Json<Changed>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let environment = platform.environment(&project, &name)?;
        let level = match wanted.level {
            ResourcesLevel::Project => Level::Project(&project),
            ResourcesLevel::Environment => Level::Environment(&environment),
        };
        let activity = platform.set_resources(&environment, level, &component, wanted.allowance)?;
        Ok(Json(Changed {
            activity: activity.map(view::activity),
        }))
    })
    .await
}
