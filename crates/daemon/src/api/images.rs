//! Images.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{Activity, BuildImage, Image, Pruned};
use serde::Deserialize;

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

#[derive(Deserialize)]
pub(crate) struct Prune {
    #[serde(default)]
    all: bool,
}

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
