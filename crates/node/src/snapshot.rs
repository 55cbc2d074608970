//! Cloning volumes as of one instant.

use crate::{Node, NodeError};
use guise_model::{ContainerId, VolumeId};
use guise_runtime::cgroup;
use std::time::{Duration, Instant};

impl Node {
    /// Makes each second volume of `pairs` a copy-on-write clone of the first, all as of one instant, in which the
    /// containers `frozen` stand still. Answers for how long they did.
    ///
    /// What is dirty is written back before anything is frozen: a snapshot waits for its volume's dirty data (6.6 s
    /// for 2 GB, measured), and frozen containers would wait with it.
    ///
    /// # Errors
    /// When a volume does not exist or its clone does; no clone is left then, and the containers run on.
    pub fn clone_volumes(
        &self,
        pairs: &[(VolumeId, VolumeId)],
        frozen: &[ContainerId],
    ) -> Result<Duration, NodeError> {
        self.copy_volumes(pairs, frozen, false)
    }

    /// The same as [`clone_volumes`](Self::clone_volumes), but nobody can write to what it makes: a backup.
    ///
    /// # Errors
    /// As there.
    pub fn snapshot_volumes(
        &self,
        pairs: &[(VolumeId, VolumeId)],
        frozen: &[ContainerId],
    ) -> Result<Duration, NodeError> {
        self.copy_volumes(pairs, frozen, true)
    }

    /// Writes all that is dirty in volumes, so that what follows need not wait for it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_volumes_back(&self) -> Result<(), NodeError> {
        Ok(self.inner.pool.sync()?)
    }

    fn copy_volumes(
        &self,
        pairs: &[(VolumeId, VolumeId)],
        frozen: &[ContainerId],
        read_only: bool,
    ) -> Result<Duration, NodeError> {
        self.write_volumes_back()?;
        // SIGKILL in the next milliseconds must not leave a site standing still.
        let guard = match frozen {
            [] => None,
            containers => Some(self.inner.runtime.guard(containers)?),
        };
        let begun = Instant::now();
        let still = Still::freeze(self, frozen);
        let cloned = still.and_then(|_still| self.snapshot_all(pairs, read_only));
        let pause = begun.elapsed();
        if let Some(guard) = guard {
            guard.dismiss();
        }
        cloned.map(|()| pause)
    }

    fn snapshot_all(&self, pairs: &[(VolumeId, VolumeId)], read_only: bool) -> Result<(), NodeError> {
        for (number, (from, to)) in pairs.iter().enumerate() {
            if let Err(error) = self.inner.pool.snapshot(from, to, read_only) {
                for (_, made) in &pairs[..number] {
                    // What cannot be deleted now belongs to nobody and is swept later.
                    let _ = self.inner.pool.delete(made);
                }
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// Containers that stand still for as long as this lives.
struct Still {
    groups: Vec<std::path::PathBuf>,
}

impl Still {
    fn freeze(node: &Node, containers: &[ContainerId]) -> Result<Self, NodeError> {
        let mut still = Self { groups: Vec::new() };
        for container in containers {
            let group = node.cgroup(container);
            cgroup::freeze(&group)?;
            still.groups.push(group);
        }
        Ok(still)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        for group in &self.groups {
            if let Err(error) = cgroup::thaw(group) {
                tracing::error!(group = %group.display(), %error, "cannot thaw a container");
            }
        }
    }
}
