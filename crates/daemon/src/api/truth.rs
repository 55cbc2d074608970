//! What containers believe, and what is so.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::Truth;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Of {
    project: Option<String>,
    environment: Option<String>,
}

pub(crate) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Result<Json<Vec<Truth>>, Failure> {
    blocking(&app, move |platform| {
        let project = of.project.map(|given| platform.project(&given)).transpose()?;
        let truths = platform.truths(
            project.as_ref().map(|project| &project.id),
            of.environment.as_deref(),
        )?;
        let views = truths.into_iter().map(|(owned, truth)| view::truth(owned, truth));
        Ok(Json(views.collect()))
    })
    .await
}
