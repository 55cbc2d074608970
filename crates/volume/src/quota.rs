//! Limits of volumes, and what is charged to them.
//!
//! Simple quotas charge a block to the volume that wrote it first: a fresh snapshot is charged nothing, and blocks that
//! it shares with its origin stay the origin's even when that overwrites them.

use crate::{Pool, VolumeError};
use guise_model::VolumeId;
use guise_sys::{Errno, btrfs};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, os::fd::AsFd};

/// What a volume may hold and what is charged to it, as of the last transaction (at most 30 seconds ago).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VolumeUse {
    /// What is charged to it, in bytes after compression.
    pub used_bytes: u64,
    /// Most that may be charged to it, in bytes; `None` for as much as the pool has.
    pub limit_bytes: Option<u64>,
}

impl Pool {
    /// Whether limits hold. They need simple quotas, which came with Linux 6.7.
    pub fn quotas(&self) -> bool {
        self.open_directory(&self.root)
            .is_ok_and(|root| btrfs::quotas_are_on(root.as_fd()).unwrap_or(false))
    }

    /// What each volume uses. Without quotas in the kernel all are 0 and unlimited.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn uses(&self) -> Result<BTreeMap<VolumeId, VolumeUse>, VolumeError> {
        let root = self.open_directory(&self.root)?;
        let failed = |source: Errno| VolumeError::File {
            operation: "read the quotas of",
            path: self.root.clone(),
            source: source.into(),
        };
        let quotas = btrfs::quotas(root.as_fd()).map_err(failed)?;
        let mut uses = BTreeMap::new();
        for volume in self.list()? {
            // One that was deleted meanwhile uses nothing.
            let Ok(directory) = self.open_directory(&self.path(&volume)) else {
                continue;
            };
            let subvolume = btrfs::subvolume_id(directory.as_fd()).map_err(failed)?;
            let quota = quotas.get(&subvolume).copied().unwrap_or_default();
            let used = VolumeUse {
                used_bytes: quota.used_bytes,
                limit_bytes: quota.limit_bytes,
            };
            uses.insert(volume, used);
        }
        Ok(uses)
    }

    /// Sets what a volume may hold, in bytes. Without quotas in the kernel (before Linux 6.7) there is no limit.
    pub(crate) fn limit(&self, id: &VolumeId, quota_bytes: Option<u64>) -> Result<(), VolumeError> {
        let volume = self.open_directory(&self.path(id))?;
        match btrfs::limit(volume.as_fd(), quota_bytes) {
            Ok(()) | Err(Errno::NOTCONN | Errno::INVAL | Errno::NOENT) => Ok(()),
            Err(source) => Err(VolumeError::Volume {
                operation: "limit",
                volume: id.to_string(),
                source,
            }),
        }
    }
}
