//! Room: what volumes use, what the pool has, and what the host has left for it.

use crate::{Node, NodeError};
use guise_model::VolumeId;
use guise_volume::{Growth, Room, VolumeUse};
use std::collections::BTreeMap;

impl Node {
    /// What the pool and the host around it have.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn room(&self) -> Result<Room, NodeError> {
        Ok(self.inner.pool.usage()?)
    }

    /// What each volume uses and may hold, as of at most 30 seconds ago.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn volume_uses(&self) -> Result<BTreeMap<VolumeId, VolumeUse>, NodeError> {
        Ok(self.inner.pool.uses()?)
    }

    /// Whether volumes can be limited: the kernel must have simple quotas (Linux 6.7).
    pub fn limits_volumes(&self) -> bool {
        self.inner.pool.quotas()
    }

    /// Enlarges the pool when it is nearly full and the host would keep `host_reserve` bytes.
    ///
    /// # Errors
    /// When the pool cannot be looked at or enlarged.
    pub fn grow_pool_if_needed(&self, host_reserve: u64) -> Result<Growth, NodeError> {
        Ok(self.inner.pool.grow_if_needed(host_reserve)?)
    }
}
