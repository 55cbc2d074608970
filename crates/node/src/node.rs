//! The node: what the layer above holds.

use crate::{
    ContainerSpec, ContainerStatus, ExecSession, ImageView, Link, Listen, NodeError, Output, PoolUsage,
    Process, ProcessView, RunFile, Usage, User,
};
use guise_model::{ContainerId, ImageDigest, Instance, VolumeId};
use std::{fs::File, path::PathBuf, sync::atomic::AtomicBool, time::Duration};

/// Where a node keeps things and what it may use.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The state directory, canonical: `/var/lib/guise`. The node owns `pool.btrfs`, `pool/`, `images/`,
    /// `containers/`, `network/` and `runtime/` below it.
    pub state: PathBuf,
    /// Marks and ranges of this guise.
    pub instance: Instance,
    /// The program whose subcommand `runtime` is the container runtime.
    pub program: PathBuf,
    /// Arguments before the runtime's verb; `["runtime"]` for the `guise` binary.
    pub program_args: Vec<String>,
    /// Directories with image recipes; later ones win.
    pub recipes: Vec<PathBuf>,
    /// Built base images by recipe hash, shared between guises.
    pub image_cache: Option<PathBuf>,
    /// Size of a new sparse pool file, in bytes.
    pub pool_bytes: u64,
}

/// One machine's executor. Cheap to clone; every method may be called from any thread at any time: calls for the
/// same container wait for each other, calls for different ones do not.
#[derive(Debug, Clone)]
pub struct Node {}

#[allow(unused_variables)]
impl Node {
    /// Prepares pool, image store and network, adopts the containers that live, and removes what carries this
    /// guise's mark and has no record.
    ///
    /// # Errors
    /// When one of the four mechanisms cannot be prepared.
    pub fn open(config: NodeConfig) -> Result<Self, NodeError> {
        todo!()
    }

    /// Removes everything this node has on the machine but its files: containers, mounts, links, rules, cgroups.
    ///
    /// # Errors
    /// The first thing that could not be removed, after all have been tried.
    pub fn close_machine(&self) -> Result<(), NodeError> {
        todo!()
    }

    /// Marks and ranges of this guise.
    pub fn instance(&self) -> &Instance {
        todo!()
    }

    /// All containers, by id.
    pub fn containers(&self) -> Vec<ContainerStatus> {
        todo!()
    }

    /// One container.
    pub fn container(&self, id: &ContainerId) -> Option<ContainerStatus> {
        todo!()
    }

    /// Makes a whole container and starts its PID 1. A container of this id that runs already is left as it is.
    ///
    /// # Errors
    /// The step that failed; everything before it has been undone.
    pub fn create(&self, spec: &ContainerSpec) -> Result<(), NodeError> {
        todo!()
    }

    /// Stops a container cleanly, within `grace`, and removes it. Volumes and images stay. No such container is
    /// success.
    ///
    /// # Errors
    /// What could not be removed; calling again tries the rest again.
    pub fn remove(&self, id: &ContainerId, grace: Duration) -> Result<(), NodeError> {
        todo!()
    }

    /// Puts another frozen image at a running container's `/app`, with no instant without one.
    ///
    /// # Errors
    /// When the image is unknown, lacks a mount point, or the kernel refuses; the old image is still there then.
    pub fn swap_app(&self, id: &ContainerId, image: &ImageDigest) -> Result<(), NodeError> {
        todo!()
    }

    /// Writes and removes generated files below `/run` of a running container, each replaced in one step.
    ///
    /// # Errors
    /// When the container does not run or its `tar` or `rm` fails.
    pub fn write_files(
        &self,
        id: &ContainerId,
        files: &[RunFile],
        remove: &[String],
    ) -> Result<(), NodeError> {
        todo!()
    }

    /// Brings names, allowed connections and egress of a running container up to date.
    ///
    /// # Errors
    /// When the container does not run or the network refuses.
    pub fn connect(&self, id: &ContainerId, link: &Link) -> Result<(), NodeError> {
        todo!()
    }

    /// Runs a process in a container and gathers its output.
    ///
    /// # Errors
    /// When it cannot be started or does not end within `timeout` (it is killed then).
    pub fn exec(
        &self,
        id: &ContainerId,
        process: &Process,
        stdin: &[u8],
        timeout: Duration,
    ) -> Result<Output, NodeError> {
        todo!()
    }

    /// Runs a process in a container and hands on its output and errors line by line, as they come. Returns its
    /// exit status.
    ///
    /// # Errors
    /// As [`exec`](Self::exec); [`NodeError::Cancelled`] once `cancel` became true and the process was killed.
    pub fn exec_stream(
        &self,
        id: &ContainerId,
        process: &Process,
        stdin: &[u8],
        timeout: Option<Duration>,
        cancel: &AtomicBool,
        line: &mut dyn FnMut(&str),
    ) -> Result<i32, NodeError> {
        todo!()
    }

    /// Starts a process in a container for somebody who talks to it: on a terminal of `tty` (columns, rows), else
    /// on pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn exec_interactive(
        &self,
        id: &ContainerId,
        process: &Process,
        tty: Option<(u16, u16)>,
    ) -> Result<ExecSession, NodeError> {
        todo!()
    }

    /// Sends a runit service the TERM and lets it start again. Returns at once.
    ///
    /// # Errors
    /// When the container does not run or has no such service.
    pub fn restart_service(&self, id: &ContainerId, service: &str) -> Result<(), NodeError> {
        todo!()
    }

    /// Sends a runit service a signal, by sv(8)'s name for it: `hup`, `usr1`, `term`.
    ///
    /// # Errors
    /// When the container does not run or has no such service.
    pub fn signal_service(&self, id: &ContainerId, service: &str, signal: &str) -> Result<(), NodeError> {
        todo!()
    }

    /// The inode of the socket that listens inside; `None` when nobody listens. Another inode means another
    /// process opened it anew.
    ///
    /// # Errors
    /// When the container does not run.
    pub fn listener(&self, id: &ContainerId, socket: &Listen) -> Result<Option<u64>, NodeError> {
        todo!()
    }

    /// Opens a file of the container's scratch directory `log`: a regular file, links are not followed. `None`
    /// when there is none.
    ///
    /// # Errors
    /// When the file is no regular file or cannot be opened.
    pub fn log(&self, id: &ContainerId, name: &str) -> Result<Option<File>, NodeError> {
        todo!()
    }

    /// A container's processes, PID 1 first.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn processes(&self, id: &ContainerId) -> Result<Vec<ProcessView>, NodeError> {
        todo!()
    }

    /// What a container uses at the moment.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn usage(&self, id: &ContainerId) -> Result<Usage, NodeError> {
        todo!()
    }

    /// Makes a volume, owned inside by `owner`. One that exists is left as it is but for its quota.
    ///
    /// # Errors
    /// When the pool refuses.
    pub fn volume_create(
        &self,
        id: &VolumeId,
        quota_bytes: Option<u64>,
        owner: User,
        mode: u32,
    ) -> Result<(), NodeError> {
        todo!()
    }

    /// Deletes a volume and all in it. No such volume is success.
    ///
    /// # Errors
    /// When the pool refuses, or a container has it mounted.
    pub fn volume_delete(&self, id: &VolumeId) -> Result<(), NodeError> {
        todo!()
    }

    /// A volume's directory on the host: only for host code that fills a volume in which nobody runs yet.
    ///
    /// # Errors
    /// When there is no such volume.
    pub fn volume_path(&self, id: &VolumeId) -> Result<PathBuf, NodeError> {
        todo!()
    }

    /// All volumes.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn volumes(&self) -> Result<Vec<VolumeId>, NodeError> {
        todo!()
    }

    /// Room in the pool.
    ///
    /// # Errors
    /// When the pool cannot be read.
    pub fn pool_usage(&self) -> Result<PoolUsage, NodeError> {
        todo!()
    }

    /// Freezes a volume's tree into an image of the store.
    ///
    /// # Errors
    /// When mksquashfs fails, or `cancel` became true.
    pub fn freeze(&self, volume: &VolumeId, cancel: &AtomicBool) -> Result<ImageDigest, NodeError> {
        todo!()
    }

    /// Whether the store has an image.
    pub fn has_image(&self, image: &ImageDigest) -> bool {
        todo!()
    }

    /// Deletes an image that no container uses. No such image is success.
    ///
    /// # Errors
    /// When a container uses it or the file cannot be removed.
    pub fn delete_image(&self, image: &ImageDigest) -> Result<(), NodeError> {
        todo!()
    }

    /// All images of the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn images(&self) -> Result<Vec<ImageView>, NodeError> {
        todo!()
    }

    /// The base image of a recipe's version; built when it is neither in the store nor in the cache, or when
    /// `refresh` asks for it.
    ///
    /// # Errors
    /// When there is no such recipe or version, or its build fails.
    pub fn base_image(
        &self,
        recipe: &str,
        version: &str,
        refresh: bool,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<ImageDigest, NodeError> {
        todo!()
    }
}
