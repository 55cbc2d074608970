//! One machine's executor: the only thing that touches containers.
//!
//! Knows images, volumes, links, bundles and processes, and how to make them equal to a [`ContainerSpec`]. Never
//! knows what a project, an environment or a YAML file is. Everything that crosses into it is plain data that
//! names images, volumes and addresses by id, never by a local path: this is the seam where a second machine will
//! attach.
//!
//! [`Node`] composes four mechanisms that know nothing of each other: the runtime (run as the program
//! `guise runtime`, so that a multi-threaded daemon never forks), the image store, the volume pool and the network.

#![forbid(unsafe_code)]

mod adopt;
mod bundle;
mod check;
mod child;
mod container;
mod error;
mod exec;
mod images;
mod inspect;
mod lines;
mod listener;
mod node;
mod outbound;
mod processes;
mod procfs;
mod pump;
mod ramdisk;
mod reach;
mod record;
mod room;
mod runtime;
mod session;
mod snapshot;
mod spec;
mod supervisor;
#[cfg(test)]
mod testing;
mod truth;
mod view;
mod volumes;

pub mod doctor;

pub use check::InvalidSpec;
pub use error::NodeError;
pub use node::{Node, NodeConfig};
pub use record::RecordError;
pub use runtime::RuntimeError;
pub use session::{ExecSession, ExecStdio};
pub use spec::{
    AppImage, ContainerSpec, Egress, HostEntry, Link, Process, RunFile, STOP_GRACE_SECONDS, Scratch, User,
    VolumeMount, WritableApp,
};
pub use truth::{Chapter, Lie, Namespace, Truth};
pub use view::{
    ContainerState, ContainerStatus, ImageKind, ImageView, Listen, Output, PoolUsage, ProcessView, Usage,
};

// Plain data, which the layer above holds without knowing the crate it comes from.
pub use guise_volume::{Growth, Room, VolumeUse};
