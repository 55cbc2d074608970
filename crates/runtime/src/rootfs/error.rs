//! What can go wrong while a container's file tree is put together.

use guise_sys::Errno;
use std::path::PathBuf;

/// A step of the file tree failed.
#[derive(Debug, thiserror::Error)]
pub enum RootfsError {
    /// The source of a bind mount, or the root directory, could not be taken.
    #[error("taking {} from the host: {}", path.display(), source_refusal(*source))]
    Source {
        /// Its path on the host.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// A mount could not be given the container's ids.
    #[error("id-mapping the mount of {}: {}", path.display(), idmap_refusal(*source))]
    Idmap {
        /// What was mapped.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The ids of a mount could not be made a map.
    #[error("making the id map of the mount {}: {source}", path.display())]
    MakeMap {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The image's files could not be copied into the filesystem that hides them.
    #[error("copying what is at {} into its tmpfs (tmpcopyup): {source}", path.display())]
    CopyUp {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Attributes could not be set.
    #[error("setting mount options of {path}: {source}", path = path.display())]
    Attributes {
        /// The mount.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// A filesystem could not be made.
    #[error("making the {filesystem} for {path} with options {options:?}: {source}", path = path.display())]
    Create {
        /// Its type.
        filesystem: String,
        /// Where it is to be mounted.
        path: PathBuf,
        /// Its options.
        options: Vec<String>,
        /// Why.
        source: Errno,
    },
    /// A place inside could not be found or made.
    #[error("finding {} in the container: {}", path.display(), target_refusal(*source))]
    Target {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// A mount could not be put in its place.
    #[error("mounting on {path}: {source}", path = path.display())]
    Attach {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// A device of the host is not what its name says.
    #[error("{path} of the host is not the character device {major}:{minor}; refusing to pass it on", path = path.display())]
    FalseDevice {
        /// Its path on the host.
        path: PathBuf,
        /// Major number it must have.
        major: u32,
        /// Minor number it must have.
        minor: u32,
    },
    /// A device node or pipe could not be made.
    #[error("making the node {path}: {source}", path = path.display())]
    Node {
        /// Its path inside.
        path: PathBuf,
        /// Why; `EPERM`: no CAP_MKNOD, or a device in a user namespace.
        source: Errno,
    },
    /// A link in /dev could not be made.
    #[error("linking {path}: {source}", path = path.display())]
    Link {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The tree could not become the root.
    #[error("changing the root: {source}")]
    Pivot {
        /// Why.
        source: Errno,
    },
    /// The archive for the ramdisk could not be unpacked.
    #[error("unpacking {archive} into the ramdisk: {source}", archive = archive.display())]
    Ramdisk {
        /// The archive on the host.
        archive: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn source_refusal(errno: Errno) -> String {
    match errno {
        Errno::LOOP => format!("{errno}: a symlink is in the path, which a container may have put there"),
        _ => errno.to_string(),
    }
}

fn idmap_refusal(errno: Errno) -> String {
    match errno {
        Errno::INVAL => format!(
            "{errno}: this kernel cannot id-map that filesystem (squashfs needs Linux 6.2; overlay never)"
        ),
        _ => errno.to_string(),
    }
}

fn target_refusal(errno: Errno) -> String {
    match errno {
        Errno::ROFS => format!("{errno}: it does not exist in the image and cannot be made there"),
        Errno::LOOP => {
            format!("{errno}: a symlink is in the path, but it must be mounted on ordinary directory or file")
        }
        _ => errno.to_string(),
    }
}
