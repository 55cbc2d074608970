//! The store: all images of a machine.
//!
//! `<state>/images/<digest>.squashfs` with `<digest>.json` beside it. The JSON file is written last and removed first, so that an
//! image without one is the rest of something interrupted.

use crate::{
    ImageError,
    cache::Cache,
    digest,
    metadata::{self, ImageKind, Metadata},
    squashfs,
};
use guise_model::ImageDigest;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, atomic::AtomicBool},
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::NamedTempFile;

/// zstd's level for apps: a push waits for it.
const APP_LEVEL: u8 = 1;

/// How the name of an image begins that is being made.
const UNFINISHED: &str = ".new-";

/// All images of a machine.
#[derive(Debug)]
pub struct Store {
    pub(crate) directory: PathBuf,
    pub(crate) cache: Cache,
    /// Two threads must not attach the same image twice.
    pub(crate) attaching: Mutex<()>,
}

impl Store {
    /// The store of a state directory; made when missing. `cache` is where built base images are kept by what they were built of,
    /// to be shared by several state directories; by default it is in the store.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open(state: &Path, cache: Option<PathBuf>) -> Result<Self, ImageError> {
        Self::open_with(state, cache, u64::MAX)
    }

    /// The same with a cache of at most `cache_bytes`.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open_with(state: &Path, cache: Option<PathBuf>, cache_bytes: u64) -> Result<Self, ImageError> {
        let directory = state.join("images");
        let cache = cache.unwrap_or_else(|| directory.join("cache"));
        for path in [&directory, &directory.join("mounts")] {
            fs::create_dir_all(path).map_err(ImageError::file("create", path))?;
        }
        // Images hold other people's code; a container's root is not on the way to it.
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&directory, private).map_err(ImageError::file("change", &directory))?;
        remove_unfinished(&directory)?;
        Ok(Self {
            directory,
            cache: Cache::open(cache, cache_bytes)?,
            attaching: Mutex::new(()),
        })
    }

    /// Where an image's file is, whether or not it exists.
    pub fn path(&self, digest: &ImageDigest) -> PathBuf {
        self.directory.join(format!("{digest}.squashfs"))
    }

    fn metadata_path(&self, digest: &ImageDigest) -> PathBuf {
        self.directory.join(format!("{digest}.json"))
    }

    /// Whether an image is there, all of it.
    pub fn has(&self, digest: &ImageDigest) -> bool {
        self.metadata_path(digest).exists() && self.path(digest).exists()
    }

    /// All images, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<Metadata>, ImageError> {
        let failed = || ImageError::file("read", &self.directory);
        let mut images = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                images.push(metadata::read(&path)?);
            }
        }
        images.sort_by(|a, b| (a.created, &a.digest).cmp(&(b.created, &b.digest)));
        Ok(images)
    }

    /// Makes an image of a directory tree. Of a tree that the store has already, it is that image.
    ///
    /// # Errors
    /// [`ImageError::NoSpace`] when the disk is full, [`ImageError::Cancelled`] soon after `cancel` becomes true.
    pub fn freeze(&self, tree: &Path, cancel: &AtomicBool) -> Result<ImageDigest, ImageError> {
        let file = self.temporary()?;
        squashfs::pack(tree, file.path(), APP_LEVEL, &[], cancel)?;
        Ok(self.adopt(file, ImageKind::App)?.digest)
    }

    pub(crate) fn temporary(&self) -> Result<NamedTempFile, ImageError> {
        let failed = ImageError::file("write in", &self.directory);
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&self.directory)
            .map_err(failed)
    }

    /// Takes a finished squashfs file into the store, under the name of its content.
    pub(crate) fn adopt(&self, file: NamedTempFile, kind: ImageKind) -> Result<Metadata, ImageError> {
        let path = file.path().to_path_buf();
        let mut content = File::open(&path).map_err(ImageError::file("open", &path))?;
        let metadata = Metadata {
            digest: digest::of_file(&mut content, &path)?,
            kind,
            bytes: content
                .metadata()
                .map_err(ImageError::file("look at", &path))?
                .len(),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        };
        let target = self.path(&metadata.digest);
        if !self.has(&metadata.digest) {
            // Before the rename: after a power failure a name must not lead to less than its digest promises.
            content.sync_data().map_err(ImageError::file("write", &path))?;
            file.persist(&target)
                .map_err(|error| ImageError::file("rename to", &target)(error.error))?;
        }
        self.describe(&metadata)?;
        Ok(metadata)
    }

    /// Takes a file of the cache into the store, without copying it where that is possible.
    pub(crate) fn link(&self, cached: &Path, metadata: &Metadata) -> Result<(), ImageError> {
        let target = self.path(&metadata.digest);
        if !target.exists() && fs::hard_link(cached, &target).is_err() {
            let file = self.temporary()?;
            let copied = fs::copy(cached, file.path()).and_then(|_| file.as_file().sync_all());
            copied.map_err(ImageError::file("copy", cached))?;
            file.persist(&target)
                .map_err(|error| ImageError::file("rename to", &target)(error.error))?;
        }
        self.describe(metadata)
    }

    fn describe(&self, metadata: &Metadata) -> Result<(), ImageError> {
        metadata::write(&self.metadata_path(&metadata.digest), metadata)?;
        let directory = File::open(&self.directory).map_err(ImageError::file("open", &self.directory))?;
        directory
            .sync_all()
            .map_err(ImageError::file("write", &self.directory))
    }

    /// Removes an image; its mount too, though what still uses it keeps it alive. One that is not there is removed already.
    ///
    /// # Errors
    /// When its files cannot be removed.
    pub fn delete(&self, digest: &ImageDigest) -> Result<(), ImageError> {
        self.detach(digest)?;
        for path in [self.metadata_path(digest), self.path(digest)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(ImageError::file("remove", &path))?,
            }
        }
        Ok(())
    }
}

/// Removes images that somebody who was killed was making.
fn remove_unfinished(directory: &Path) -> Result<(), ImageError> {
    let entries = fs::read_dir(directory).map_err(ImageError::file("list", directory))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            fs::remove_file(&path).map_err(ImageError::file("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(directory: &Path, content: &str) -> PathBuf {
        let tree = directory.join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("index.html"), content).unwrap();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::open(tree.join("index.html"))
            .unwrap()
            .set_modified(time)
            .unwrap();
        File::open(&tree).unwrap().set_modified(time).unwrap();
        tree
    }

    #[test]
    fn the_same_tree_is_the_same_image_and_another_tree_another() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), None).unwrap();
        let go = AtomicBool::new(false);
        let first = store.freeze(&tree(state.path(), "one"), &go).unwrap();
        let again = store.freeze(&tree(state.path(), "one"), &go).unwrap();
        let other = store.freeze(&tree(state.path(), "two"), &go).unwrap();
        assert_eq!(first, again);
        assert_ne!(first, other);
        let mut listed: Vec<ImageDigest> = store
            .list()
            .unwrap()
            .into_iter()
            .map(|image| image.digest)
            .collect();
        listed.sort();
        let mut expected = vec![first.clone(), other];
        expected.sort();
        assert_eq!(listed, expected);

        store.delete(&first).unwrap();
        store.delete(&first).unwrap();
        assert!(!store.has(&first));
        let left = fs::read_dir(&store.directory).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with(UNFINISHED)
        });
        assert_eq!(left.count(), 0, "temporary files are left");
    }

    #[test]
    fn a_tree_that_is_not_there_is_an_error_that_names_the_program() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), None).unwrap();
        let error = store
            .freeze(&state.path().join("nothing"), &AtomicBool::new(false))
            .unwrap_err();
        assert!(error.to_string().starts_with("mksquashfs failed"), "{error}");
        assert!(store.list().unwrap().is_empty());
    }

    #[test]
    fn a_cancelled_freeze_leaves_nothing() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), None).unwrap();
        let tree = tree(state.path(), "x");
        let error = store.freeze(&tree, &AtomicBool::new(true)).unwrap_err();
        assert!(matches!(error, ImageError::Cancelled), "{error}");
        assert!(store.list().unwrap().is_empty());
    }
}
