//! What a container should be, as plain data.

use guise_model::{ContainerId, ImageDigest, Limits, Outbound, VolumeId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A whole container: which lies are told to which processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its id, unique on this node and never reused.
    pub id: ContainerId,
    /// What people call it, e.g. `guestbook/main/app`. Only shown.
    pub name: String,
    /// Host name inside.
    pub hostname: String,
    /// Which slot of the instance's ranges it has: its address and its id range. From 1; slot 0 is guise's own.
    pub slot: u32,
    /// The base image, mounted read-only as `/`.
    pub base: ImageDigest,
    /// What is at `/app`; `None` for services.
    pub app: Option<AppImage>,
    /// Writable directories from volumes.
    pub mounts: Vec<VolumeMount>,
    /// Writable directories that live and die with the container.
    pub scratch: Vec<Scratch>,
    /// Generated files on the ramdisk at `/run`.
    pub files: Vec<RunFile>,
    /// PID 1.
    pub process: Process,
    /// What the kernel holds it to.
    pub limits: Limits,
    /// Its place in the network.
    pub link: Link,
    /// How long it may take to stop by itself before it is killed, in seconds; 0 kills at once.
    #[serde(default = "usual_stop_grace")]
    pub stop_grace_seconds: u32,
}

/// How long apps and workers may take to stop by themselves, in seconds (spec 1.9).
pub const STOP_GRACE_SECONDS: u32 = 15;

fn usual_stop_grace() -> u32 {
    STOP_GRACE_SECONDS
}

/// What a container has at `/app`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AppImage {
    /// A frozen app image, read-only: every app and worker.
    Frozen {
        /// The image.
        image: ImageDigest,
    },
    /// A writable checkout: build containers.
    Writable(WritableApp),
}

/// The writable checkout of a build container: a whole volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritableApp {
    /// The volume whose root is `/app`.
    pub volume: VolumeId,
}

/// A writable directory in a container, from a directory of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// The volume.
    pub volume: VolumeId,
    /// Directory within the volume, relative, without `..`; empty for the whole volume. Made if missing.
    pub source_path: String,
    /// Absolute path inside. Must exist in the image.
    pub target: String,
    /// Whether it can be written.
    pub read_only: bool,
    /// User and group (inside ids) that own a directory which had to be made.
    pub owner: User,
}

/// A writable directory that is made empty with the container and removed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// Name of the directory within the container's scratch space: `tmp`, `log`. One path component.
    pub name: String,
    /// Absolute path inside. Must exist in the image.
    pub target: String,
    /// Permission bits, e.g. `0o1777`.
    pub mode: u32,
    /// Owner (inside ids).
    pub owner: User,
}

/// A generated file on the container's ramdisk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunFile {
    /// Path below `/run`, relative: `guise/nginx.conf`. Directories are made as needed.
    pub path: String,
    /// The content.
    pub content: String,
    /// Permission bits, e.g. `0o644`, `0o755`.
    pub mode: u32,
}

/// A user and group by their ids inside the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User id inside.
    pub uid: u32,
    /// Group id inside.
    pub gid: u32,
}

/// A process to run in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Program and arguments; the program as an absolute path or looked up in `env`'s `PATH`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Working directory inside.
    pub cwd: String,
    /// Who it runs as. Also owns the ramdisk's files.
    pub user: User,
}

/// A container's place in the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its address.
    pub address: Ipv4Addr,
    /// Names it can resolve besides `localhost` and its own host name: `database.internal`.
    pub hosts: Vec<HostEntry>,
    /// Which connections to the outside world it may open.
    pub egress: Egress,
    /// Whether it may hand mail to the relay.
    #[serde(default)]
    pub mail: bool,
    /// Containers and ports it may connect to; everything else is dropped.
    pub connect: Vec<(Ipv4Addr, u16)>,
}

/// One line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Connections to the outside world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Egress {
    /// None: services.
    Deny,
    /// TCP to anywhere but port 25, and name lookups: apps and builds.
    Allow,
    /// TCP where one of the rules matches, but for port 25, and name lookups: apps with a firewall.
    Only(Vec<Outbound>),
}
