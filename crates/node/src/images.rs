//! Images: the store, the recipes, and freezing.

use crate::{AppImage, ImageKind, ImageView, Node, NodeError};
use guise_image::{CacheSize, Catalog, Metadata, Recipe};
use guise_model::{ImageDigest, VolumeId};
use std::sync::atomic::AtomicBool;

impl Node {
    /// Freezes a volume's tree into an image of the store.
    ///
    /// # Errors
    /// When mksquashfs fails, or `cancel` became true.
    pub fn freeze(&self, volume: &VolumeId, cancel: &AtomicBool) -> Result<ImageDigest, NodeError> {
        let tree = self.volume_path(volume)?;
        Ok(self.inner.store.freeze(&tree, cancel)?)
    }

    /// Whether the store has an image.
    pub fn has_image(&self, image: &ImageDigest) -> bool {
        self.inner.store.has(image)
    }

    /// Deletes an image that no container uses. No such image is success.
    ///
    /// # Errors
    /// When a container uses it or the file cannot be removed.
    pub fn delete_image(&self, image: &ImageDigest) -> Result<(), NodeError> {
        let _images = self.images_lock();
        let user = self
            .entries()
            .into_iter()
            .map(|entry| entry.record().spec)
            .find(|spec| {
                let app = matches!(&spec.app, Some(AppImage::Frozen { image: app }) if app == image);
                app || spec.base == *image
            });
        match user {
            Some(spec) => Err(NodeError::ImageInUse {
                image: image.clone(),
                container: spec.id,
            }),
            None => Ok(self.inner.store.delete(image)?),
        }
    }

    /// All images of the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn images(&self) -> Result<Vec<ImageView>, NodeError> {
        Ok(self.inner.store.list()?.into_iter().map(view).collect())
    }

    /// Base images that nothing new would be made of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn superseded_images(&self) -> Result<Vec<ImageDigest>, NodeError> {
        Ok(self.inner.store.superseded(&self.inner.catalog)?)
    }

    /// Cuts the cache of built base images down to its size, or removes all of it that the store does not have.
    ///
    /// # Errors
    /// When it cannot be read or something of it not be removed.
    pub fn prune_image_cache(&self, all: bool) -> Result<CacheSize, NodeError> {
        Ok(self.inner.store.prune_cache(all)?)
    }

    /// The recipes and their versions.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The base image of a recipe's version; built when it is neither in the store nor in the cache, or when
    /// `refresh` asks for it.
    ///
    /// # Errors
    /// When there is no such recipe or version, or its build fails.
    pub fn base_image(
        &self,
        recipe: &str,
        version: &str,
        refresh: bool,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<ImageDigest, NodeError> {
        let recipe = self.recipe(recipe)?;
        Ok(self
            .inner
            .store
            .build(recipe, version, refresh, cancel, progress)?)
    }

    /// The base image of a recipe's version if the store has it.
    ///
    /// # Errors
    /// When there is no such recipe or version.
    pub fn built_base_image(&self, recipe: &str, version: &str) -> Result<Option<ImageDigest>, NodeError> {
        let recipe = self.recipe(recipe)?;
        Ok(self.inner.store.base_image(recipe, version)?)
    }

    fn recipe(&self, name: &str) -> Result<&Recipe, NodeError> {
        let mut recipes = self.inner.catalog.recipes();
        recipes.find(|recipe| recipe.name() == name).ok_or_else(|| {
            let known: Vec<&str> = self.inner.catalog.recipes().map(Recipe::name).collect();
            NodeError::NoSuchRecipe {
                recipe: name.into(),
                known: known.join(", "),
            }
        })
    }
}

fn view(image: Metadata) -> ImageView {
    let kind = match image.kind {
        guise_image::ImageKind::Base { recipe, version, .. } => ImageKind::Base { recipe, version },
        guise_image::ImageKind::App => ImageKind::App,
    };
    ImageView {
        digest: image.digest,
        bytes: image.bytes,
        created_unix_ms: image.created * 1000,
        kind,
    }
}
