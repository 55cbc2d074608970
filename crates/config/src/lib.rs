//! Configuration files of a commit, as a typed model or as everything that is wrong with them.
//!
//! Knows the YAML dialect, the keys and their rules, and how to show a person the line that is wrong
//! (`platform-config` digest, sections 0 to 3).
//! Is pure: it sees files only through [`Tree`] and images only through [`Types`].
//! Must never know containers, disks, networks, clocks or where the files come from.

#![forbid(unsafe_code)]

mod cron_spec;
mod diagnostic;
mod fields;
mod files;
mod include;
mod load;
mod model;
mod parse;
mod read;
mod render;
mod sarif;
mod schema;
mod source;
mod suggest;
mod support;
mod types;
mod yaml;

pub use cron_spec::{CronField, CronSpec, CronTerm, InvalidCronSpec};
pub use diagnostic::{Diagnostic, Label, Severity};
pub use load::{Loaded, load};
pub use model::*;
pub use render::{Colour, render};
pub use sarif::sarif;
pub use schema::{SchemaOf, schema};
pub use source::{SourceFile, Span, Tree};
pub use types::{NETWORK_STORAGE, Resolution, ServiceType, TypeList, Types, resolve};
