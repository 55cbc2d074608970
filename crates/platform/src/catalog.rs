//! Which languages and services there are, and the images behind them.

use crate::{Platform, PlatformError, store::ActivityRecord};
use guise_config::{NETWORK_STORAGE, ServiceType, TypeList};
use guise_image::{Catalog, Extensions, Recipe, RecipeKind};
use guise_model::ImageDigest;
use guise_node::AppImage;
use serde_json::json;
use std::collections::BTreeMap;

impl Platform {
    /// What configurations may name, from the node's recipes.
    pub fn types(&self) -> TypeList {
        type_list(self.node().catalog())
    }

    /// Every version of every recipe: `python:3.13`.
    pub fn recipe_versions(&self) -> Vec<String> {
        let recipes = self.node().catalog().recipes();
        let versions = recipes.flat_map(|recipe| {
            recipe
                .versions()
                .into_iter()
                .map(move |version| format!("{}:{version}", recipe.name()))
        });
        versions.collect()
    }

    /// How many containers have an image mounted.
    pub fn users_of(&self, image: &ImageDigest) -> u32 {
        let containers = self.node().containers();
        let uses = containers.iter().filter(|container| {
            container.spec.base == *image
                || matches!(&container.spec.app, Some(AppImage::Frozen { image: app }) if app == image)
        });
        u32::try_from(uses.count()).unwrap_or(u32::MAX)
    }

    /// Queues the build of a base image; `version` is the newest when absent.
    ///
    /// # Errors
    /// [`PlatformError::UnknownImage`] says which exist.
    pub fn build_image(
        &self,
        recipe: &str,
        version: Option<&str>,
        refresh: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        let catalog = self.node().catalog();
        let resolved = catalog
            .resolve(recipe, version.unwrap_or_default())
            .map_err(|unknown| PlatformError::UnknownImage {
                reason: unknown.to_string(),
            })?;
        let (name, version) = (resolved.recipe.name().to_string(), resolved.version);
        let description = format!("Build image {name}:{version}");
        let parameters = json!({"recipe": name, "version": version, "refresh": refresh});
        let platform = self.clone();
        let job: crate::activity::Job = Box::new(move |report| {
            let mut progress = |line: &str| report.line(line);
            let cancel = report.cancelled();
            match platform
                .node()
                .base_image(&name, &version, refresh, cancel, &mut progress)
            {
                Ok(digest) => {
                    report.line(&format!("{name}:{version} is image {}", digest.short()));
                    true
                }
                Err(error) => {
                    report.line(&format!("E: {error}"));
                    false
                }
            }
        });
        Ok(self
            .activities()
            .submit("images", "image.build", None, &description, parameters, job)?)
    }
}

/// What configurations may name, from a catalog of recipes.
pub fn type_list(catalog: &Catalog) -> TypeList {
    let mut types = TypeList::default();
    types.services.insert(NETWORK_STORAGE.into(), network_storage());
    for recipe in catalog.recipes() {
        let versions = recipe.versions();
        for name in recipe.type_names() {
            match (recipe.kind(), recipe.service()) {
                (RecipeKind::Service, Some(service)) => {
                    let service = ServiceType {
                        versions: versions.clone(),
                        default_endpoint: Some(service.default_endpoint().to_string()),
                        min_disk_mb: service.min_disk_mb(),
                    };
                    types.services.insert(name.to_string(), service);
                }
                _ => {
                    types.runtimes.insert(name.to_string(), versions.clone());
                    types.extensions.insert(name.to_string(), extensions(recipe));
                }
            }
        }
    }
    types
}

/// A disk that apps mount: the one service without a recipe, since nothing runs. The versions are those of the platform
/// that the configurations were written for; here both are the same.
fn network_storage() -> ServiceType {
    ServiceType {
        versions: vec!["1.0".into(), "2.0".into()],
        default_endpoint: None,
        min_disk_mb: Some(128),
    }
}

/// All names that an app may ask for, by version; also those that are always there.
fn extensions(recipe: &Recipe) -> BTreeMap<String, Vec<String>> {
    let of_version = |version: String| {
        let Extensions {
            default,
            more,
            built_in,
        } = recipe.extensions(&version)?.clone();
        Some((version, [default, more, built_in].concat()))
    };
    recipe.versions().into_iter().filter_map(of_version).collect()
}
