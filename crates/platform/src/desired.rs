//! What an environment should be: a plain value, compared with what runs, stored with the deployment.

use crate::routes::ResolvedRoute;
use guise_config::{Cron, Operation};
use guise_model::VolumeId;
use guise_node::{ContainerSpec, Listen, User};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddrV4};

/// A whole environment as one commit wants it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Its containers: services first, then apps and workers, in the order in which they start.
    pub components: Vec<Component>,
    /// Its routes, the primary one first.
    pub routes: Vec<ResolvedRoute>,
}

/// One container of an environment and what belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The app, worker (`app--worker`) or service.
    pub name: String,
    /// What kind of thing it is.
    pub kind: ComponentKind,
    /// Its type as configured: `python:3.13`.
    pub image_type: String,
    /// The container. Its id is filled in by the plan.
    pub spec: ContainerSpec,
    /// Volumes that must exist before the container.
    pub volumes: Vec<VolumeWant>,
    /// Environment of hooks and of processes people start.
    pub env: BTreeMap<String, String>,
    /// How it gets ready and stops.
    pub life: Life,
}

impl Component {
    /// Where it serves HTTP, if it does: an app's nginx, or a service that routes lead to.
    pub(crate) fn front(&self) -> SocketAddrV4 {
        let port = match self.life {
            Life::Service { port, .. } => port,
            Life::App { .. } | Life::Worker => 80,
        };
        SocketAddrV4::new(self.spec.link.address, port)
    }
}

/// What kind of thing a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ComponentKind {
    App,
    Worker,
    Service,
}

/// A volume that must exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeWant {
    /// The volume.
    pub volume: VolumeId,
    /// Most it may hold, in bytes.
    pub quota_bytes: Option<u64>,
    /// Owner of its root (inside ids).
    pub owner: User,
    /// Permission bits of its root.
    pub mode: u32,
}

/// How a component gets ready, and what runs then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "life")]
pub enum Life {
    /// An app.
    App {
        /// Where its start command must listen; `None` when nothing is passed to it.
        listen: Option<Listen>,
        /// Whether it has a start command at all.
        has_start: bool,
        /// The deploy hook.
        deploy: Option<String>,
        /// The post_deploy hook.
        post_deploy: Option<String>,
        /// The post_start command.
        post_start: Option<String>,
        /// Its crons.
        #[serde(default)]
        crons: Crons,
        /// What people may have run in it.
        #[serde(default)]
        operations: Vec<Operation>,
    },
    /// A worker.
    Worker,
    /// A service.
    Service {
        /// The port it listens on.
        #[serde(default)]
        port: u16,
        /// Command that succeeds once it is ready.
        ready: Vec<String>,
        /// Command that makes databases and users, and what it reads.
        provision: Option<Provision>,
    },
}

/// Commands that an app runs at given times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Crons {
    /// The time zone of their specifications; UTC when absent.
    pub timezone: Option<String>,
    /// The commands.
    pub jobs: Vec<Cron>,
}

/// A command that brings a service to its configuration; running it again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provision {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Its standard input.
    pub stdin: String,
}

/// Path below `/run` of the start command's environment; a change restarts the app.
pub const ENV_FILE: &str = "guise/env";
/// Path below `/run` of the routes' and the configuration's environment: read by new processes, a change restarts
/// nothing.
pub const ROUTES_FILE: &str = "guise/routes";
/// Path below `/run` of nginx's configuration; a change reloads nginx.
pub const NGINX_FILE: &str = "guise/nginx.conf";
