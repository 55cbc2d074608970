//! What containers believe, and what is so.

use super::{App, Failure, blocking, containers::Of};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{Truth, paths};

/// List what running containers believe, and what is so.
#[utoipa::path(
    get,
    path = paths::TRUTH,
    operation_id = "truth_list",
    params(Of),
    responses((status = 200, body = Vec<Truth>))
)]
pub(crate) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Result<Json<Vec<Truth>>, Failure> {
    blocking(&app, move |platform| {
        let truths = platform.truths(of.project_id(platform)?.as_ref(), of.environment.as_deref())?;
        let views = truths.into_iter().map(|(owned, truth)| view::truth(owned, truth));
        Ok(Json(views.collect()))
    })
    .await
}
