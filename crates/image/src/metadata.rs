//! What is known of an image besides its content.

use crate::ImageError;
use guise_model::ImageDigest;
use serde::{Deserialize, Serialize};
use std::{fs, io::Write, path::Path};

/// An image in the store; a JSON file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// SHA-256 of the file.
    pub digest: ImageDigest,
    /// What is in it.
    #[serde(flatten)]
    pub kind: ImageKind,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ImageKind {
    /// A root file system.
    Base {
        /// The recipe it was built from.
        recipe: String,
        /// The version.
        version: String,
        /// Hash of all that went into it, except for what Debian's mirror had that day.
        recipe_hash: String,
    },
    /// A frozen app.
    App,
}

pub(crate) fn read(path: &Path) -> Result<Metadata, ImageError> {
    let text = fs::read(path).map_err(ImageError::file("read", path))?;
    serde_json::from_slice(&text).map_err(|source| ImageError::Metadata {
        path: path.into(),
        source,
    })
}

/// Writes it in one step: a reader sees all of it or nothing, also after a power cut.
pub(crate) fn write(path: &Path, metadata: &Metadata) -> Result<(), ImageError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file =
        tempfile::NamedTempFile::new_in(directory).map_err(ImageError::file("write in", directory))?;
    let text = serde_json::to_vec(metadata).map_err(|source| ImageError::Metadata {
        path: path.into(),
        source,
    })?;
    let written = file.write_all(&text).and_then(|()| file.as_file().sync_all());
    written.map_err(ImageError::file("write", path))?;
    file.persist(path)
        .map_err(|error| ImageError::file("rename to", path)(error.error))?;
    Ok(())
}
