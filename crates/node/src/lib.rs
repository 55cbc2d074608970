//! One machine's executor: the only thing that touches containers.
//!
//! Knows images, volumes, links, bundles and processes, and how to make them equal to a [`ContainerSpec`]. Never
//! knows what a project, an environment or a YAML file is. Everything that crosses into it is plain data that
//! names images, volumes and addresses by id, never by a local path: this is the seam where a second machine will
//! attach.

#![forbid(unsafe_code)]

mod spec;

pub use spec::{
    AppImage, ContainerSpec, Egress, HostEntry, Link, Process, RunFile, Scratch, User, VolumeMount,
    WritableApp,
};
