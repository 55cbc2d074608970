//! Configuration files of a commit, as a typed model or as everything that is wrong with them.
//!
//! Knows the YAML dialect, the keys and their rules, and how to show a person the line that is wrong
//! (`platform-config` digest, sections 0 to 3).
//! Is pure: it sees files only through [`Tree`] and images only through [`Types`].
//! Must never know containers, disks, networks, clocks or where the files come from.

#![forbid(unsafe_code)]

mod model;

pub use model::*;
