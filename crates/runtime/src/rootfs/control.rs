//! A mount of type `cgroup`: the container's own groups, and nothing above them.
//!
//! Bound and not mounted anew: a hierarchy's root, with its `release_agent`, never comes near the container (CVE-2022-0492).

use super::attach::directory;
use super::error::RootfsError;
use super::option::Options;
use super::source::{HostTree, set_options, take};
use crate::cgroup::{Group, Version};
use guise_sys::mount::{self, Attributes, MountAttrFlags};
use rustix::fs::symlinkat;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The groups of a container, taken from the host.
#[derive(Debug)]
pub struct Groups(Vec<Hierarchy>);

#[derive(Debug)]
struct Hierarchy {
    name: OsString,
    version: Version,
    controllers: Vec<String>,
    tree: HostTree,
}

impl Groups {
    /// Takes the directories of `group`.
    ///
    /// # Errors
    /// [`RootfsError::Source`], [`RootfsError::Attributes`].
    pub fn take(group: &Group, options: &Options) -> Result<Self, RootfsError> {
        let hierarchies = group.places().map(|place| {
            let tree = take(place.path, false, false, false)?;
            set_options(&tree, options)?;
            Ok(Hierarchy {
                name: place.name.to_owned(),
                version: place.version,
                controllers: place.controllers.to_vec(),
                tree,
            })
        });
        Ok(Self(hierarchies.collect::<Result<_, _>>()?))
    }

    /// Attaches them at `target` below `root`: on a machine with v2 alone the group itself, else a directory with one for each hierarchy,
    /// and a link for each controller of a hierarchy that has several.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn attach(&self, root: BorrowedFd<'_>, target: &Path) -> Result<(), RootfsError> {
        let failed = |source| RootfsError::Attach {
            path: target.into(),
            source,
        };
        let place = directory(root, target)?;
        if let [only] = self.0.as_slice()
            && only.version == Version::V2
        {
            return mount::attach(only.tree.tree.as_fd(), place.as_fd()).map_err(failed);
        }
        let options = ["mode=755".to_owned()];
        let frame = mount::create("tmpfs", &options, MountAttrFlags::empty()).map_err(failed)?;
        for hierarchy in &self.0 {
            let place = directory(frame.as_fd(), Path::new(&hierarchy.name))?;
            mount::attach(hierarchy.tree.tree.as_fd(), place.as_fd()).map_err(failed)?;
            let others = hierarchy
                .controllers
                .iter()
                .filter(|name| hierarchy.name != name.as_str());
            for name in others.filter(|_| hierarchy.controllers.len() > 1) {
                symlinkat(hierarchy.name.as_os_str(), frame.as_fd(), name.as_str()).map_err(failed)?;
            }
        }
        mount::attach(frame.as_fd(), place.as_fd()).map_err(failed)?;
        let read_only = Attributes {
            set: MountAttrFlags::MOUNT_ATTR_RDONLY
                | MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC,
            ..Attributes::default()
        };
        mount::set_attributes(frame.as_fd(), &read_only).map_err(failed)
    }
}
