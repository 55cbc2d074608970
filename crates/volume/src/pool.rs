//! The pool: where all volumes live.

use crate::VolumeError;
use guise_sys::{
    btrfs, loopdev,
    mount::{self, MountAttrFlags, Propagation},
};
use std::{
    fs::{self, File, OpenOptions},
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// A mounted pool.
#[derive(Debug)]
pub struct Pool {
    /// Where it is mounted.
    pub(crate) root: PathBuf,
    /// The sparse file behind it; `None` when the state directory is on btrfs itself.
    pub(crate) file: Option<PathBuf>,
}

impl Pool {
    /// Opens the pool of a state directory: adopts a mounted one, mounts an existing one, or makes one of
    /// `initial_bytes` as the sparse file `pool.btrfs`. On a state directory that is on btrfs it is just a directory.
    ///
    /// # Errors
    /// When it cannot be made or mounted; nothing is left mounted then.
    pub fn open(state: &Path, initial_bytes: u64) -> Result<Self, VolumeError> {
        let root = state.join("pool");
        make_private_directory(&root)?;
        let on_btrfs = btrfs::space(state).is_ok_and(|space| space.is_btrfs);
        let file = (!on_btrfs).then(|| state.join("pool.btrfs"));
        let pool = Self { root, file };
        if let Some(file) = &pool.file
            && !pool.is_mounted()?
        {
            if !file.exists() {
                make(file, initial_bytes)?;
            }
            pool.mount(file)?;
        }
        for directory in ["volumes", "scratch"] {
            make_private_directory(&pool.root.join(directory))?;
        }
        pool.remove_unfinished()?;
        pool.enable_quotas();
        Ok(pool)
    }

    /// A pool is a mount when it is on another device than the directory around it.
    fn is_mounted(&self) -> Result<bool, VolumeError> {
        let device = |path: &Path| {
            let failed = |source| VolumeError::File {
                operation: "look at",
                path: path.into(),
                source,
            };
            fs::metadata(path).map(|found| found.dev()).map_err(failed)
        };
        let above = self.root.parent().unwrap_or(Path::new("/"));
        Ok(device(&self.root)? != device(above)?)
    }

    fn mount(&self, file: &Path) -> Result<(), VolumeError> {
        let failed = |operation| {
            move |source| VolumeError::File {
                operation,
                path: file.into(),
                source,
            }
        };
        // O_NOFOLLOW: the state directory is root's, but a link here would let a mistake mount anything.
        let backing = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NOFOLLOW)
            .open(file)
            .map_err(failed("open"))?;
        let device = loopdev::attach(&backing, false).map_err(failed("put a loop device before"))?;
        let options = [
            format!("source={}", device.path().display()),
            "compress=zstd:1".into(),
            "discard=async".into(),
        ];
        let refused = |source| VolumeError::Mount {
            path: file.into(),
            source,
        };
        let flags = MountAttrFlags::MOUNT_ATTR_NOATIME
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV;
        let tree = mount::create("btrfs", &options, flags).map_err(refused)?;
        let target = File::open(&self.root).map_err(|source| VolumeError::File {
            operation: "open",
            path: self.root.clone(),
            source,
        })?;
        mount::attach(tree.as_fd(), target.as_fd()).map_err(refused)?;
        // Nothing that is mounted in a container's copy of this shall come back here.
        let private = mount::Attributes {
            propagation: Some(Propagation::Private),
            ..Default::default()
        };
        mount::set_attributes(tree.as_fd(), &private).map_err(refused)
    }

    /// Limits need quotas; without them (before Linux 6.7) volumes are unlimited, which [`quotas`](Self::quotas) tells.
    fn enable_quotas(&self) {
        if let Ok(root) = File::open(&self.root) {
            let _ = btrfs::enable_simple_quotas(root.as_fd());
        }
    }

    /// Writes all that is dirty.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), VolumeError> {
        let failed = |source| VolumeError::File {
            operation: "write back",
            path: self.root.clone(),
            source,
        };
        let root = File::open(&self.root).map_err(failed)?;
        btrfs::sync(&root).map_err(|errno| failed(errno.into()))
    }

    /// Unmounts the pool; its loop device goes with it, at the latest when the last process that has a file of it open
    /// ends. Waits [`RELEASE`] for that. Data stays.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn close(&self) -> Result<(), VolumeError> {
        let Some(file) = &self.file else { return Ok(()) };
        if !self.is_mounted()? {
            return Ok(());
        }
        self.sync()?;
        mount::detach(&self.root).map_err(|source| VolumeError::Mount {
            path: self.root.clone(),
            source,
        })?;
        let end = Instant::now() + RELEASE;
        while has_loop_device(file) && Instant::now() < end {
            thread::sleep(RELEASE / 500);
        }
        Ok(())
    }
}

/// How long a process that is about to end may keep the pool's loop device.
const RELEASE: Duration = Duration::from_secs(10);

fn has_loop_device(file: &Path) -> bool {
    loopdev::attached().is_ok_and(|devices| devices.iter().any(|(_, backing)| backing == file))
}

/// `O_NOFOLLOW` of open(2), the same on every Linux that guise runs on.
const O_NOFOLLOW: i32 = 0o400_000;

/// A directory that only root can look into.
fn make_private_directory(path: &Path) -> Result<(), VolumeError> {
    let failed = |source| VolumeError::File {
        operation: "make",
        path: path.into(),
        source,
    };
    fs::create_dir_all(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Makes a sparse file with an empty btrfs in it; complete or not at all.
fn make(file: &Path, bytes: u64) -> Result<(), VolumeError> {
    let unfinished = file.with_extension("btrfs.new");
    let failed = |operation| {
        let path = unfinished.clone();
        move |source| VolumeError::File {
            operation,
            path,
            source,
        }
    };
    let sparse = File::create(&unfinished).map_err(failed("make"))?;
    sparse
        .set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(failed("protect"))?;
    sparse.set_len(bytes).map_err(failed("set the size of"))?;
    drop(sparse);
    let refused = |reason: String| VolumeError::Format {
        path: file.into(),
        reason,
    };
    // With single metadata, mkfs.btrfs leaves 8 MB for it, and a pool that was full once then has no room left to make
    // or delete a subvolume.
    let output = Command::new("mkfs.btrfs")
        .args(["--quiet", "--metadata", "dup", "--label", "guise"])
        .arg(&unfinished)
        .output()
        .map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        drop(fs::remove_file(&unfinished));
        return Err(refused(
            String::from_utf8_lossy(&output.stderr).trim().to_string(),
        ));
    }
    fs::rename(&unfinished, file).map_err(failed("rename"))
}
