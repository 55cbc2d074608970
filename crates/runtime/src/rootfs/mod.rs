//! A container's file tree: what it is made of (`source`), how it is put together (`attach`).

mod attach;
mod control;
mod copyup;
mod device;
mod error;
mod idmap;
mod mask;
mod node;
mod option;
mod ramdisk;
mod source;

pub use attach::{assemble, enter};
pub use error::RootfsError;
pub use option::{MOUNT_OPTIONS, is_propagation};
pub use source::{IDMAP_ROOT, NO_SYMLINKS, Plan, RAMDISK};
