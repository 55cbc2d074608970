//! Volumes and containers' scratch space.

use crate::{Pool, VolumeError, nested};
use guise_model::{ContainerId, VolumeId};
use guise_sys::{
    Errno, btrfs,
    path::{self, OFlags},
};
use std::{
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsFd,
        unix::fs::{PermissionsExt, chown},
    },
    path::{Path, PathBuf},
};

impl Pool {
    /// Makes an empty volume whose root belongs to `owner` (user, group) with permission bits `mode`. One that exists
    /// only gets its limit set anew.
    ///
    /// # Errors
    /// When the pool is full or the kernel refuses.
    pub fn create(
        &self,
        id: &VolumeId,
        quota_bytes: Option<u64>,
        owner: (u32, u32),
        mode: u32,
    ) -> Result<(), VolumeError> {
        if !self.path(id).exists() {
            self.make_owned(id, owner, mode)?;
        }
        self.limit(id, quota_bytes)
    }

    /// Makes a volume under a name that no id has, and renames it once it belongs to its owner: a crash leaves no volume
    /// that its owner could not write to.
    fn make_owned(&self, id: &VolumeId, owner: (u32, u32), mode: u32) -> Result<(), VolumeError> {
        let unfinished = format!(".{id}");
        let path = self.root.join("volumes").join(&unfinished);
        let failed = |operation| {
            let path = path.clone();
            move |source| VolumeError::File {
                operation,
                path,
                source,
            }
        };
        self.make("volumes", &unfinished)?;
        chown(&path, Some(owner.0), Some(owner.1)).map_err(failed("set the owner of"))?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed("set the mode of"))?;
        fs::rename(&path, self.path(id)).map_err(failed("rename"))
    }

    /// Removes volumes that somebody who was killed was making.
    pub(crate) fn remove_unfinished(&self) -> Result<(), VolumeError> {
        let names = self.names("volumes")?.into_iter();
        for name in names.filter(|name| name.starts_with('.')) {
            self.remove("volumes", &name)?;
        }
        Ok(())
    }

    /// Makes the volume `to` as a copy-on-write snapshot of `from`, as it is at this instant. Subvolumes that somebody
    /// made inside of `from` are empty directories in it.
    ///
    /// # Errors
    /// When `to` exists, `from` does not, or the pool is full.
    pub fn snapshot(&self, from: &VolumeId, to: &VolumeId, read_only: bool) -> Result<(), VolumeError> {
        let source = self.open_directory(&self.path(from))?;
        let volumes = self.open_directory(&self.root.join("volumes"))?;
        btrfs::snapshot(source.as_fd(), volumes.as_fd(), to.as_str(), read_only)
            .map_err(|errno| refused("make", to.as_str(), errno))
    }

    /// Deletes a volume and all in it. No such volume is success.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(&self, id: &VolumeId) -> Result<(), VolumeError> {
        self.remove("volumes", id.as_str())
    }

    /// All volumes, by id.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn list(&self) -> Result<Vec<VolumeId>, VolumeError> {
        Ok(self
            .names("volumes")?
            .into_iter()
            .filter_map(|name| VolumeId::new(name).ok())
            .collect())
    }

    /// Where a volume's root is on the host.
    pub fn path(&self, id: &VolumeId) -> PathBuf {
        self.root.join("volumes").join(id.as_str())
    }

    /// A directory of a volume, made with its parents as far as missing, and where it is on the host. No component of
    /// it is a link at this moment; whoever opens the path must refuse links again.
    ///
    /// # Errors
    /// [`VolumeError::Directory`] when a container has put a link or a file in its place.
    pub fn directory(
        &self,
        id: &VolumeId,
        directory: &str,
        owner: (u32, u32),
        mode: u32,
    ) -> Result<PathBuf, VolumeError> {
        let volume = self.open_directory(&self.path(id))?;
        path::make_owned_directories(volume.as_fd(), Path::new(directory), owner, mode).map_err(
            |source| VolumeError::Directory {
                volume: id.to_string(),
                directory: directory.into(),
                source,
            },
        )?;
        Ok(if directory.is_empty() {
            self.path(id)
        } else {
            self.path(id).join(directory)
        })
    }

    /// Makes a container's scratch space, empty, and says where it is. An existing one is used on.
    ///
    /// # Errors
    /// When the pool is full or the kernel refuses.
    pub fn scratch_create(&self, container: &ContainerId) -> Result<PathBuf, VolumeError> {
        let path = self.scratch_path(container);
        if !path.exists() {
            self.make("scratch", container.as_str())?;
        }
        Ok(path)
    }

    /// A directory of a container's scratch space, made if missing.
    ///
    /// # Errors
    /// As [`directory`](Self::directory).
    pub fn scratch_directory(
        &self,
        container: &ContainerId,
        name: &str,
        owner: (u32, u32),
        mode: u32,
    ) -> Result<PathBuf, VolumeError> {
        let path = self.scratch_path(container);
        let scratch = self.open_directory(&path)?;
        path::make_owned_directories(scratch.as_fd(), Path::new(name), owner, mode).map_err(|source| {
            VolumeError::Directory {
                volume: container.to_string(),
                directory: name.into(),
                source,
            }
        })?;
        // mkdir(2) is subject to the umask; nobody is in the container yet who could put a link here.
        let directory = path.join(name);
        fs::set_permissions(&directory, Permissions::from_mode(mode)).map_err(|source| {
            VolumeError::File {
                operation: "set the mode of",
                path: directory.clone(),
                source,
            }
        })?;
        Ok(directory)
    }

    /// Where a container's scratch space is on the host.
    pub fn scratch_path(&self, container: &ContainerId) -> PathBuf {
        self.root.join("scratch").join(container.as_str())
    }

    /// Deletes a container's scratch space. None is success.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn scratch_delete(&self, container: &ContainerId) -> Result<(), VolumeError> {
        self.remove("scratch", container.as_str())
    }

    /// Containers that have scratch space.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn scratch_list(&self) -> Result<Vec<ContainerId>, VolumeError> {
        Ok(self
            .names("scratch")?
            .into_iter()
            .filter_map(|name| ContainerId::new(name).ok())
            .collect())
    }

    fn make(&self, kind: &str, name: &str) -> Result<(), VolumeError> {
        let directory = self.open_directory(&self.root.join(kind))?;
        match btrfs::create_subvolume(directory.as_fd(), name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(source) => Err(refused("make", name, source)),
        }
    }

    fn remove(&self, kind: &str, name: &str) -> Result<(), VolumeError> {
        let directory = self.open_directory(&self.root.join(kind))?;
        let deleted = match btrfs::delete_subvolume(directory.as_fd(), name) {
            Err(Errno::NOTEMPTY) => {
                let subvolume = self.open_directory(&self.root.join(kind).join(name))?;
                btrfs::subvolume_id(subvolume.as_fd())
                    .and_then(|id| nested::delete_within(directory.as_fd(), id))
                    .and_then(|()| btrfs::delete_subvolume(directory.as_fd(), name))
            }
            answer => answer,
        };
        match deleted {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(source) => Err(refused("delete", name, source)),
        }
    }

    fn names(&self, kind: &str) -> Result<Vec<String>, VolumeError> {
        let path = self.root.join(kind);
        let failed = |source| VolumeError::File {
            operation: "list",
            path: path.clone(),
            source,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    pub(crate) fn open_directory(&self, path: &Path) -> Result<File, VolumeError> {
        let failed = |source: io::Error| VolumeError::File {
            operation: "open",
            path: path.into(),
            source,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        path::open_without_symlinks(path, flags)
            .map(File::from)
            .map_err(|errno| failed(errno.into()))
    }
}

fn refused(operation: &'static str, volume: &str, source: Errno) -> VolumeError {
    VolumeError::Volume {
        operation,
        volume: volume.into(),
        source,
    }
}
