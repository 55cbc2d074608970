//! Images.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{Activity, BuildImage, Image, Pruned, paths};
use serde::Deserialize;
use utoipa::IntoParams;

/// List images.
#[utoipa::path(
    get,
    path = paths::IMAGES,
    operation_id = "image_list",
    responses((status = 200, body = Vec<Image>))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<Image>>, Failure> {
    blocking(&app, |platform| Ok(Json(view::images(platform)?))).await
}

/// Build a base image.
#[utoipa::path(
    post,
    path = paths::IMAGES,
    operation_id = "image_build",
    request_body = BuildImage,
    responses((status = 200, body = Activity))
)]
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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Prune {
    #[serde(default)]
    all: bool,
}

/// Remove base images that nobody uses.
#[utoipa::path(
    post,
    path = paths::PRUNE_IMAGES,
    operation_id = "image_prune",
    params(Prune),
    responses((status = 200, body = Pruned))
)]
pub(crate) async fn prune(
    State(app): State<App>,
    Query(Prune { all }): Query<Prune>,
) -> Result<Json<Pruned>, Failure> {
    blocking(&app, move |platform| {
        let pruned = platform.prune_images(all)?;
        Ok(Json(Pruned {
            images: pruned.images.len(),
            removed_bytes: pruned.cache.removed_bytes,
            kept_bytes: pruned.cache.kept_bytes,
        }))
    })
    .await
}
