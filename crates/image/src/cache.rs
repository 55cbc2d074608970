//! What builds share: built base images by what they were built of, and what was downloaded for them. Of bounded size.
//!
//! `<cache>/<hash>.squashfs` with `<hash>.json` beside it, and `<hash>.lock`, whose time is that of its last use; `packages/` and
//! `archives/` have what was downloaded. Everything in it can be made again, so what was used longest ago goes first.

use crate::{
    ImageError,
    metadata::{self, Metadata},
};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime},
};

/// How often one looks whether another build of the same image is done.
const POLL: Duration = Duration::from_millis(100);

/// The directory that builds share, also those of several state directories.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// In bytes.
    limit: u64,
}

/// What a cache holds after it was cut down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheSize {
    /// What has been removed, in bytes.
    pub removed_bytes: u64,
    /// What is left, in bytes.
    pub kept_bytes: u64,
}

/// Something that can be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// A cache that is made when missing, of at most `limit` bytes.
    pub(crate) fn open(directory: PathBuf, limit: u64) -> Result<Self, ImageError> {
        fs::create_dir_all(&directory).map_err(ImageError::file("create", &directory))?;
        Ok(Self { directory, limit })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Debian's packages.
    pub(crate) fn packages(&self) -> PathBuf {
        self.directory.join("packages")
    }

    /// Archives by their checksums.
    pub(crate) fn archives(&self) -> PathBuf {
        self.directory.join("archives")
    }

    /// The image that is built of what has this hash, whether or not it exists.
    pub(crate) fn image(&self, hash: &str) -> CachedImage {
        CachedImage {
            file: self.directory.join(format!("{hash}.squashfs")),
        }
    }

    /// Removes what was used longest ago until the rest is not larger than the limit, or all of it.
    ///
    /// # Errors
    /// When the directory cannot be read or something of it not be removed.
    pub(crate) fn prune(&self, all: bool) -> Result<CacheSize, ImageError> {
        let entries = self.entries()?;
        let held: u64 = entries.iter().map(|entry| entry.bytes).sum();
        let mut size = CacheSize {
            removed_bytes: 0,
            kept_bytes: held,
        };
        for entry in surplus(entries, if all { 0 } else { self.limit }) {
            if self.remove(&entry.path)? {
                size.removed_bytes += entry.bytes;
                size.kept_bytes -= entry.bytes;
            }
        }
        Ok(size)
    }

    /// What takes room of its own: an image that a store has, too, is the same file.
    fn entries(&self) -> Result<Vec<Entry>, ImageError> {
        let mut entries = Vec::new();
        for (path, found) in files(&self.directory)? {
            if path.extension().is_some_and(|extension| extension == "squashfs") && found.nlink() == 1 {
                let lock = fs::metadata(path.with_extension("lock")).and_then(|lock| lock.modified());
                entries.push(Entry {
                    bytes: found.len(),
                    used: lock.or(found.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
                    path,
                });
            }
        }
        for directory in [self.packages(), self.archives()] {
            let downloaded = files(&directory)?.into_iter().map(|(path, found)| Entry {
                bytes: found.len(),
                // Read when it is installed. Where that is not written down (noatime), the time of its download.
                used: found.accessed().unwrap_or(SystemTime::UNIX_EPOCH),
                path,
            });
            entries.extend(downloaded);
        }
        Ok(entries)
    }

    /// Answers whether it is gone: an image is not while somebody builds or takes it.
    fn remove(&self, path: &Path) -> Result<bool, ImageError> {
        if path.parent() != Some(&self.directory) {
            return removed(path).map(|()| true);
        }
        let lock = path.with_extension("lock");
        // Opened without creating, which would be a use.
        let lock = File::options().write(true).open(&lock).ok();
        if lock.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
            return Ok(false);
        }
        removed(&path.with_extension("json"))?;
        removed(path)?;
        Ok(true)
    }
}

/// An image in the cache.
pub(crate) struct CachedImage {
    pub file: PathBuf,
}

impl CachedImage {
    /// Waits until nobody else builds or takes it, and notes the time of this use. The lock is gone with the file.
    pub(crate) fn lock(
        &self,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<File, ImageError> {
        let path = self.file.with_extension("lock");
        // Making it anew sets its time.
        let file = File::create(&path).map_err(ImageError::file("create", &path))?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(ImageError::file("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if cancel.load(Ordering::Relaxed) => {
                    return Err(ImageError::Cancelled);
                }
                Err(TryLockError::WouldBlock) => thread::sleep(POLL),
            }
            if !said {
                progress("Waiting for another build of the same image");
                said = true;
            }
        }
    }

    /// What it is; `None` when it is not there.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        // One that cannot be read is built again, which repairs it.
        self.file
            .exists()
            .then(|| metadata::read(&self.description()).ok())
            .flatten()
    }

    /// Keeps a built image, without copying it where that is possible.
    pub(crate) fn keep(&self, built: &Path, metadata: &Metadata) -> Result<(), ImageError> {
        let new = self.file.with_extension("new");
        let _ = fs::remove_file(&new);
        if fs::hard_link(built, &new).is_err() {
            let copied = fs::copy(built, &new).and_then(|_| File::open(&new)?.sync_all());
            copied.map_err(ImageError::file("copy", built))?;
        }
        let _ = fs::remove_file(self.description());
        fs::rename(&new, &self.file).map_err(ImageError::file("rename to", &self.file))?;
        metadata::write(&self.description(), metadata)
    }

    fn description(&self) -> PathBuf {
        self.file.with_extension("json")
    }
}

/// What has to go so that the rest is not larger than `limit`: what was used longest ago.
fn surplus(mut entries: Vec<Entry>, limit: u64) -> Vec<Entry> {
    entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
    let mut held = 0;
    let fits = |entry: &&Entry| {
        held += entry.bytes;
        held <= limit
    };
    let fitting = entries.iter().take_while(fits).count();
    entries.split_off(fitting)
}

/// The files in a directory; none when it is not there. What is removed meanwhile is left out.
fn files(directory: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>, ImageError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ImageError::file("list", directory))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(ImageError::file("list", directory))?.path();
        if let Ok(found) = fs::symlink_metadata(&path)
            && found.is_file()
        {
            files.push((path, found));
        }
    }
    Ok(files)
}

fn removed(path: &Path) -> Result<(), ImageError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(ImageError::file("remove", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::ImageKind;
    use guise_model::ImageDigest;
    use proptest::prelude::*;

    /// A cache with images of 100 bytes, used at these seconds.
    fn cache(directory: &Path, limit: u64, images: &[(&str, u64)]) -> Cache {
        let cache = Cache::open(directory.join("cache"), limit).unwrap();
        for (hash, used) in images {
            let built = directory.join("built");
            fs::write(&built, [0; 100]).unwrap();
            let metadata = Metadata {
                digest: ImageDigest::new("ab".repeat(32)).unwrap(),
                kind: ImageKind::App,
                bytes: 100,
                created: 0,
            };
            let image = cache.image(hash);
            image.keep(&built, &metadata).unwrap();
            fs::remove_file(&built).unwrap();
            let lock = image.lock(&AtomicBool::new(false), &mut |_| {}).unwrap();
            lock.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(*used))
                .unwrap();
        }
        cache
    }

    fn has(cache: &Cache, hash: &str) -> bool {
        cache.image(hash).metadata().is_some()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), 250, &[("a", 30), ("b", 10), ("c", 20)]);
        let size = cache.prune(false).unwrap();
        assert_eq!((size.removed_bytes, size.kept_bytes), (100, 200));
        assert!(has(&cache, "a") && !has(&cache, "b") && has(&cache, "c"));
        assert_eq!(cache.prune(false).unwrap().removed_bytes, 0);

        drop(
            cache
                .image("c")
                .lock(&AtomicBool::new(false), &mut |_| {})
                .unwrap(),
        );
        let smaller = Cache { limit: 100, ..cache };
        smaller.prune(false).unwrap();
        assert!(has(&smaller, "c") && !has(&smaller, "a"), "c was used just now");
    }

    #[test]
    fn an_image_that_a_store_has_or_somebody_takes_stays() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(
            directory.path(),
            250,
            &[("stored", 1), ("taken", 2), ("other", 3)],
        );
        fs::hard_link(cache.image("stored").file, directory.path().join("store")).unwrap();
        let _taken = cache.image("taken").lock(&AtomicBool::new(false), &mut |_| {});
        let size = cache.prune(true).unwrap();
        assert!(has(&cache, "stored") && has(&cache, "taken") && !has(&cache, "other"));
        assert_eq!((size.removed_bytes, size.kept_bytes), (100, 100));
    }

    #[test]
    fn downloads_count_too() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), 150, &[("a", 30)]);
        fs::create_dir(cache.packages()).unwrap();
        let package = cache.packages().join("it_1_all.deb");
        fs::write(&package, [0; 60]).unwrap();
        cache.prune(false).unwrap();
        assert!(package.exists() && !has(&cache, "a"), "the package was read last");
        let size = cache.prune(true).unwrap();
        assert_eq!((size.removed_bytes, size.kept_bytes), (60, 0));
    }

    proptest! {
        #[test]
        fn what_is_left_fits_and_is_newer_than_what_goes(
            sizes in prop::collection::vec((0u64..100, 0u64..20), 0..30),
            limit in 0u64..1500,
        ) {
            let entries: Vec<Entry> = sizes.iter().enumerate().map(|(n, (bytes, used))| Entry {
                path: n.to_string().into(),
                bytes: *bytes,
                used: SystemTime::UNIX_EPOCH + Duration::from_secs(*used),
            }).collect();
            let gone = surplus(entries.clone(), limit);
            let kept: Vec<&Entry> = entries.iter().filter(|entry| !gone.contains(entry)).collect();
            prop_assert!(kept.iter().map(|entry| entry.bytes).sum::<u64>() <= limit);
            for entry in &gone {
                prop_assert!(kept.iter().all(|kept| kept.used >= entry.used));
            }
            let all: u64 = entries.iter().map(|entry| entry.bytes).sum();
            prop_assert_eq!(gone.is_empty(), all <= limit);
        }
    }
}
