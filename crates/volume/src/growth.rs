//! Room in the pool, and when it is made larger.

use crate::{Pool, VolumeError};
use guise_sys::btrfs;
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

/// Room in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its size, in bytes.
    pub total_bytes: u64,
    /// What is in use, in bytes.
    pub used_bytes: u64,
    /// What can still be written, in bytes; 0 when metadata has no room, even if data has.
    pub free_bytes: u64,
    /// What the filesystem around the pool's file has left, in bytes; the pool's own on a state directory on btrfs.
    pub host_free_bytes: u64,
}

/// What became of a look at the room in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Growth {
    /// There is enough.
    NotNeeded,
    /// The pool was enlarged by this many bytes.
    Grown(u64),
    /// There is little, and the host has no more to give.
    Scarce(Room),
}

/// The pool is enlarged when less than this is free of it, and less than [`LOW_PERCENT`].
const LOW_BYTES: u64 = 5_000_000_000;
const LOW_PERCENT: u64 = 15;
/// It is enlarged by so much at a time, or by a quarter if that is more.
const STEP_BYTES: u64 = 10_000_000_000;
/// Less than this is not worth it.
const LEAST_STEP_BYTES: u64 = 1_000_000_000;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Nothing,
    Grow(u64),
    Warn,
}

/// Decides by how much to enlarge the pool so that the host keeps `reserve` bytes, even once the pool is full: its file
/// is sparse and takes what it promises only bit by bit.
fn decide(usage: Room, reserve: u64) -> Decision {
    let free = usage.free_bytes;
    let low = free < LOW_BYTES && free < usage.total_bytes / 100 * LOW_PERCENT;
    let spare = usage.host_free_bytes.saturating_sub(reserve);
    let step = STEP_BYTES
        .max(usage.total_bytes / 4)
        .min(spare.saturating_sub(free));
    // A host that is full before its pool is tears the pool down with it: writes that were promised fail.
    let host_is_short = spare < free.min(LOW_BYTES);
    match (low, host_is_short) {
        (_, true) => Decision::Warn,
        (false, false) => Decision::Nothing,
        (true, false) if step >= LEAST_STEP_BYTES => Decision::Grow(step),
        (true, false) => Decision::Warn,
    }
}

impl Pool {
    /// Room in the pool.
    ///
    /// # Errors
    /// When the pool is not mounted.
    pub fn usage(&self) -> Result<Room, VolumeError> {
        let pool = space(&self.root)?;
        let around = match self.file.as_deref().and_then(Path::parent) {
            Some(host) => space(host)?,
            None => pool,
        };
        Ok(Room {
            total_bytes: pool.total_bytes,
            used_bytes: pool.used_bytes,
            free_bytes: pool.available_bytes,
            host_free_bytes: around.available_bytes,
        })
    }

    /// Enlarges the pool when it is nearly full and its host would keep `host_reserve` bytes. Never on a state directory
    /// that is on btrfs: there the pool has all the host has.
    ///
    /// # Errors
    /// When the pool cannot be looked at or enlarged.
    pub fn grow_if_needed(&self, host_reserve: u64) -> Result<Growth, VolumeError> {
        let usage = self.usage()?;
        if self.file.is_none() {
            let scarce = usage.host_free_bytes < host_reserve;
            return Ok(if scarce {
                Growth::Scarce(usage)
            } else {
                Growth::NotNeeded
            });
        }
        match decide(usage, host_reserve) {
            Decision::Nothing => Ok(Growth::NotNeeded),
            Decision::Warn => Ok(Growth::Scarce(usage)),
            Decision::Grow(bytes) => self.grow(bytes).map(|()| Growth::Grown(bytes)),
        }
    }

    /// Enlarges the pool by `bytes`. No effect on a state directory that is on btrfs.
    ///
    /// # Errors
    /// When the file cannot grow; the pool is as before then.
    pub fn grow(&self, bytes: u64) -> Result<(), VolumeError> {
        let Some(path) = &self.file else { return Ok(()) };
        let failed = |operation: &'static str| {
            move |source: io::Error| VolumeError::File {
                operation,
                path: path.clone(),
                source,
            }
        };
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(failed("open"))?;
        let length = file.metadata().map_err(failed("look at"))?.len();
        file.set_len(length + bytes).map_err(failed("enlarge"))?;
        for (number, backing) in guise_sys::loopdev::attached().map_err(failed("find the loop device of"))? {
            if backing == *path {
                let device = PathBuf::from(format!("/dev/loop{number}"));
                guise_sys::loopdev::refresh_size(&device).map_err(failed("enlarge the loop device of"))?;
            }
        }
        let root = self.open_directory(&self.root)?;
        btrfs::grow_to_device(root.as_fd()).map_err(|errno| failed("enlarge the filesystem in")(errno.into()))
    }
}

fn space(path: &Path) -> Result<btrfs::Space, VolumeError> {
    btrfs::space(path).map_err(|errno| VolumeError::File {
        operation: "look at",
        path: path.into(),
        source: errno.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;
    const RESERVE: u64 = 5 * GB;

    fn decided(total: u64, free: u64, host_free: u64) -> Decision {
        let usage = Room {
            total_bytes: total * GB,
            used_bytes: (total - free) * GB,
            free_bytes: free * GB,
            host_free_bytes: host_free * GB,
        };
        decide(usage, RESERVE)
    }

    #[test]
    fn a_pool_with_room_is_left_alone() {
        assert_eq!(decided(20, 4, 100), Decision::Nothing, "4 of 20 GB is 20 %");
        assert_eq!(
            decided(1000, 10, 100),
            Decision::Nothing,
            "10 GB are enough anywhere"
        );
    }

    #[test]
    fn a_pool_that_is_nearly_full_grows_by_a_quarter_or_ten_gigabytes() {
        assert_eq!(decided(20, 2, 100), Decision::Grow(10 * GB));
        assert_eq!(decided(100, 4, 100), Decision::Grow(25 * GB));
    }

    #[test]
    fn the_host_keeps_its_reserve_even_once_the_pool_is_full() {
        // 12 GB, less the reserve, less the 2 GB that the pool may take without growing.
        assert_eq!(decided(20, 2, 12), Decision::Grow(5 * GB));
        for host_free in 0..40 {
            for free in 0..20 {
                if let Decision::Grow(bytes) = decided(20, free, host_free) {
                    assert!(
                        host_free * GB >= RESERVE + free * GB + bytes,
                        "{free} {host_free}"
                    );
                }
            }
        }
    }

    #[test]
    fn there_is_a_warning_when_the_host_has_no_more_to_give() {
        assert_eq!(decided(20, 2, 7), Decision::Warn);
        assert_eq!(
            decided(20, 10, 8),
            Decision::Warn,
            "the pool promises what the host lacks"
        );
    }
}
