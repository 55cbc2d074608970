//! Images.

use guise_model::ImageDigest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A base image to be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuildImage {
    /// The recipe: `python`.
    pub recipe: String,
    /// The version; the newest when absent.
    pub version: Option<String>,
    /// Build anew although it is there, to pick up the suite's updates.
    pub refresh: bool,
}

/// An image in the store, or a recipe's version that could be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// What kind of image it is.
    pub kind: ImageKind,
    /// `python:3.13` for a base image, the app's name for an app image.
    pub name: String,
    /// Its digest; `None` when it is not built yet.
    #[schema(value_type = Option<String>)]
    pub digest: Option<ImageDigest>,
    /// Size of its file, in bytes.
    pub bytes: u64,
    /// When it was built, RFC 3339 in UTC.
    pub created_at: Option<String>,
    /// How many containers have it mounted.
    pub used_by: u32,
}

/// What a pruning removed and left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pruned {
    /// How many images that nobody used.
    pub images: usize,
    /// What was removed from the cache of base images, in bytes.
    pub removed_bytes: u64,
    /// What is left in it, in bytes.
    pub kept_bytes: u64,
}

/// What kind of image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// From a recipe.
    Base,
    /// From a push.
    App,
}
