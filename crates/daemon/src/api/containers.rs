//! Containers.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{Container, paths};
use guise_model::ProjectId;
use guise_platform::{Platform, PlatformError};
use serde::Deserialize;
use utoipa::IntoParams;

/// Whose containers; of everybody when nothing is said.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    project: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Of {
    /// The id of the project that is meant by id or title.
    pub(crate) fn project_id(&self, platform: &Platform) -> Result<Option<ProjectId>, PlatformError> {
        let project = self.project.as_ref().map(|given| platform.project(given));
        Ok(project.transpose()?.map(|project| project.id))
    }
}

/// List containers.
#[utoipa::path(
    get,
    path = paths::CONTAINERS,
    operation_id = "container_list",
    params(Of),
    responses((status = 200, body = Vec<Container>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Query(of): Query<Of>,
) -> Result<Json<Vec<Container>>, Failure> {
    blocking(&app, move |platform| {
        let views = platform.container_views(of.project_id(platform)?.as_ref(), of.environment.as_deref())?;
        Ok(Json(views.into_iter().map(view::container).collect()))
    })
    .await
}
