//! Containers.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::Container;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Of {
    project: Option<String>,
    environment: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    Query(of): Query<Of>,
) -> Result<Json<Vec<Container>>, Failure> {
    blocking(&app, move |platform| {
        let project = of.project.map(|given| platform.project(&given)).transpose()?;
        let views = platform.container_views(
            project.as_ref().map(|project| &project.id),
            of.environment.as_deref(),
        )?;
        Ok(Json(views.into_iter().map(view::container).collect()))
    })
    .await
}
