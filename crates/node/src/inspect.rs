//! Looking at a container without disturbing it.

use crate::{Listen, Node, NodeError, ProcessView, Usage, listener, processes, supervisor};
use guise_model::{ContainerId, IdRange};
use guise_runtime::cgroup;
use guise_sys::Errno;
use rustix::fs::{FileType, Mode, OFlags};
use std::{
    fs::File,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

/// Name of the scratch directory with a container's logs.
pub(crate) const LOG: &str = "log";

/// SIGTERM.
const TERM: i32 = 15;

impl Node {
    /// Sends all processes of a runit service the TERM and lets runit start it again. Returns at once.
    ///
    /// All, and not the first alone as `sv term` does: a start command like `cd web && serve` is a shell whose child
    /// would go on and keep the port.
    ///
    /// # Errors
    /// When the container does not run or has no such service.
    pub fn restart_service(&self, id: &ContainerId, service: &str) -> Result<(), NodeError> {
        let processes = self.processes_of_running(id)?;
        let tree = supervisor::whole_tree(&processes, service);
        let tree = tree.ok_or_else(|| NodeError::NoSuchService {
            id: id.clone(),
            service: service.into(),
        })?;
        supervisor::signal_all(&tree, TERM).map_err(|source| NodeError::Signal {
            id: id.clone(),
            source,
        })
    }

    /// Sends the main process of a runit service a signal, by sv(8)'s name for it: `hup`, `term`, `kill`. A service
    /// that is down gets none.
    ///
    /// # Errors
    /// When the container does not run or has no such service, or there is no such signal.
    pub fn signal_service(&self, id: &ContainerId, service: &str, signal: &str) -> Result<(), NodeError> {
        let number = supervisor::signal(signal).ok_or_else(|| NodeError::NoSuchSignal {
            signal: signal.into(),
        })?;
        let processes = self.processes_of_running(id)?;
        let process = supervisor::main_process(&processes, service);
        let process = process.ok_or_else(|| NodeError::NoSuchService {
            id: id.clone(),
            service: service.into(),
        })?;
        supervisor::signal_all(process.as_slice(), number).map_err(|source| NodeError::Signal {
            id: id.clone(),
            source,
        })
    }

    /// The inode of the socket that listens inside; `None` when nobody listens. Another inode means another
    /// process opened it anew.
    ///
    /// # Errors
    /// When the container does not run.
    pub fn listener(&self, id: &ContainerId, socket: &Listen) -> Result<Option<u64>, NodeError> {
        let (_, init) = self.running(id)?;
        listener::find(init.pid, socket).map_err(|source| NodeError::Inspect {
            id: id.clone(),
            source,
        })
    }

    /// Opens a file of the container's scratch directory `log`: a regular file, links are not followed. `None`
    /// when there is none.
    ///
    /// # Errors
    /// When the file is no regular file or cannot be opened.
    pub fn log(&self, id: &ContainerId, name: &str) -> Result<Option<File>, NodeError> {
        self.entry(id)
            .ok_or_else(|| NodeError::NoSuchContainer { id: id.clone() })?;
        let path = self.inner.pool.scratch_path(id).join(LOG).join(name);
        let failed = |errno: Errno| NodeError::Log {
            id: id.clone(),
            name: name.into(),
            source: errno.into(),
        };
        let open =
            |directory: &Path, flags| rustix::fs::open(directory, flags | OFlags::CLOEXEC, Mode::empty());
        let directory = match open(
            &self.inner.pool.scratch_path(id).join(LOG),
            OFlags::PATH | OFlags::DIRECTORY,
        ) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(failed)?,
        };
        // The container may have planted anything under the name: a link, a pipe that blocks who opens it.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match guise_sys::path::open_beneath(directory.as_fd(), Path::new(name), flags) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(failed)?,
        };
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&file).map_err(failed)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(NodeError::NoRegularFile { id: id.clone(), path });
        }
        Ok(Some(file.into()))
    }

    /// A container's processes, PID 1 first.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn processes(&self, id: &ContainerId) -> Result<Vec<ProcessView>, NodeError> {
        let entry = self
            .entry(id)
            .ok_or_else(|| NodeError::NoSuchContainer { id: id.clone() })?;
        let ids: IdRange = self.ids(&entry.record().spec)?;
        let pids = cgroup::open(&self.cgroup(id)).and_then(|group| group.processes())?;
        let pids: Vec<u32> = pids.into_iter().filter_map(|pid| pid.try_into().ok()).collect();
        processes::view(&pids, ids).map_err(|source| NodeError::Inspect {
            id: id.clone(),
            source,
        })
    }

    /// What a container uses at the moment.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn usage(&self, id: &ContainerId) -> Result<Usage, NodeError> {
        self.entry(id)
            .ok_or_else(|| NodeError::NoSuchContainer { id: id.clone() })?;
        let usage = cgroup::usage(&self.cgroup(id))?;
        Ok(Usage {
            memory_bytes: usage.memory_bytes,
            cpu_usec: usage.cpu_usec,
            pids: usage.pids,
        })
    }

    fn processes_of_running(&self, id: &ContainerId) -> Result<Vec<ProcessView>, NodeError> {
        self.running(id)?;
        self.processes(id)
    }

    /// A container's cgroup, below each hierarchy's root.
    pub(crate) fn cgroup(&self, id: &ContainerId) -> PathBuf {
        Path::new("/")
            .join(&self.inner.config.instance.name)
            .join(id.as_str())
    }
}
