//! Images as mounts: each once per machine, however many containers use it.
//!
//! Containers get clones of the mount, which share its page cache and stay when the original is detached.

use crate::{ImageError, Store};
use guise_model::ImageDigest;
use guise_sys::{
    loopdev,
    mount::{self, MountAttrFlags, Propagation},
};
use rustix::fs::OFlags;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::PoisonError,
};

impl Store {
    fn mounts(&self) -> PathBuf {
        self.directory.join("mounts")
    }

    /// Mounts an image, unless it is mounted already, and says where. Read-only, without devices and set-user-id programs.
    ///
    /// # Errors
    /// [`ImageError::Missing`], or the kernel's refusal.
    pub fn attach(&self, digest: &ImageDigest) -> Result<PathBuf, ImageError> {
        let _one_at_a_time = self.attaching.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.mounts().join(digest.as_str());
        if target.exists() && is_mount(&target)? {
            return Ok(target);
        }
        let path = self.path(digest);
        if !path.exists() {
            return Err(ImageError::Missing(digest.clone()));
        }
        fs::create_dir_all(&target).map_err(ImageError::file("create", &target))?;
        let refused = |source| ImageError::Mount {
            digest: digest.clone(),
            path: path.clone(),
            source,
        };
        mount_file(&path, &target).map_err(refused)?;
        Ok(target)
    }

    /// The images that are mounted.
    ///
    /// # Errors
    /// When the directory of mounts cannot be read.
    pub fn mounted(&self) -> Result<Vec<ImageDigest>, ImageError> {
        let directory = self.mounts();
        let failed = || ImageError::file("read", &directory);
        let mut mounted = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if let Ok(digest) = ImageDigest::new(name)
                && is_mount(&path)?
            {
                mounted.push(digest);
            }
        }
        Ok(mounted)
    }

    /// Unmounts an image. Containers that use it are not disturbed: their clones keep it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn detach(&self, digest: &ImageDigest) -> Result<(), ImageError> {
        let target = self.mounts().join(digest.as_str());
        if !target.exists() {
            return Ok(());
        }
        while is_mount(&target)? {
            mount::detach(&target).map_err(|errno| ImageError::file("unmount", &target)(errno.into()))?;
        }
        fs::remove_dir(&target).map_err(ImageError::file("remove", &target))
    }

    /// Unmounts all images but those of `keep`.
    ///
    /// # Errors
    /// The first refusal.
    pub fn detach_unused(&self, keep: &[ImageDigest]) -> Result<(), ImageError> {
        let mut unused = self
            .mounted()?
            .into_iter()
            .filter(|digest| !keep.contains(digest));
        unused.try_for_each(|digest| self.detach(&digest))
    }
}

/// A mount point is on another device than the directory around it.
fn is_mount(path: &Path) -> Result<bool, ImageError> {
    let device = |path: &Path| {
        fs::metadata(path)
            .map(|found| found.dev())
            .map_err(ImageError::file("look at", path))
    };
    Ok(device(path)? != device(path.parent().unwrap_or(Path::new("/")))?)
}

fn mount_file(path: &Path, target: &Path) -> io::Result<()> {
    let no_links = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits() as i32;
    let backing = OpenOptions::new().read(true).custom_flags(no_links).open(path)?;
    let device = loopdev::attach(&backing, true)?;
    let flags = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV;
    // ro: without it the kernel opens the device, which is read-only, for writing.
    let options = [format!("source={}", device.path().display()), "ro".into()];
    let tree = mount::create("squashfs", &options, flags)?;
    mount::attach(tree.as_fd(), File::open(target)?.as_fd())?;
    // Attached to a shared mount it became shared: what is mounted in a container's clone would come back here.
    let private = mount::Attributes {
        propagation: Some(Propagation::Private),
        ..Default::default()
    };
    Ok(mount::set_attributes(tree.as_fd(), &private)?)
}
