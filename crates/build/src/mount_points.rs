//! Directories for an app's mounts, made in its tree before it is frozen: a read-only image cannot get them later.

use guise_config::{App, Mount};
use guise_model::VolumeId;
use guise_node::{Node, NodeError, User};
use std::{collections::BTreeSet, fs, io, path::PathBuf};

/// A mount point that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountPointError {
    /// A file or a link is in the way.
    #[error(
        "the mount '/{path}' needs a directory there, but the build left something else in the way: {source}"
    )]
    InTheWay {
        /// The mount's path in the app.
        path: String,
        /// What was refused.
        source: NodeError,
    },
    /// The directory cannot be read.
    #[error("cannot list {}: {source}", .directory.display())]
    List {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes a directory for each mount of an app and its workers in the tree `volume`; warns of those that will hide files.
pub(crate) fn make(
    node: &Node,
    volume: &VolumeId,
    app: &App,
    owner: User,
    line: &mut dyn FnMut(&str),
) -> Result<(), MountPointError> {
    for path in paths(app) {
        let directory = node
            .volume_directory(volume, path, owner, 0o755)
            .map_err(|source| MountPointError::InTheWay {
                path: path.into(),
                source,
            })?;
        let mut entries =
            fs::read_dir(&directory).map_err(|source| MountPointError::List { directory, source })?;
        if entries.next().is_some() {
            line(&format!(
                "W: The mount '/{path}' has a path that overlaps with a non-empty folder."
            ));
            line("W: The content of the folder will not be accessible to the application.");
        }
    }
    Ok(())
}

/// The paths of all mounts, each once.
fn paths(app: &App) -> BTreeSet<&str> {
    let workers = app.workers.iter().flat_map(|worker| &worker.mounts);
    app.mounts
        .iter()
        .chain(workers)
        .map(|mount: &Mount| mount.path.as_str())
        .collect()
}
