//! Hiding paths, and making paths read-only, by mounting something over them.

use super::device::open_verified;
use super::error::RootfsError;
use guise_sys::mount::{self, Attributes, MountAttrFlags};
use guise_sys::{Errno, path};
use rustix::fs::{FileType, OFlags, fstat};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Hides each path: a directory behind an empty read-only one, a file behind the host's /dev/null. One that is not there needs no hiding.
///
/// # Errors
/// [`RootfsError`].
pub fn hide(root: BorrowedFd<'_>, paths: &[String]) -> Result<(), RootfsError> {
    for path in paths.iter().map(Path::new) {
        let Some(target) = existing(root, path)? else {
            continue;
        };
        let kind = fstat(&target).map_err(|source| RootfsError::Target {
            path: path.into(),
            source,
        })?;
        let cover = if FileType::from_raw_mode(kind.st_mode) == FileType::Directory {
            empty_directory(path)?
        } else {
            null(path)?
        };
        mount::attach(cover.as_fd(), target.as_fd()).map_err(|source| RootfsError::Attach {
            path: path.into(),
            source,
        })?;
    }
    Ok(())
}

/// Makes each path read-only with all that is mounted below it.
///
/// # Errors
/// [`RootfsError`].
pub fn make_read_only(root: BorrowedFd<'_>, paths: &[String]) -> Result<(), RootfsError> {
    for path in paths.iter().map(Path::new) {
        let Some(target) = existing(root, path)? else {
            continue;
        };
        let tree = mount::clone_tree(target.as_fd(), true).map_err(|source| RootfsError::Target {
            path: path.into(),
            source,
        })?;
        let read_only = Attributes {
            set: MountAttrFlags::MOUNT_ATTR_RDONLY,
            recursive: true,
            ..Attributes::default()
        };
        mount::set_attributes(tree.as_fd(), &read_only).map_err(|source| RootfsError::Attributes {
            path: path.into(),
            source,
        })?;
        mount::attach(tree.as_fd(), target.as_fd()).map_err(|source| RootfsError::Attach {
            path: path.into(),
            source,
        })?;
    }
    Ok(())
}

fn existing(root: BorrowedFd<'_>, path: &Path) -> Result<Option<OwnedFd>, RootfsError> {
    match path::open_beneath(root, path, OFlags::PATH) {
        Ok(target) => Ok(Some(target)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(source) => Err(RootfsError::Target {
            path: path.into(),
            source,
        }),
    }
}

fn empty_directory(path: &Path) -> Result<OwnedFd, RootfsError> {
    let options = vec![
        "size=0".to_owned(),
        "nr_inodes=1".to_owned(),
        "mode=755".to_owned(),
    ];
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    mount::create("tmpfs", &options, attributes).map_err(|source| RootfsError::Create {
        filesystem: "tmpfs".into(),
        path: path.into(),
        options,
        source,
    })
}

/// From the host's /dev, which is still in sight, and verified: not from the container's.
fn null(path: &Path) -> Result<OwnedFd, RootfsError> {
    let null = open_verified(Path::new("/dev/null"), 1, 3)?;
    mount::clone_tree(null.as_fd(), false).map_err(|source| RootfsError::Source {
        path: path.into(),
        source,
    })
}
