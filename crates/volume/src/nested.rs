//! Subvolumes that a container made inside of its volume.
//!
//! btrfs lets anybody make subvolumes in a directory of their own, and deletes no subvolume that others are in. They are
//! found in btrfs's own records and deleted by id, so how deep somebody buried them, or which links lead there, does
//! not matter.

use guise_sys::{Errno, btrfs};
use std::os::fd::{AsFd, BorrowedFd};

/// Deletes the subvolumes in the subvolume `id`, the innermost first.
pub(crate) fn delete_within(pool: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let mut waiting = vec![id];
    while let Some(&last) = waiting.last() {
        let within = btrfs::nested_subvolumes(pool, last)?;
        if within.is_empty() {
            waiting.pop();
            if last != id {
                btrfs::delete_subvolume_by_id(pool, last)?;
            }
        } else {
            // Whoever made it can have made it read-only, which would protect what is in it.
            btrfs::set_read_only(btrfs::open_subvolume(pool, last)?.as_fd(), false)?;
            waiting.extend(within);
        }
    }
    Ok(())
}
