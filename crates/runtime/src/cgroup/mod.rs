//! cgroups: what the kernel holds a container to, on v1, v2 and hybrid machines, through plain files.
//!
//! A container has the same path in every hierarchy that guise uses. Nothing is ever re-mounted, and nothing outside that path
//! is touched except `cgroup.subtree_control` of its v2 ancestors.

mod device;
mod directory;
mod error;
mod freezer;
mod group;
mod hierarchy;
mod limits;
mod usage;

pub use error::CgroupError;
pub use group::Group;
pub use hierarchy::{Hierarchy, Version, discover};
pub use usage::Usage;

use std::path::Path;

/// The existing group at `path` (absolute, below each hierarchy's root: `/guise/ID`).
///
/// # Errors
/// [`CgroupError`].
pub fn open(path: &Path) -> Result<Group, CgroupError> {
    let hierarchies = discover().map_err(|source| CgroupError::Discover { source })?;
    Group::at(&hierarchies, path, true)
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
