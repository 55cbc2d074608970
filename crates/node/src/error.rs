//! What can go wrong on a node.

use crate::{InvalidSpec, RecordError, runtime::RuntimeError};
use guise_image::{ImageError, RecipeError};
use guise_model::{ContainerId, ImageDigest, VolumeId};
use guise_network::NetworkError;
use guise_runtime::cgroup::CgroupError;
use guise_volume::VolumeError;
use std::{io, net::Ipv4Addr, path::PathBuf, time::Duration};

/// An operation on a container, volume or image that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum NodeError {
    #[error("there is no container {id} on this node")]
    NoSuchContainer { id: ContainerId },
    #[error("container {id} is not running")]
    NotRunning { id: ContainerId },
    #[error("container {id} has no frozen app image that could be replaced")]
    NoFrozenApp { id: ContainerId },
    #[error("container {id} has the address {address} for its whole life; make it anew to change that")]
    AddressIsFixed { id: ContainerId, address: Ipv4Addr },
    #[error("container {id} would need slot {slot}, which is beyond the last user id of the machine")]
    NoIds { id: ContainerId, slot: u32 },
    #[error("container {id} has no service {service}")]
    NoSuchService { id: ContainerId, service: String },
    #[error("sv(8) has no signal {signal:?}")]
    NoSuchSignal { signal: String },
    #[error("there is no volume {id} in the pool")]
    NoSuchVolume { id: VolumeId },
    #[error("volume {volume} is mounted in container {container}; remove that first")]
    VolumeInUse {
        volume: VolumeId,
        container: ContainerId,
    },
    #[error("image {} is in use by container {container}", .image.short())]
    ImageInUse {
        image: ImageDigest,
        container: ContainerId,
    },
    /// The process was killed since its time was over.
    #[error("{program} in container {id} was stopped after {} s", .timeout.as_secs())]
    TimedOut {
        id: ContainerId,
        program: String,
        timeout: Duration,
    },
    /// The caller wanted no more of it.
    #[error("cancelled")]
    Cancelled,
    #[error("cannot write files in container {id}: {message}")]
    WriteFiles { id: ContainerId, message: String },
    #[error("cannot exchange input and output with a process in container {id}: {source}")]
    Pipe { id: ContainerId, source: io::Error },
    #[error("cannot give a process in container {id} a terminal: {source}")]
    Terminal { id: ContainerId, source: io::Error },
    #[error("cannot connect from container {id} to {to}: {source}")]
    Connect {
        id: ContainerId,
        to: String,
        source: io::Error,
    },
    #[error("cannot wait for a process in container {id}: {source}")]
    Wait { id: ContainerId, source: io::Error },
    #[error("cannot signal a process in container {id}: {source}")]
    Signal { id: ContainerId, source: io::Error },
    #[error("cannot look into container {id}: {source}")]
    Inspect { id: ContainerId, source: io::Error },
    #[error("cannot open the log {name:?} of container {id}: {source}")]
    Log {
        id: ContainerId,
        name: String,
        source: io::Error,
    },
    #[error("{} in container {id} is no regular file", .path.display())]
    NoRegularFile { id: ContainerId, path: PathBuf },
    #[error("cannot {operation} {}: {source}", .path.display())]
    File {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    InvalidSpec(#[from] InvalidSpec),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error(transparent)]
    Image(ImageError),
    #[error("there is no recipe {recipe}; recipes: {known}")]
    NoSuchRecipe { recipe: String, known: String },
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}

impl From<ImageError> for NodeError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Cancelled => Self::Cancelled,
            other => Self::Image(other),
        }
    }
}
