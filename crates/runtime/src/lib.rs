//! The container runtime: an OCI runtime-spec config.json becomes a process with its own view of the machine.
//!
//! A container is nothing that the kernel knows: it is namespaces, a control group, mounts and given-up rights around a process.
//! Each of these lies is one module here; `create` and `init` put them together, from outside and from inside, and `exec`,
//! `swap`, `signal` and `delete` work on what runs. The command line (`cli`) is runc's, plus `swap`.
//!
//! It knows the OCI specification and `sys`. It must never know what a project, an app or an image is, and it stays
//! lean: no threads, no async runtime, no daemon. What it needs to remember is in its state directory.
#![forbid(unsafe_code)]

mod binary;
pub mod cgroup;
mod cli;
mod clock;
mod config;
mod console;
mod container;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod foreground;
mod gate;
mod guard;
mod hook;
mod id_map;
mod identity;
mod init;
mod memory_policy;
mod numbers;
mod ps;
mod refuse;
mod report;
mod rootfs;
mod scheduling;
mod seccomp;
mod show;
mod signal;
mod start;
pub mod state;
mod swap;
mod template;
mod update;

pub use cli::run;
pub use container::{ContainerName, InvalidName};
pub use rootfs::{IDMAP_ROOT, NO_SYMLINKS, RAMDISK};
pub use seccomp::default_seccomp;
pub use template::{MASKED_PATHS, READONLY_PATHS, spec as template};
