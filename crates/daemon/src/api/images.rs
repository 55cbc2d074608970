//! Images.

use super::{App, Failure, blocking};
use crate::view;
use axum::{Json, extract::State};
use guise_api::{Activity, BuildImage, Image};

pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<Image>>, Failure> {
    blocking(&app, |platform| Ok(Json(view::images(platform)?))).await
}

pub(crate) async fn build(
    State(app): State<App>,
    Json(wanted): Json<BuildImage>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let activity = platform.build_image(&wanted.recipe, wanted.version.as_deref(), wanted.refresh)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}
