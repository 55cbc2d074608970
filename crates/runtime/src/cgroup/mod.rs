//! cgroups: what the kernel holds a container to, on v1, v2 and hybrid machines, through plain files.
//!
//! A container has the same path in every hierarchy that guise uses. Nothing is ever re-mounted, and nothing outside that path
//! is touched except `cgroup.subtree_control` of its v2 ancestors.

mod block;
mod device;
mod directory;
mod error;
mod freezer;
mod group;
mod hierarchy;
mod limits;
mod other;
mod usage;

pub use error::CgroupError;
pub use group::{Group, Place};
pub use hierarchy::{Hierarchy, Version, discover};
pub use usage::Usage;

use oci_spec::runtime::LinuxResources;
use std::path::Path;

/// The existing group at `path` (absolute, below each hierarchy's root: `/guise/ID`).
///
/// # Errors
/// [`CgroupError`].
pub fn open(path: &Path) -> Result<Group, CgroupError> {
    let hierarchies = discover().map_err(|source| CgroupError::Discover { source })?;
    let every = BESIDES.map(str::to_owned);
    Group::at(&hierarchies, path, &every)
}

/// Controllers that a container is only under when it asks for their limits.
const BESIDES: [&str; 6] = ["cpuset", "blkio", "hugetlb", "rdma", "net_cls", "net_prio"];

/// The group at `path` as `resources` need it; makes nothing.
///
/// # Errors
/// [`CgroupError`].
pub fn place(path: &Path, resources: Option<&LinuxResources>) -> Result<Group, CgroupError> {
    let hierarchies = discover().map_err(|source| CgroupError::Discover { source })?;
    let needed = resources.map(limits::controllers).unwrap_or_default();
    Group::at(&hierarchies, path, &needed)
}

/// The group `group` in the hierarchies that `resources` need; makes nothing.
///
/// # Errors
/// [`CgroupError`].
pub fn widen(group: &Group, resources: &LinuxResources) -> Result<Group, CgroupError> {
    match group.path() {
        Some(path) => Ok(group.with(&place(&path, Some(resources))?)),
        None => Ok(group.clone()),
    }
}

/// What the group at `path` uses now.
///
/// # Errors
/// [`CgroupError`].
pub fn usage(path: &Path) -> Result<Usage, CgroupError> {
    open(path)?.usage()
}

/// Stops every process of the group at `path`.
///
/// # Errors
/// [`CgroupError`].
pub fn freeze(path: &Path) -> Result<(), CgroupError> {
    open(path)?.freeze()
}

/// Lets the processes of the group at `path` go on.
///
/// # Errors
/// [`CgroupError`].
pub fn thaw(path: &Path) -> Result<(), CgroupError> {
    open(path)?.thaw()
}
