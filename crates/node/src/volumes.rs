//! Volumes and the pool they are in.

use crate::{AppImage, Node, NodeError, PoolUsage, User};
use guise_model::VolumeId;
use std::{
    io::{Read, Write},
    path::PathBuf,
};

impl Node {
    /// Makes a volume, owned inside by `owner`. One that exists is left as it is but for its quota.
    ///
    /// # Errors
    /// When the pool refuses.
    pub fn volume_create(
        &self,
        id: &VolumeId,
        quota_bytes: Option<u64>,
        owner: User,
        mode: u32,
    ) -> Result<(), NodeError> {
        Ok(self
            .inner
            .pool
            .create(id, quota_bytes, (owner.uid, owner.gid), mode)?)
    }

    /// Deletes a volume and all in it. No such volume is success.
    ///
    /// # Errors
    /// When the pool refuses, or a container has it mounted.
    pub fn volume_delete(&self, id: &VolumeId) -> Result<(), NodeError> {
        let user = self
            .entries()
            .into_iter()
            .map(|entry| entry.record().spec)
            .find(|spec| {
                let app = matches!(&spec.app, Some(AppImage::Writable(app)) if app.volume == *id);
                app || spec.mounts.iter().any(|mount| mount.volume == *id)
            });
        match user {
            Some(spec) => Err(NodeError::VolumeInUse {
                volume: id.clone(),
                container: spec.id,
            }),
            None => Ok(self.inner.pool.delete(id)?),
        }
    }

    /// A volume's directory on the host: only for host code that fills a volume in which nobody runs yet.
    ///
    /// # Errors
    /// When there is no such volume.
    pub fn volume_path(&self, id: &VolumeId) -> Result<PathBuf, NodeError> {
        let path = self.inner.pool.path(id);
        if path.is_dir() {
            Ok(path)
        } else {
            Err(NodeError::NoSuchVolume { id: id.clone() })
        }
    }

    /// Makes a directory, and those on the way to it, in a volume, following no link that something in a container
    /// may have left there; returns its path on the host. One that exists keeps its owner and mode.
    ///
    /// # Errors
    /// When there is no such volume, or something else than a directory is in the way.
    pub fn volume_directory(
        &self,
        id: &VolumeId,
        directory: &str,
        owner: User,
        mode: u32,
    ) -> Result<PathBuf, NodeError> {
        let path = self.volume_path(id)?;
        if directory.is_empty() {
            return Ok(path);
        }
        Ok(self
            .inner
            .pool
            .directory(id, directory, (owner.uid, owner.gid), mode)?)
    }

    /// Writes a read-only volume as a stream.
    ///
    /// # Errors
    /// When it can be written to, or `to` cannot.
    pub fn volume_send(&self, id: &VolumeId, to: &mut dyn Write) -> Result<(), NodeError> {
        Ok(self.inner.pool.send(id, to)?)
    }

    /// Makes a read-only volume from a stream.
    ///
    /// # Errors
    /// When the stream is torn or the pool is full; nothing is left then.
    pub fn volume_receive(&self, id: &VolumeId, from: &mut dyn Read) -> Result<(), NodeError> {
        Ok(self.inner.pool.receive(id, from)?)
    }

    /// All volumes.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn volumes(&self) -> Result<Vec<VolumeId>, NodeError> {
        Ok(self.inner.pool.list()?)
    }

    /// Room in the pool.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn pool_usage(&self) -> Result<PoolUsage, NodeError> {
        let usage = self.inner.pool.usage()?;
        Ok(PoolUsage {
            total_bytes: usage.total_bytes,
            used_bytes: usage.used_bytes,
        })
    }
}
