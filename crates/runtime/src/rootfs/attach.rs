//! In the child: putting the tree together and making it the root.
//!
//! The order matters. The new root is attached over the old one, which this process still sees through its own root; so proc and
//! sysfs can be made (the kernel wants to see an unhidden one first), devices can be taken from the host's /dev, and only at
//! the end does the old root go.

use super::error::RootfsError;
use super::source::{HostTree, Plan, Planned, PlannedMount};
use super::{copyup, device, mask, ramdisk};
use crate::config::Config;
use guise_sys::mount::{self, Attributes, MountAttrFlags, Propagation};
use guise_sys::namespace::Namespaces;
use guise_sys::{Errno, path};
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Attaches everything below the new root, and returns the root's descriptor.
///
/// # Errors
/// [`RootfsError`].
pub fn assemble(plan: &Plan, config: &Config) -> Result<(), RootfsError> {
    let root = plan.root.tree.as_fd();
    attach_root(root, config)?;
    for mount in &plan.mounts {
        attach(mount, root)?;
    }
    let has_own_dev = plan.mounts.iter().any(|mount| {
        mount.target == Path::new("/dev")
            && matches!(&mount.what, Planned::New { filesystem, .. } if filesystem == "tmpfs")
    });
    if has_own_dev {
        device::populate(root, config)?;
    }
    device::add(root, config)?;
    mask::make_read_only(root, config.linux.readonly_paths().as_deref().unwrap_or_default())?;
    mask::hide(root, config.linux.masked_paths().as_deref().unwrap_or_default())?;
    if config.root_is_read_only() {
        // Last, so that missing mount points could be made.
        let read_only = Attributes {
            set: MountAttrFlags::MOUNT_ATTR_RDONLY,
            ..Attributes::default()
        };
        mount::set_attributes(root, &read_only).map_err(|source| RootfsError::Attributes {
            path: "/".into(),
            source,
        })?;
    }
    Ok(())
}

/// Makes the plan's root the root and drops the host's; without a mount namespace of its own, the process gets another root alone.
///
/// # Errors
/// [`RootfsError::Pivot`], [`RootfsError::Attributes`].
pub fn enter(plan: &Plan, config: &Config) -> Result<(), RootfsError> {
    let root = plan.root.tree.as_fd();
    let entered = if config.new.contains(Namespaces::MOUNT) {
        mount::pivot(root)
    } else {
        mount::change_root(root)
    };
    entered.map_err(|source| RootfsError::Pivot { source })?;
    let Some(propagation) = &plan.propagation else {
        return Ok(());
    };
    mount::set_attributes(root, propagation).map_err(|source| RootfsError::Attributes {
        path: "/".into(),
        source,
    })
}

fn attach_root(root: BorrowedFd<'_>, config: &Config) -> Result<(), RootfsError> {
    let failed = |source| RootfsError::Attach {
        path: "/".into(),
        source,
    };
    if !config.new.contains(Namespaces::MOUNT) {
        // In sight of the host, in the root directory's own place; `delete` takes it away.
        let place = rustix::fs::open(config.rootfs(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        return mount::attach(root, place.map_err(failed)?.as_fd()).map_err(failed);
    }
    // Nothing done here may reach the host; what the host does later (say, unmounting a disk) may reach us until the old root is gone.
    mount::set_propagation_everywhere(Propagation::Slave).map_err(failed)?;
    let old_root = rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    mount::attach(root, old_root.as_fd()).map_err(failed)
}

fn attach(planned: &PlannedMount, root: BorrowedFd<'_>) -> Result<(), RootfsError> {
    let failed = |source| RootfsError::Attach {
        path: planned.target.clone(),
        source,
    };
    match &planned.what {
        Planned::Bind(tree) => {
            let target = target_for(root, &planned.target, tree)?;
            mount::attach(tree.tree.as_fd(), target.as_fd()).map_err(failed)
        }
        Planned::Groups(groups) => groups.attach(root, &planned.target),
        Planned::New { filesystem, archive } => {
            let target = directory(root, &planned.target)?;
            let tree = create(planned, filesystem)?;
            if let Some((path, file)) = archive {
                ramdisk::unpack(file, tree.as_fd()).map_err(|source| RootfsError::Ramdisk {
                    archive: path.clone(),
                    source,
                })?;
            }
            if planned.options.copy_up {
                copyup::copy(target.as_fd(), tree.as_fd()).map_err(|source| RootfsError::CopyUp {
                    path: planned.target.clone(),
                    source,
                })?;
            }
            mount::attach(tree.as_fd(), target.as_fd()).map_err(failed)
        }
    }
}

fn create(planned: &PlannedMount, filesystem: &str) -> Result<OwnedFd, RootfsError> {
    let options = &planned.options;
    let attributes = options.set | options.set_below | (implied(filesystem) - options.clear);
    let tree = mount::create(filesystem, &options.filesystem, attributes);
    let tree = tree.map_err(|source| RootfsError::Create {
        filesystem: filesystem.to_owned(),
        path: planned.target.clone(),
        options: options.filesystem.clone(),
        source,
    })?;
    if options.propagation != Propagation::Private {
        let change = Attributes {
            propagation: Some(options.propagation),
            ..Attributes::default()
        };
        mount::set_attributes(tree.as_fd(), &change).map_err(|source| RootfsError::Attributes {
            path: planned.target.clone(),
            source,
        })?;
    }
    Ok(tree)
}

/// Nothing in a view of the kernel is ever a program or a device, whatever the configuration forgets to say.
fn implied(filesystem: &str) -> MountAttrFlags {
    match filesystem {
        "proc" | "sysfs" | "mqueue" => {
            MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC
        }
        _ => MountAttrFlags::empty(),
    }
}

fn target_for(root: BorrowedFd<'_>, target: &Path, tree: &HostTree) -> Result<OwnedFd, RootfsError> {
    if tree.is_directory {
        directory(root, target)
    } else {
        file(root, target)
    }
}

/// The directory `target` below `root`, made if missing. No symlink is followed in it: what is mounted in a place that the image
/// chose would be seen elsewhere than the configuration says (CVE-2019-16884, CVE-2021-30465).
pub(super) fn directory(root: BorrowedFd<'_>, target: &Path) -> Result<OwnedFd, RootfsError> {
    match path::make_directories(root, target) {
        // A link like /var/run -> /run is honest in an image, and resolved within the new root it can do no harm.
        Err(Errno::LOOP) if !is_kernel_interface(target) => {
            path::open_in_root(root, target, OFlags::PATH | OFlags::DIRECTORY)
        }
        answer => answer,
    }
    .map_err(|source| RootfsError::Target {
        path: target.into(),
        source,
    })
}

/// Where a misplaced mount would open the kernel's controls.
fn is_kernel_interface(target: &Path) -> bool {
    target.starts_with("/proc") || target.starts_with("/sys") || target.starts_with("/dev")
}

/// The file `target` below `root`, made empty if missing.
pub(super) fn file(root: BorrowedFd<'_>, target: &Path) -> Result<OwnedFd, RootfsError> {
    let failed = |source| RootfsError::Target {
        path: PathBuf::from(target),
        source,
    };
    match path::open_beneath(root, target, OFlags::PATH) {
        Err(Errno::NOENT) => {
            if let Some(parent) = target.parent() {
                directory(root, parent)?;
            }
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
            path::create_beneath(root, target, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
            path::open_beneath(root, target, OFlags::PATH).map_err(failed)
        }
        Err(Errno::LOOP) if !is_kernel_interface(target) => {
            path::open_in_root(root, target, OFlags::PATH).map_err(failed)
        }
        answer => answer.map_err(failed),
    }
}
