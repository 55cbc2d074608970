//! Apps, workers and what belongs to them.

use super::{Firewall, Operation, SourceOperation, Web};
use guise_model::{Name, Profile, Size};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Variables by prefix, then by name: `{"env": {"DEBUG": "1"}}` (spec 1.12).
pub type Variables = BTreeMap<String, BTreeMap<String, Value>>;

/// An app. What `web:` may override of the top level is here as it holds in the web container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its name, unique in the project.
    pub name: Name,
    /// Its language and version.
    pub runtime: Runtime,
    /// The file that configures it, relative to the repository.
    pub config_file: String,
    /// Directory of its code relative to the repository, without slashes at the ends; empty for the repository's root.
    pub source_root: String,
    /// Size of the web container.
    pub size: Size,
    /// Column of the size table.
    pub profile: Profile,
    /// What it may reach.
    pub relationships: Vec<Relationship>,
    /// Space for `local` mounts, in megabytes of 10^6 bytes.
    pub disk_mb: Option<u64>,
    /// Writable directories of the web container.
    pub mounts: Vec<Mount>,
    /// How it is served.
    pub web: Web,
    /// Its workers, inheritance applied.
    pub workers: Vec<Worker>,
    /// Its scheduled commands.
    pub crons: Vec<Cron>,
    /// Scripts at build and deploy time.
    pub hooks: Hooks,
    /// How its packages are installed.
    pub build: Build,
    /// Global packages: language to what its installer takes (spec 1.13).
    pub dependencies: Map<String, Value>,
    /// Its variables.
    pub variables: Variables,
    /// Time zone of its crons; UTC when absent.
    pub timezone: Option<String>,
    /// Least role for ssh: `{"ssh": "contributor"}`.
    pub access: BTreeMap<String, String>,
    /// Lines for `/etc/hosts`: host to address.
    pub additional_hosts: BTreeMap<String, String>,
    /// `runtime:` as written: PHP extensions and the like (spec 1.14).
    pub runtime_settings: Map<String, Value>,
    /// What people may have run in its containers.
    pub operations: Vec<Operation>,
    /// What people may have done to its code.
    pub source_operations: Vec<SourceOperation>,
    /// Whom its web container may talk to outside; anybody when absent.
    pub firewall: Option<Firewall>,
    /// Security checks at build time as written.
    pub preflight: Value,
    /// `resources:` as written.
    pub resources: Option<Value>,
}

/// A language and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// `python`.
    pub name: String,
    /// As written: `3.12`. Empty when the legacy form without a version was used.
    pub version: String,
    /// As there is an image for it: `3.13`.
    pub resolved: String,
}

impl Runtime {
    /// `python:3.12`, as written.
    pub fn as_written(&self) -> String {
        if self.version.is_empty() {
            self.name.clone()
        } else {
            format!("{}:{}", self.name, self.version)
        }
    }
}

/// Something an app, worker or service may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Its name: `<name>.internal` inside.
    pub name: Name,
    /// Whom it leads to.
    pub target: Target,
    /// Which of the target's endpoints: `mysql`, `http`.
    pub endpoint: String,
}

/// Whom a relationship leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Target {
    Service(Name),
    App(Name),
}

impl Target {
    /// The app's or service's name.
    pub fn name(&self) -> &Name {
        match self {
            Self::Service(name) | Self::App(name) => name,
        }
    }
}

/// A writable directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where, relative to `/app`, without slashes at the ends and without `..`.
    pub path: String,
    /// What backs it.
    pub source: MountSource,
    /// Directory inside of what backs it, without slashes at the ends and without `..`; empty for all of it.
    pub source_path: String,
}

/// What backs a mount (spec 1.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountSource {
    /// The container's own disk.
    Local,
    /// The app's shared volume.
    Storage,
    /// Another app's shared volume.
    StorageOf(Name),
    /// A disk of one container.
    Instance,
    /// A directory that may be lost.
    Tmp,
    /// A `network-storage` service.
    Service(Name),
}

/// The commands of a web container or a worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Commands {
    /// Before `start`, at each start of the container.
    pub pre_start: Option<String>,
    /// The supervised command.
    pub start: Option<String>,
    /// After `start`, before requests come.
    pub post_start: Option<String>,
}

/// A container with the app's code that gets no requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its name, unique in the app.
    pub name: Name,
    /// What it runs; `start` is always there.
    pub commands: Commands,
    /// Its size.
    pub size: Size,
    /// Column of the size table.
    pub profile: Profile,
    /// What it may reach.
    pub relationships: Vec<Relationship>,
    /// Space for its own `local` mounts, in megabytes of 10^6 bytes.
    pub disk_mb: Option<u64>,
    /// Its writable directories.
    pub mounts: Vec<Mount>,
    /// Its variables.
    pub variables: Variables,
    /// Its time zone; UTC when absent.
    pub timezone: Option<String>,
    /// Least role for ssh.
    pub access: BTreeMap<String, String>,
    /// Lines for `/etc/hosts`.
    pub additional_hosts: BTreeMap<String, String>,
    /// Whom it may talk to outside; anybody when absent.
    pub firewall: Option<Firewall>,
    /// `resources:` as written.
    pub resources: Option<Value>,
}

/// A scheduled command (spec 1.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// Its name.
    pub name: String,
    /// Five fields; `H` is a value chosen by hash.
    pub spec: String,
    /// What it runs, in dash.
    pub start: String,
    /// What stops it; SIGTERM when absent.
    pub stop: Option<String>,
    /// Seconds between the stop command or SIGTERM and SIGKILL.
    pub shutdown_timeout: u64,
    /// Longest run, in seconds.
    pub timeout: u64,
}

/// Scripts at build and deploy time, each run by dash in the app's directory (spec 1.3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Hooks {
    pub build: Option<String>,
    pub deploy: Option<String>,
    pub post_deploy: Option<String>,
}

/// How packages are installed before the build hook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Build {
    /// As written; the language's default when absent (spec 1.13).
    pub flavor: Option<String>,
    /// Directories that builds find again, by name.
    pub caches: BTreeMap<String, BuildCache>,
}

/// A directory that builds find again while the files that it depends on are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildCache {
    /// Where, relative to the app, without slashes at the ends and without `..`.
    pub directory: String,
    /// Patterns of the files, relative to the app; `**` goes across directories.
    pub watch: Vec<String>,
    /// Whether one of other files is better than none.
    pub allow_stale: bool,
    /// Whether all apps of the project keep it together.
    pub share_between_apps: bool,
}
