//! Device nodes and pipes, made anew (config-linux.md, "Devices").

use super::attach::directory;
use super::error::RootfsError;
use guise_sys::Errno;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType};
use rustix::fs::{AtFlags, FileType, Gid, Mode, Uid, chmodat, chownat, makedev, mknodat};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// A node to make.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its path inside.
    pub path: PathBuf,
    /// Character or block device, or pipe.
    pub kind: FileType,
    /// Major number of a device.
    pub major: u32,
    /// Minor number of a device.
    pub minor: u32,
    /// Permissions.
    mode: u32,
    /// User and group id inside.
    owner: (u32, u32),
}

impl Node {
    /// A character device that everybody may use.
    pub fn character(path: PathBuf, major: u32, minor: u32) -> Self {
        Self {
            path,
            kind: FileType::CharacterDevice,
            major,
            minor,
            mode: 0o666,
            owner: (0, 0),
        }
    }

    /// As configured.
    pub fn of(device: &LinuxDevice) -> Self {
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            path: device.path().clone(),
            kind: match device.typ() {
                LinuxDeviceType::B => FileType::BlockDevice,
                LinuxDeviceType::P => FileType::Fifo,
                LinuxDeviceType::C | LinuxDeviceType::U | LinuxDeviceType::A => FileType::CharacterDevice,
            },
            major: number(device.major()),
            minor: number(device.minor()),
            mode: device.file_mode().unwrap_or(0o666) & 0o7777,
            owner: (device.uid().unwrap_or(0), device.gid().unwrap_or(0)),
        }
    }
}

/// Makes the node below `root`, through no symlink.
///
/// # Errors
/// [`RootfsError::Target`], [`RootfsError::Node`].
pub fn make(root: BorrowedFd<'_>, node: &Node) -> Result<(), RootfsError> {
    let failed = |source| RootfsError::Node {
        path: node.path.clone(),
        source,
    };
    let parent = directory(root, node.path.parent().unwrap_or(Path::new("/")))?;
    let name = node.path.file_name().ok_or_else(|| failed(Errno::INVAL))?;
    let mode = Mode::from_raw_mode(node.mode);
    let number = match node.kind {
        FileType::Fifo => 0,
        _ => makedev(node.major, node.minor),
    };
    mknodat(parent.as_fd(), name, node.kind, mode, number).map_err(failed)?;
    // Whatever the umask took away; the node was made just now, in a directory that nobody else sees yet.
    chmodat(parent.as_fd(), name, mode, AtFlags::empty()).map_err(failed)?;
    let (user, group) = (Uid::from_raw(node.owner.0), Gid::from_raw(node.owner.1));
    chownat(
        parent.as_fd(),
        name,
        Some(user),
        Some(group),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .map_err(failed)
}
