//! From an app's definition and a commit to a frozen image.
//!
//! Knows how a commit is checked out, of which scripts a build consists and in which container they run, and what
//! decides whether two builds would make the same image ([`build_id`]). What an app is, it takes from `config`; how
//! containers, volumes and images are made, from `node`. Never knows environments, activities or where a build id is
//! remembered.

#![forbid(unsafe_code)]

mod build;
mod caches;
mod certificates;
mod checkout;
mod container;
mod id;
mod mount_points;
mod shell;
mod source;
mod stage;
mod submodules;
mod tail;
#[cfg(test)]
mod testing;

pub use build::{BuildError, BuildRequest, build};
pub use checkout::{CheckoutError, remove_leftovers, tree_id};
pub use id::{BuildId, build_id};
pub use mount_points::MountPointError;
pub use source::{Source, SourceCommand, SourceError};
