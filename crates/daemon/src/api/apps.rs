//! Apps as they were deployed.

use super::{App, Failure, blocking};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Which {
    container: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Query(which): Query<Which>,
) -> Result<Json<guise_api::App>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let component = platform.container_of(&environment, which.container.as_deref())?;
        Ok(Json(guise_api::App {
            relationships: component.relationships(),
            mounts: component.mounts(),
            name: component.name,
        }))
    })
    .await
}
