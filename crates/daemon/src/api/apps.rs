//! Apps as they were deployed.

use super::{App, Failure, blocking};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use guise_api::paths;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    container: Option<String>,
}

/// Show what an app or worker was given: relationships with credentials, mounts.
#[utoipa::path(
    get,
    path = paths::APP,
    operation_id = "app_get",
    params(Which),
    responses((status = 200, body = guise_api::App))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Query(which): Query<Which>,
) -> Result<Json<guise_api::App>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let component = platform.container_of(&environment, which.container.as_deref())?;
        Ok(Json(guise_api::App {
            ssh_url: platform.app_ssh_url(&environment, &component.name),
            relationships: component.relationships(),
            mounts: component.mounts(),
            name: component.name,
        }))
    })
    .await
}
