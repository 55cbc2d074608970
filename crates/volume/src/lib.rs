//! Volumes: btrfs subvolumes in one pool, copied on write.
//!
//! Knows the pool (a sparse file behind a loop device, or a directory when the state directory is on btrfs), its
//! subvolumes, snapshots and limits. Never knows whose a volume is or what is in it. Owners are ids as they are
//! *inside* a container: whoever mounts a volume maps them.
//!
//! What is inside a volume belongs to containers and is hostile: no path into it is followed through a link.

#![forbid(unsafe_code)]

mod error;
mod growth;
mod nested;
mod pool;
mod quota;
mod stream;
mod subvolume;

pub use error::VolumeError;
pub use growth::{Growth, Room};
pub use pool::Pool;
pub use quota::VolumeUse;
