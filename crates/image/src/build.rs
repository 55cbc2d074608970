//! Base images: from a recipe to a squashfs file.
//!
//! A built image is kept in the cache by the hash of all that it was built of, so each is built once per machine, however many
//! state directories there are.

use crate::{
    Catalog, ImageError, Recipe, Store,
    archive::Archive,
    cache::{CacheSize, CachedImage},
    debian::{self, Installation},
    digest,
    metadata::{ImageKind, Metadata},
    progress::Progress,
    recipe::VersionTable,
    squashfs,
};
use guise_model::ImageDigest;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::AtomicBool,
};

/// Changes when the same recipe gives another image because of what this crate does.
const FORMAT: &str = "1";
/// zstd's level for base images: written once, read by every container.
const LEVEL: u8 = 6;
/// What is mounted over, or only of use while installing.
const LEFT_OUT: [&str; 8] = [
    "dev/*",
    "proc/*",
    "sys/*",
    "run/*",
    "tmp/*",
    "var/log/*",
    "var/cache/*/*",
    "var/lib/dpkg/*-old",
];

impl Store {
    /// The newest image of a recipe's version as the recipe is now; `None` when it has to be built.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn base_image(&self, recipe: &Recipe, version: &str) -> Result<Option<ImageDigest>, ImageError> {
        let wanted = recipe_hash(recipe, version)?;
        let mut images = self.list()?;
        images.retain(
            |image| matches!(&image.kind, ImageKind::Base { recipe_hash, .. } if *recipe_hash == wanted),
        );
        Ok(images.pop().map(|image| image.digest))
    }

    /// The image of a recipe's version: from the store, from the cache, or built now. With `refresh` it is built anyway, of the
    /// packages that Debian has today. `progress` gets lines for the person who waits.
    ///
    /// # Errors
    /// [`ImageError::NoVersion`], [`ImageError::Cancelled`], or what failed; nothing of it is left then.
    pub fn build(
        &self,
        recipe: &Recipe,
        version: &str,
        refresh: bool,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<ImageDigest, ImageError> {
        let hash = recipe_hash(recipe, version)?;
        if !refresh && let Some(image) = self.base_image(recipe, version)? {
            return Ok(image);
        }
        let cached = self.cache.image(&hash);
        let _only_one = cached.lock(cancel, progress)?;
        let metadata = match cached.metadata() {
            Some(metadata) if !refresh => metadata,
            _ => self.build_into(&cached, recipe, version, hash, cancel, progress)?,
        };
        self.link(&cached.file, &metadata)?;
        Ok(metadata.digest)
    }

    /// Base images that nothing new would be made of: their recipe has changed or gone, or they were built again since.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn superseded(&self, catalog: &Catalog) -> Result<Vec<ImageDigest>, ImageError> {
        let mut newest = BTreeMap::new();
        for recipe in catalog.recipes() {
            for version in recipe.versions() {
                newest.insert(recipe_hash(recipe, &version)?, None);
            }
        }
        let mut superseded = Vec::new();
        for image in self.list()? {
            if let ImageKind::Base { recipe_hash, .. } = &image.kind {
                superseded.extend(match newest.get_mut(recipe_hash) {
                    Some(place) => place.replace(image.digest),
                    None => Some(image.digest),
                });
            }
        }
        Ok(superseded)
    }

    /// Cuts the cache of builds down to its size, or removes all of it.
    ///
    /// # Errors
    /// When it cannot be read or something of it not be removed.
    pub fn prune_cache(&self, all: bool) -> Result<CacheSize, ImageError> {
        self.cache.prune(all)
    }

    fn build_into(
        &self,
        cached: &CachedImage,
        recipe: &Recipe,
        version: &str,
        recipe_hash: String,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Metadata, ImageError> {
        let table = version_of(recipe, version)?;
        let mut progress = Progress::new(progress);
        let cache = self.cache.directory();
        let work = tempfile::Builder::new().prefix("build-").tempdir_in(cache);
        let work = work.map_err(ImageError::file("write in", cache))?;
        let root = work.path().join("root");
        progress.stage(&format!(
            "Building {}:{version} of Debian {}",
            recipe.name(),
            table.suite
        ));
        let mut installation = installation(recipe, table);
        for archive in &table.archives {
            progress.stage(&format!("Downloading {}", archive.url));
            let file = archive.fetch(&self.cache.archives(), cancel)?;
            installation.archives.push((archive, file));
        }
        debian::install(
            &installation,
            work.path(),
            &self.cache.packages(),
            cancel,
            &mut progress,
        )?;
        place_links(recipe, &root)?;
        progress.stage("Compressing");
        let file = self.temporary()?;
        squashfs::pack(&root, file.path(), LEVEL, &LEFT_OUT, cancel)?;
        // Before the image is made safe on the disk: that would first write out all that is thrown away here.
        drop(work);
        let (recipe, version) = (recipe.name().to_string(), version.to_string());
        let metadata = self.adopt(
            file,
            ImageKind::Base {
                recipe,
                version,
                recipe_hash,
            },
        )?;
        cached.keep(&self.path(&metadata.digest), &metadata)?;
        self.cache.prune(false)?;
        progress.stage(&format!("Done: {} MB", metadata.bytes / 1_000_000));
        Ok(metadata)
    }
}

fn version_of<'a>(recipe: &'a Recipe, version: &str) -> Result<&'a VersionTable, ImageError> {
    let missing = || ImageError::NoVersion {
        recipe: recipe.name().into(),
        version: version.into(),
    };
    recipe.table().versions.get(version).ok_or_else(missing)
}

fn installation<'a>(recipe: &'a Recipe, version: &'a VersionTable) -> Installation<'a> {
    let layers = recipe.layers().iter();
    let packages: BTreeSet<&str> = layers
        .clone()
        .flat_map(|layer| &layer.packages)
        .chain(&version.packages)
        .map(String::as_str)
        .collect();
    Installation {
        suite: &version.suite,
        more_suites: &version.more_suites,
        packages: packages.into_iter().collect(),
        user: &recipe.table().user,
        archives: Vec::new(),
        setup: layers.filter_map(|layer| layer.setup.as_deref()).collect(),
    }
}

/// After the installation, which needs some of what they replace.
fn place_links(recipe: &Recipe, root: &Path) -> Result<(), ImageError> {
    for (link, target) in recipe.layers().iter().flat_map(|layer| &layer.links) {
        let link = root.join(link.trim_start_matches('/'));
        let _ = fs::remove_file(&link);
        symlink(target, &link).map_err(ImageError::file("create the link", &link))?;
    }
    Ok(())
}

/// Hash of all that an image is built of. What is rendered for each container is not in it: it is not in the image either.
fn recipe_hash(recipe: &Recipe, version: &str) -> Result<String, ImageError> {
    let table = version_of(recipe, version)?;
    let installation = installation(recipe, table);
    let archives: Vec<String> = table.archives.iter().map(Archive::identity).collect();
    let user = installation.user;
    let ids = format!("{}:{}:{}:{}", user.name, user.uid, user.gid, user.home);
    let links = recipe
        .layers()
        .iter()
        .flat_map(|layer| &layer.links)
        .flat_map(|(link, target)| [link, target]);
    let mut texts = vec![FORMAT, recipe.image(), version, installation.suite, &ids];
    texts.extend(installation.more_suites.iter().map(String::as_str));
    texts.extend(installation.packages);
    texts.extend(installation.setup);
    texts.extend(links.map(String::as_str));
    texts.extend(archives.iter().map(String::as_str));
    Ok(digest::of_texts(texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    fn catalog() -> Catalog {
        Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")]).unwrap()
    }

    #[test]
    fn each_version_has_its_own_hash_and_an_unknown_one_none() {
        let catalog = catalog();
        let mut hashes = BTreeSet::new();
        for recipe in catalog.recipes() {
            for version in recipe.versions() {
                let is_new = hashes.insert(recipe_hash(recipe, &version).unwrap());
                assert!(
                    is_new || recipe.image() != recipe.name(),
                    "{}:{version}",
                    recipe.name()
                );
            }
            assert!(matches!(
                recipe_hash(recipe, "0.0"),
                Err(ImageError::NoVersion { .. })
            ));
        }
    }

    #[test]
    fn an_image_of_the_cache_is_used_without_building() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, go) = (directory.path().join("cache"), AtomicBool::new(false));
        let catalog = catalog();
        let python = catalog.resolve("python", "").unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir(&tree).unwrap();

        let builder = Store::open(&directory.path().join("one"), Some(cache.clone())).unwrap();
        let built = builder.freeze(&tree, &go).unwrap();
        let recipe_hash = recipe_hash(python.recipe, &python.version).unwrap();
        let mut metadata = builder.list().unwrap().remove(0);
        let (recipe, version) = ("python".into(), python.version.clone());
        metadata.kind = ImageKind::Base {
            recipe,
            version,
            recipe_hash: recipe_hash.clone(),
        };
        builder
            .cache
            .image(&recipe_hash)
            .keep(&builder.path(&built), &metadata)
            .unwrap();

        let other = Store::open(&directory.path().join("two"), Some(cache)).unwrap();
        assert_eq!(other.base_image(python.recipe, &python.version).unwrap(), None);
        let found = other
            .build(python.recipe, &python.version, false, &go, &mut |_| {})
            .unwrap();
        assert_eq!(found, built);
        assert_eq!(
            other.base_image(python.recipe, &python.version).unwrap(),
            Some(built)
        );
    }
}
