//! btrfs subvolumes, snapshots and quotas (btrfs-subvolume(8), linux/btrfs.h).

mod handle;
mod tree;

pub use handle::open_subvolume;
pub use tree::{Quota, nested_subvolumes, quotas, quotas_are_on};

use linux_raw_sys::{
    btrfs::{
        BTRFS_FIRST_FREE_OBJECTID, BTRFS_QGROUP_LIMIT_MAX_RFER, BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA,
        BTRFS_SUBVOL_RDONLY, BTRFS_SUBVOL_SPEC_BY_ID, btrfs_ioctl_ino_lookup_args,
        btrfs_ioctl_qgroup_limit_args, btrfs_ioctl_quota_ctl_args,
    },
    ioctl::{
        BTRFS_IOC_INO_LOOKUP, BTRFS_IOC_QGROUP_LIMIT, BTRFS_IOC_QUOTA_CTL, BTRFS_IOC_RESIZE,
        BTRFS_IOC_SNAP_CREATE_V2, BTRFS_IOC_SNAP_DESTROY_V2, BTRFS_IOC_SUBVOL_CREATE_V2,
        BTRFS_IOC_SUBVOL_SETFLAGS,
    },
};
use rustix::io::Errno;
use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::Path,
};

/// `BTRFS_SUBVOL_NAME_MAX`, with the zero that ends a name.
const NAME_BYTES: usize = 4040;

/// `struct btrfs_ioctl_vol_args_v2` with its unused unions as bytes.
#[repr(C)]
struct VolumeArguments {
    fd: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; NAME_BYTES],
}

impl VolumeArguments {
    fn named(name: &str) -> Result<Box<Self>, Errno> {
        let bytes = name.as_bytes();
        if bytes.len() >= NAME_BYTES || bytes.contains(&b'/') || bytes.contains(&0) {
            return Err(Errno::INVAL);
        }
        let mut arguments = Box::new(Self {
            fd: 0,
            transaction: 0,
            flags: 0,
            unused: [0; 4],
            name: [0; NAME_BYTES],
        });
        arguments.name[..bytes.len()].copy_from_slice(bytes);
        Ok(arguments)
    }

    fn ioctl(&self, directory: BorrowedFd<'_>, request: u32) -> Result<(), Errno> {
        // SAFETY: the requests that are given here read a btrfs_ioctl_vol_args_v2, whose layout this is; it lives
        // until the call returns, and its name ends with a zero.
        let answer = unsafe { libc::ioctl(directory.as_raw_fd(), u64::from(request), &raw const *self) };
        crate::check(answer)
    }
}

/// Makes an empty subvolume `name` in `directory`.
///
/// # Errors
/// `EEXIST`; `ENOTTY`: not on btrfs; `ENOSPC`.
pub fn create_subvolume(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    VolumeArguments::named(name)?.ioctl(directory, BTRFS_IOC_SUBVOL_CREATE_V2)
}

/// Makes a copy-on-write snapshot of the subvolume `source` as `name` in `directory`. Waits for `source`'s dirty data
/// to be written.
///
/// # Errors
/// `EEXIST`; `EXDEV`: another filesystem; `EINVAL`: `source` is no subvolume; `ENOSPC`.
pub fn snapshot(
    source: BorrowedFd<'_>,
    directory: BorrowedFd<'_>,
    name: &str,
    read_only: bool,
) -> Result<(), Errno> {
    let mut arguments = VolumeArguments::named(name)?;
    arguments.fd = i64::from(source.as_raw_fd());
    arguments.flags = if read_only {
        u64::from(BTRFS_SUBVOL_RDONLY)
    } else {
        0
    };
    arguments.ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2)
}

/// Deletes the subvolume `name` in `directory` and all in it; the space comes back in the background.
///
/// # Errors
/// `ENOENT`; `EINVAL`/`ENOTDIR`: no subvolume; `EBUSY`: mounted or being sent; `ENOTEMPTY`: other subvolumes are in it.
pub fn delete_subvolume(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    VolumeArguments::named(name)?.ioctl(directory, BTRFS_IOC_SNAP_DESTROY_V2)
}

/// Deletes the subvolume with the id `id` and all in it, wherever on the filesystem it lies (Linux 5.7): no path is
/// followed.
///
/// # Errors
/// As [`delete_subvolume`]; `EROFS`: the subvolume around it is read-only.
pub fn delete_subvolume_by_id(filesystem: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let mut arguments = VolumeArguments::named("")?;
    arguments.flags = u64::from(BTRFS_SUBVOL_SPEC_BY_ID);
    // With this flag the id stands where the name would begin.
    arguments.name[..8].copy_from_slice(&id.to_ne_bytes());
    arguments.ioctl(filesystem, BTRFS_IOC_SNAP_DESTROY_V2)
}

/// The id of the subvolume that `file` lies in.
///
/// # Errors
/// `ENOTTY`: not on btrfs.
pub fn subvolume_id(file: BorrowedFd<'_>) -> Result<u64, Errno> {
    // SAFETY: plain integers, for which zero is valid: tree 0 stands for the descriptor's own.
    let mut arguments: Box<btrfs_ioctl_ino_lookup_args> = Box::new(unsafe { std::mem::zeroed() });
    arguments.objectid = u64::from(BTRFS_FIRST_FREE_OBJECTID);
    // SAFETY: BTRFS_IOC_INO_LOOKUP reads and writes a btrfs_ioctl_ino_lookup_args, which lives until the call returns.
    let answer = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            u64::from(BTRFS_IOC_INO_LOOKUP),
            &raw mut *arguments,
        )
    };
    crate::check(answer)?;
    Ok(arguments.treeid)
}

/// Makes a subvolume read-only, or writable again. `subvolume` is its root directory.
///
/// # Errors
/// `EINVAL`: not a subvolume's root; `EPERM`; `ETXTBSY`: read-only is wanted while somebody has a file open to write.
pub fn set_read_only(subvolume: BorrowedFd<'_>, read_only: bool) -> Result<(), Errno> {
    let flags = if read_only {
        u64::from(BTRFS_SUBVOL_RDONLY)
    } else {
        0
    };
    // SAFETY: BTRFS_IOC_SUBVOL_SETFLAGS reads a 64-bit number, which lives until the call returns.
    let answer = unsafe {
        libc::ioctl(
            subvolume.as_raw_fd(),
            u64::from(BTRFS_IOC_SUBVOL_SETFLAGS),
            &raw const flags,
        )
    };
    crate::check(answer)
}

/// Switches on simple quotas (Linux 6.7), which charge each extent to the subvolume that first wrote it. No effect when
/// quotas are on.
///
/// # Errors
/// `EINVAL`/`ENOTTY`: the kernel is older.
pub fn enable_simple_quotas(filesystem: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut arguments = btrfs_ioctl_quota_ctl_args {
        cmd: u64::from(BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA),
        status: 0,
    };
    // SAFETY: BTRFS_IOC_QUOTA_CTL reads and writes a btrfs_ioctl_quota_ctl_args, which lives until the call returns.
    let answer = unsafe {
        libc::ioctl(
            filesystem.as_raw_fd(),
            u64::from(BTRFS_IOC_QUOTA_CTL),
            &raw mut arguments,
        )
    };
    crate::check(answer)
}

/// Limits what the subvolume that `subvolume` lies in may hold, in bytes; `None` lifts the limit.
///
/// # Errors
/// `ENOTCONN`/`EINVAL`: quotas are off.
pub fn limit(subvolume: BorrowedFd<'_>, bytes: Option<u64>) -> Result<(), Errno> {
    // SAFETY: plain integers, for which zero is valid: qgroup 0 stands for the descriptor's own subvolume.
    let mut arguments: btrfs_ioctl_qgroup_limit_args = unsafe { std::mem::zeroed() };
    arguments.lim.flags = u64::from(BTRFS_QGROUP_LIMIT_MAX_RFER);
    arguments.lim.max_rfer = bytes.unwrap_or(u64::MAX);
    // SAFETY: BTRFS_IOC_QGROUP_LIMIT reads a btrfs_ioctl_qgroup_limit_args, which lives until the call returns.
    let answer = unsafe {
        libc::ioctl(
            subvolume.as_raw_fd(),
            u64::from(BTRFS_IOC_QGROUP_LIMIT),
            &raw const arguments,
        )
    };
    crate::check(answer)
}

/// Grows a mounted filesystem to the size of its device.
///
/// # Errors
/// `EINVAL`: not on btrfs; `EPERM`.
pub fn grow_to_device(filesystem: BorrowedFd<'_>) -> Result<(), Errno> {
    #[repr(C)]
    struct Arguments {
        fd: i64,
        name: [u8; 4088],
    }
    let mut arguments = Box::new(Arguments {
        fd: 0,
        name: [0; 4088],
    });
    arguments.name[..3].copy_from_slice(b"max");
    // SAFETY: BTRFS_IOC_RESIZE reads a btrfs_ioctl_vol_args, whose layout this is; it lives until the call returns.
    let answer = unsafe {
        libc::ioctl(
            filesystem.as_raw_fd(),
            u64::from(BTRFS_IOC_RESIZE),
            &raw const *arguments,
        )
    };
    crate::check(answer)
}

/// Writes all dirty data of the filesystem that `file` is on (syncfs(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`.
pub fn sync(file: &File) -> Result<(), Errno> {
    rustix::fs::syncfs(file.as_fd())
}

/// Size and use of the filesystem at `path`, in bytes (statfs(2)).
///
/// # Errors
/// Those of statfs(2).
pub fn space(path: &Path) -> Result<Space, Errno> {
    let found = rustix::fs::statfs(path)?;
    let block = u64::try_from(found.f_bsize).unwrap_or(4096);
    Ok(Space {
        is_btrfs: found.f_type == i64::from(linux_raw_sys::general::BTRFS_SUPER_MAGIC),
        total_bytes: found.f_blocks * block,
        used_bytes: (found.f_blocks - found.f_bfree) * block,
        available_bytes: found.f_bavail * block,
    })
}

/// Size and use of a filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Whether it is btrfs.
    pub is_btrfs: bool,
    /// Its size.
    pub total_bytes: u64,
    /// What is in use.
    pub used_bytes: u64,
    /// What can be written, without the part that is kept for root.
    pub available_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_have_the_kernels_size() {
        // linux/btrfs.h: both structures are one page.
        assert_eq!(size_of::<VolumeArguments>(), 4096);
    }

    #[test]
    fn a_name_that_is_a_path_is_refused_before_the_kernel_sees_it() {
        let here = File::open(".").unwrap();
        assert_eq!(create_subvolume(here.as_fd(), "a/b"), Err(Errno::INVAL));
        assert_eq!(delete_subvolume(here.as_fd(), "../x"), Err(Errno::INVAL));
    }
}
