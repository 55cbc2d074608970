//! The words that all layers share: ids, names, sizes, addresses.
//!
//! Knows what an environment or a container is *called* and how big it is. Never does I/O, reads no clock and
//! depends on nothing but serde, so that the unprivileged borders (`edge`, `cli`) can use it as freely as the
//! daemon.

#![forbid(unsafe_code)]

mod allowance;
mod id;
mod idrange;
mod instance;
mod outbound;
mod size;

pub use allowance::{Allowance, BadAllowance};
pub use id::{
    ActivityId, BackupId, ContainerId, DeploymentId, ImageDigest, InvalidId, Name, ProjectId, UserName,
    VolumeId,
};
pub use idrange::{IdRange, RANGE_SIZE};
pub use instance::{AddressPool, Instance};
pub use outbound::{AddressRange, Outbound};
pub use size::{Limits, Profile, Size, UnknownSize};
