//! What can go wrong with the pool and its volumes.

use guise_sys::Errno;
use std::{io, path::PathBuf};

/// An operation on the pool or a volume that failed.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// A file or directory of the pool's.
    #[error("cannot {operation} {path}: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// mkfs.btrfs is missing or refused.
    #[error("mkfs.btrfs (Debian package: btrfs-progs) cannot make the pool {path}: {reason}")]
    Format {
        /// The pool's file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The pool cannot be mounted.
    #[error("cannot mount the pool {path}: {source}")]
    Mount {
        /// The pool's file.
        path: PathBuf,
        /// Why not.
        source: Errno,
    },
    /// The kernel refused an operation on a volume.
    #[error("cannot {operation} volume {volume}: {}", explain(*.source))]
    Volume {
        /// What was tried.
        operation: &'static str,
        /// On which volume.
        volume: String,
        /// Why not.
        source: Errno,
    },
    /// A volume's stream cannot be written or read.
    #[error("btrfs (Debian package: btrfs-progs) cannot {operation} volume {volume}: {reason}")]
    Stream {
        /// `send` or `receive`.
        operation: &'static str,
        /// Which volume.
        volume: String,
        /// Why not.
        reason: String,
    },
    /// A directory of a volume is none, or a container has put a link in its place.
    #[error("cannot use the directory {directory:?} of volume {volume}: {}", explain_directory(*.source))]
    Directory {
        /// The volume.
        volume: String,
        /// The directory, relative to the volume.
        directory: String,
        /// Why not.
        source: Errno,
    },
}

impl VolumeError {
    /// Whether the pool, or the filesystem around it, is full.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            Self::Mount { source, .. } | Self::Volume { source, .. } | Self::Directory { source, .. } => {
                *source == Errno::NOSPC
            }
            Self::Format { .. } | Self::Stream { .. } => false,
        }
    }
}

fn explain(errno: Errno) -> String {
    match errno {
        Errno::NOSPC => "no space is left in the pool".into(),
        Errno::DQUOT => "its disk limit is reached".into(),
        Errno::NOENT => "there is no such volume".into(),
        Errno::EXIST => "it exists already".into(),
        Errno::BUSY => "a container still uses it".into(),
        other => other.to_string(),
    }
}

fn explain_directory(errno: Errno) -> String {
    match errno {
        Errno::LOOP | Errno::XDEV | Errno::NOTDIR => {
            "there is a link or a file in its place, put there from inside a container".into()
        }
        other => explain(other),
    }
}
