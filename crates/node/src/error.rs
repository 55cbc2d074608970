//! What can go wrong on a node.

use guise_model::{ContainerId, VolumeId};

/// An operation on a container, volume or image that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Nothing of this id is here.
    #[error("there is no container {id} on this node")]
    NoSuchContainer {
        /// The container.
        id: ContainerId,
    },
    /// The container is here but its PID 1 has ended.
    #[error("container {id} is not running")]
    NotRunning {
        /// The container.
        id: ContainerId,
    },
    /// No volume of this id is in the pool.
    #[error("there is no volume {id} in the pool")]
    NoSuchVolume {
        /// The volume.
        id: VolumeId,
    },
    /// A process was killed since its time was over.
    #[error("{program} in container {id} was stopped after {} s", .timeout.as_secs())]
    TimedOut {
        /// The container.
        id: ContainerId,
        /// The program.
        program: String,
        /// How long it was given.
        timeout: std::time::Duration,
    },
    /// The caller wanted no more of it.
    #[error("cancelled")]
    Cancelled,
}
