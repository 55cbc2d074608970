//! What can go wrong with images.

use guise_model::ImageDigest;
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
};

/// An operation on images that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file of the store or the cache.
    #[error("cannot {operation} {path}: {source}", path = .path.display())]
    File {
        /// What was tried: "create".
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program that is needed is not there or cannot be started.
    #[error("cannot run {program}: {source}; is the package that brings it installed?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed ({status}): {said}")]
    Program {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Its first error, or the last that it said.
        said: String,
    },
    /// An archive whose content nobody has vouched for.
    #[error(
        "the recipe has no checksum for {url}: download it from where you trust it, and write what `sha256sum` says \
         as `sha256` beside the `url`, in a recipe directory of your own (`recipes` in config.toml)"
    )]
    NoChecksum {
        /// Where the archive is.
        url: String,
    },
    /// An archive that is another one than the recipe means.
    #[error("{url} has the checksum {found} instead of {expected}: it was changed, or the recipe is wrong")]
    Checksum {
        /// Where it came from.
        url: String,
        /// As the recipe says.
        expected: String,
        /// As it is.
        found: String,
    },
    /// The disk is full.
    #[error("no space left on the disk of {path} ({said}); delete images that are not needed", path = .path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
        /// What the program said last.
        said: String,
    },
    /// The kernel refused to mount an image.
    #[error("cannot mount image {digest} from {path}: {source}", digest = .digest.short(), path = .path.display())]
    Mount {
        /// The image.
        digest: ImageDigest,
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image that is not in the store.
    #[error("there is no image {}", .0.short())]
    Missing(ImageDigest),
    /// What is known of an image is not readable.
    #[error("{path} does not describe an image: {source}", path = .path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A recipe does not have the version.
    #[error("recipe {recipe} has no version {version}")]
    NoVersion {
        /// The recipe.
        recipe: String,
        /// The version.
        version: String,
    },
    /// Somebody cancelled it.
    #[error("cancelled")]
    Cancelled,
}

impl ImageError {
    /// For `map_err` after an operation on a file.
    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            operation,
            path: path.into(),
            source,
        }
    }
}
