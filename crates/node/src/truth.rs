//! What a container's inside believes, and what is so: read from the kernel at the moment of asking.
//!
//! What the inside believes is what the container was made to see; what is so comes from proc(5), the cgroup and the
//! node's own records. Nothing is read through a path that the container controls.

mod limits;
mod link;
mod mounts;
mod namespaces;
mod rights;
mod users;

pub use namespaces::Namespace;

use crate::{ContainerSpec, Node, NodeError, ProcessView, procfs};
use guise_model::ContainerId;
use std::{fs, io};

/// All lies that a running container is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The lies, kind by kind.
    pub chapters: Vec<Chapter>,
    /// Its processes, by both numbers and both users.
    pub processes: Vec<ProcessView>,
    /// The namespaces of its PID 1.
    pub namespaces: Vec<Namespace>,
}

/// The lies of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// What they are about: `users`, `network`.
    pub title: &'static str,
    /// The lies.
    pub lies: Vec<Lie>,
}

/// One thing that a container's inside believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lie {
    /// What it is about.
    pub about: String,
    /// What the inside sees.
    pub inside: String,
    /// What is so.
    pub outside: String,
}

impl Lie {
    fn new(about: impl Into<String>, inside: impl Into<String>, outside: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            inside: inside.into(),
            outside: outside.into(),
        }
    }
}

impl Node {
    /// What a running container believes, and what is so.
    ///
    /// # Errors
    /// When the container does not run, or ends while it is looked at.
    pub fn truth(&self, id: &ContainerId) -> Result<Truth, NodeError> {
        let (entry, init) = self.running(id)?;
        let spec = entry.record().spec;
        let truth = self.look(&spec, init.pid).map_err(|source| NodeError::Inspect {
            id: id.clone(),
            source,
        })?;
        let truth = Truth {
            processes: self.processes(id)?,
            ..truth
        };
        // Its number may have come to mean another process while it was looked at.
        if init.lives() {
            Ok(truth)
        } else {
            Err(NodeError::NotRunning { id: id.clone() })
        }
    }

    fn look(&self, spec: &ContainerSpec, init: u32) -> io::Result<Truth> {
        let usage = self.usage(&spec.id).unwrap_or_default();
        let chapters = vec![
            chapter("machine", machine(spec)?),
            chapter("users", users::lies(&file(init, "uid_map")?)),
            chapter(
                "network",
                link::lies(&spec.link, &self.inner.network.link_name(&spec.id)),
            ),
            chapter(
                "files",
                mounts::lies(
                    &file(init, "mountinfo")?,
                    &fs::read_to_string("/proc/self/mountinfo")?,
                ),
            ),
            chapter("limits", limits::lies(&spec.limits, usage)?),
            chapter("rights", rights::lies(&file(init, "status")?)),
        ];
        Ok(Truth {
            chapters,
            processes: Vec::new(),
            namespaces: namespaces::of(init)?,
        })
    }
}

fn chapter(title: &'static str, lies: Vec<Lie>) -> Chapter {
    Chapter { title, lies }
}

/// A text of `/proc/PID`; empty when the process has ended.
fn file(pid: u32, name: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&procfs::read(pid, name)?.unwrap_or_default()).into_owned())
}

/// Its name, and the kernel, about which nobody lies.
fn machine(spec: &ContainerSpec) -> io::Result<Vec<Lie>> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = format!("Linux {}", kernel.trim());
    Ok(vec![
        Lie::new(
            "host name",
            &spec.hostname,
            format!("container {} on {}", spec.id, host.trim()),
        ),
        Lie::new("kernel", kernel, "the same: there is only one"),
    ])
}
