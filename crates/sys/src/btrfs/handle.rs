//! Opening a subvolume by its id (open_by_handle_at(2)): past all directories and links that lead to it.

use linux_raw_sys::btrfs::BTRFS_FIRST_FREE_OBJECTID;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `FILEID_BTRFS_WITHOUT_PARENT` of linux/exportfs.h.
const KIND: i32 = 0x4d;
/// `struct btrfs_fid` up to its optional parent: two 64-bit numbers and one of 32 bits, without a gap.
const IDENTITY_BYTES: usize = 20;

/// `struct file_handle` with a btrfs identity in it.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    identity: [u8; IDENTITY_BYTES],
}

impl Handle {
    fn of_subvolume(id: u64) -> Self {
        let mut identity = [0; IDENTITY_BYTES];
        identity[..8].copy_from_slice(&u64::from(BTRFS_FIRST_FREE_OBJECTID).to_ne_bytes());
        identity[8..16].copy_from_slice(&id.to_ne_bytes());
        // The generation stays 0, which is not compared: ids of subvolumes are never used again.
        Self {
            bytes: IDENTITY_BYTES as u32,
            kind: KIND,
            identity,
        }
    }
}

/// Opens the root directory of the subvolume with the id `id` on the filesystem that `filesystem` lies on.
///
/// # Errors
/// `ESTALE`: there is no such subvolume; `EPERM`: no CAP_DAC_READ_SEARCH.
pub fn open_subvolume(filesystem: BorrowedFd<'_>, id: u64) -> Result<OwnedFd, Errno> {
    let mut handle = Handle::of_subvolume(id);
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the handle is a file_handle of the size that it names, and lives until the call returns.
    let answer = unsafe { libc::open_by_handle_at(filesystem.as_raw_fd(), (&raw mut handle).cast(), flags) };
    crate::check(answer)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_has_no_gaps() {
        assert_eq!(size_of::<Handle>(), 8 + IDENTITY_BYTES);
        let handle = Handle::of_subvolume(0x0102);
        assert_eq!(handle.identity[8..10], 0x0102u64.to_ne_bytes()[..2]);
    }
}
