//! What a container's inside believes, and what is so.

use crate::{Lie, ProcessView};
use guise_model::ContainerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All lies that one running container is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Truth {
    /// The container.
    #[schema(value_type = String)]
    pub id: ContainerId,
    /// The app, worker (`app--worker`) or service it is.
    pub name: String,
    /// The environment it serves.
    pub environment: String,
    /// The lies, kind by kind.
    pub chapters: Vec<Chapter>,
    /// Its processes.
    pub processes: Vec<ProcessView>,
    /// The namespaces that its first process is in.
    pub namespaces: Vec<Namespace>,
}

/// The lies of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chapter {
    /// What they are about: `users`, `network`.
    pub title: String,
    /// The lies.
    pub lies: Vec<Lie>,
}

/// A namespace (namespaces(7)). Two containers with the same number of a kind share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Namespace {
    /// What kind, as in `/proc/PID/ns`: `user`, `mnt`.
    pub kind: String,
    /// What is private to a namespace of this kind.
    pub hides: String,
    /// Its inode number.
    pub number: u64,
    /// Whether it is the machine's own.
    pub of_machine: bool,
}
