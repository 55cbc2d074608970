//! A small /dev: the few devices every program expects, and those of the configuration.
//!
//! A user namespace cannot make device nodes, so the host's are bound there; each is verified to be the device its name says.

use super::attach::file;
use super::error::RootfsError;
use super::node::{self, Node};
use crate::config::Config;
use guise_sys::mount::{self, Attributes, MountAttrFlags};
use guise_sys::{Errno, path};
use rustix::fs::{FileType, Mode, OFlags, fstat, major, minor, symlinkat};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Name, major and minor number (devices.txt of the kernel).
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Fills the tmpfs at /dev below `root`.
///
/// # Errors
/// [`RootfsError`].
pub fn populate(root: BorrowedFd<'_>, config: &Config) -> Result<(), RootfsError> {
    for (name, major, minor) in DEVICES {
        if config.in_user_namespace() {
            bind(root, &Path::new("/dev").join(name), major, minor)?;
        } else {
            node::make(root, &Node::character(Path::new("/dev").join(name), major, minor))?;
        }
    }
    let dev =
        path::open_beneath(root, Path::new("/dev"), OFlags::PATH | OFlags::DIRECTORY).map_err(|source| {
            RootfsError::Target {
                path: "/dev".into(),
                source,
            }
        })?;
    for (name, target) in LINKS {
        match symlinkat(target, dev.as_fd(), name) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(source) => {
                return Err(RootfsError::Link {
                    path: Path::new("/dev").join(name),
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Adds the devices of the configuration.
///
/// # Errors
/// [`RootfsError`].
pub fn add(root: BorrowedFd<'_>, config: &Config) -> Result<(), RootfsError> {
    for device in config.linux.devices().iter().flatten() {
        let wanted = Node::of(device);
        if config.in_user_namespace() && wanted.kind == FileType::CharacterDevice {
            bind(root, &wanted.path, wanted.major, wanted.minor)?;
        } else {
            node::make(root, &wanted)?;
        }
    }
    Ok(())
}

/// The host's character device at `path`, verified (CVE-2025-31133: /dev/null swapped for something else).
///
/// # Errors
/// [`RootfsError::Source`], [`RootfsError::FalseDevice`].
pub fn open_verified(path: &Path, wanted_major: u32, wanted_minor: u32) -> Result<OwnedFd, RootfsError> {
    let failed = |source| RootfsError::Source {
        path: path.into(),
        source,
    };
    let device = rustix::fs::open(
        path,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(failed)?;
    let found = fstat(&device).map_err(failed)?;
    let genuine = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice
        && (major(found.st_rdev), minor(found.st_rdev)) == (wanted_major, wanted_minor);
    if genuine {
        Ok(device)
    } else {
        Err(RootfsError::FalseDevice {
            path: path.into(),
            major: wanted_major,
            minor: wanted_minor,
        })
    }
}

fn bind(root: BorrowedFd<'_>, path: &Path, major: u32, minor: u32) -> Result<(), RootfsError> {
    let device = open_verified(path, major, minor)?;
    let tree = mount::clone_tree(device.as_fd(), false).map_err(|source| RootfsError::Source {
        path: path.into(),
        source,
    })?;
    let device_only = Attributes {
        set: MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC,
        ..Attributes::default()
    };
    mount::set_attributes(tree.as_fd(), &device_only).map_err(|source| RootfsError::Attributes {
        path: path.into(),
        source,
    })?;
    let target = file(root, path)?;
    mount::attach(tree.as_fd(), target.as_fd()).map_err(|source| RootfsError::Attach {
        path: path.into(),
        source,
    })
}
