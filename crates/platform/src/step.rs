//! The steps of a plan: small, idempotent, journaled.
//!
//! A step names what it works on and nothing more; how the thing should be stands in the deployment's
//! [`Desired`](crate::desired::Desired) value, which is stored before the first step runs. So a journal holds no
//! passwords, and a step that a crash interrupted can simply run again.

use guise_model::{ContainerId, ImageDigest, VolumeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One effect on the node or the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Make a component's volume.
    CreateVolume {
        /// Whose.
        component: String,
        /// Which.
        volume: VolumeId,
    },
    /// Give a volume that exists the limit that is wanted now: a clone comes without one, and `disk` may have changed.
    LimitVolume {
        /// Whose.
        component: String,
        /// Which.
        volume: VolumeId,
        /// The limit, in bytes.
        bytes: Option<u64>,
    },
    /// New requests wait at the edge, those under way end.
    Hold,
    /// Stop a component's container and remove it. Its volume is kept.
    RemoveContainer {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
        /// Whether the component is gone from the configuration for good.
        retired: bool,
    },
    /// Make and start a component's container.
    CreateContainer {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
    },
    /// Wait until a service answers.
    AwaitService {
        /// Which service.
        component: String,
        /// Its container.
        container: ContainerId,
    },
    /// Make a service's databases and users as configured.
    Provision {
        /// Which service.
        component: String,
        /// Its container.
        container: ContainerId,
    },
    /// Bring a running container's names and allowed connections up to date.
    Connect {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
    },
    /// Rewrite generated files of a running container.
    WriteFiles {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
        /// Files to write, as paths below `/run`.
        write: Vec<String>,
        /// Files to remove.
        remove: Vec<String>,
    },
    /// Put another image at a running container's `/app`.
    SwapApp {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
        /// The image.
        image: ImageDigest,
    },
    /// Restart the start command of an app or worker.
    RestartApp {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
    },
    /// Let a container's nginx read its configuration anew.
    ReloadNginx {
        /// Whose.
        component: String,
        /// Which.
        container: ContainerId,
    },
    /// Wait until an app listens.
    AwaitApp {
        /// Which app.
        component: String,
        /// Its container.
        container: ContainerId,
    },
    /// Give the edge the environment's routes.
    SetRoutes,
    /// Give the edge the environment's routes to new containers, and wait for the requests in the old ones to end.
    SwitchRoutes,
    /// Run an app's deploy hook.
    DeployHook {
        /// Which app.
        component: String,
    },
    /// Let the waiting requests go.
    Release,
    /// Run an app's post_deploy hook.
    PostDeployHook {
        /// Which app.
        component: String,
    },
}

impl Step {
    /// What it touches, in a few words.
    pub fn touches(&self) -> &'static str {
        match self {
            Self::CreateVolume { .. } => "data: a new volume",
            Self::LimitVolume { .. } => "data: how much may be written",
            Self::Hold => "edge: requests wait",
            Self::RemoveContainer { retired: false, .. } => "container: makes room for a new one",
            Self::RemoveContainer { .. } => "container: gone; its volumes are kept",
            Self::CreateContainer { .. } => "container: a new one",
            Self::AwaitService { .. } | Self::AwaitApp { .. } => "nothing",
            Self::Provision { .. } => "data: databases and users",
            Self::Connect { .. } => "network: names and allowed connections",
            Self::WriteFiles { .. } => "files: generated ones",
            Self::SwapApp { .. } => "files: /app",
            Self::RestartApp { .. } => "process: the start command",
            Self::ReloadNginx { .. } => "process: nginx",
            Self::SetRoutes => "edge: routes",
            Self::SwitchRoutes => "edge: routes; no request waits",
            Self::DeployHook { .. } | Self::PostDeployHook { .. } => "whatever the hook touches",
            Self::Release => "edge: requests go on",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateVolume { component, .. } => write!(f, "Making a volume for {component}"),
            Self::LimitVolume {
                component,
                bytes: Some(bytes),
                ..
            } => write!(
                f,
                "Limiting the volume of {component} to {} MB",
                bytes / 1_000_000
            ),
            Self::LimitVolume { component, .. } => {
                write!(f, "Lifting the limit of the volume of {component}")
            }
            Self::Hold => f.write_str("Holding requests"),
            Self::RemoveContainer {
                component,
                retired: false,
                ..
            } => write!(f, "Stopping {component}"),
            Self::RemoveContainer { component, .. } => write!(f, "Removing {component}"),
            Self::CreateContainer { component, .. } => write!(f, "Opening {component}"),
            Self::AwaitService { component, .. } => write!(f, "Waiting for {component} to answer"),
            Self::Provision { component, .. } => write!(f, "Configuring {component}"),
            Self::Connect { component, .. } => write!(f, "Connecting {component} to its relationships"),
            Self::WriteFiles { component, .. } => write!(f, "Writing the configuration of {component}"),
            Self::SwapApp { component, image, .. } => {
                write!(f, "Swapping the code of {component} to {}", image.short())
            }
            Self::RestartApp { component, .. } => write!(f, "Restarting {component}"),
            Self::ReloadNginx { component, .. } => write!(f, "Reloading nginx of {component}"),
            Self::AwaitApp { component, .. } => write!(f, "Waiting for {component} to listen"),
            Self::SetRoutes => f.write_str("Setting routes"),
            Self::SwitchRoutes => f.write_str("Switching requests to the new containers"),
            Self::DeployHook { component } => write!(f, "Executing deploy hook for application {component}"),
            Self::Release => f.write_str("Releasing requests"),
            Self::PostDeployHook { component } => {
                write!(f, "Executing post_deploy hook for application {component}")
            }
        }
    }
}
