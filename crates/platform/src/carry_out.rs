//! Carries out a plan: each step journaled before and after, each shown while it runs.

mod app;
mod hook;
mod kept;
mod nginx;
mod service;

pub(crate) use hook::process as hook_process;

use crate::{
    activity::Report,
    desired::{Component, Desired},
    disk,
    edge::{Edge, EdgeError},
    step::Step,
    store::{EnvironmentRecord, Store, StoreError},
};
use guise_model::{ContainerId, VolumeId};
use guise_node::{Node, NodeError};
use std::{collections::HashMap, net::SocketAddrV4, sync::atomic::Ordering, time::Duration};

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The node could not do it.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The edge could not do it.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The journal could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The start command ends again and again.
    #[error("the start command of {component} does not stay up: it ended {times} times, last with {last}")]
    StartFailed {
        /// The app.
        component: String,
        /// How often it ended.
        times: usize,
        /// How it ended, in words.
        last: String,
        /// The end of its log.
        log: Vec<String>,
    },
    /// The start command lives and does not listen, while an old container serves.
    #[error(
        "{component} does not listen on {place} after {} s, so the old container goes on serving",
        .patience.as_secs()
    )]
    AppSilent {
        /// The app.
        component: String,
        /// Port or socket.
        place: String,
        /// How long it was waited for.
        patience: Duration,
        /// The end of its log.
        log: Vec<String>,
    },
    /// The container's nginx does not come up.
    #[error("nginx of {component} does not listen")]
    NginxSilent {
        /// The app.
        component: String,
        /// The end of its log.
        log: Vec<String>,
    },
    /// A service does not get ready.
    #[error("{component} did not answer within {} s: {answer}", .patience.as_secs())]
    ServiceSilent {
        /// The service.
        component: String,
        /// How long it was waited for.
        patience: Duration,
        /// What its readiness command said last.
        answer: String,
    },
    /// A service refused its configuration.
    #[error("{component} refused its configuration: {answer}")]
    ProvisionRefused {
        /// The service.
        component: String,
        /// What it said.
        answer: String,
    },
    /// Somebody wanted no more of it.
    #[error("cancelled")]
    Cancelled,
}

impl StepError {
    /// Lines of a log that explain the failure.
    pub fn log(&self) -> &[String] {
        match self {
            Self::StartFailed { log, .. } | Self::NginxSilent { log, .. } | Self::AppSilent { log, .. } => {
                log
            }
            _ => &[],
        }
    }
}

/// A plan that is being carried out.
pub struct CarryOut<'a> {
    node: &'a Node,
    store: &'a Store,
    edge: &'a dyn Edge,
    report: &'a Report,
    environment: &'a EnvironmentRecord,
    desired: &'a Desired,
    /// For each app that was restarted, the socket it listened on before: another one means that the new process
    /// is up.
    restarted: HashMap<String, Option<u64>>,
    /// Whether somebody may stop it between two steps.
    cancellable: bool,
    /// Whether the old containers serve until the new ones do.
    rolling: bool,
}

impl<'a> CarryOut<'a> {
    /// Prepares to carry out plans for one deployment.
    pub fn new(
        node: &'a Node,
        store: &'a Store,
        edge: &'a dyn Edge,
        report: &'a Report,
        environment: &'a EnvironmentRecord,
        desired: &'a Desired,
    ) -> Self {
        let restarted = HashMap::new();
        Self {
            node,
            store,
            edge,
            report,
            environment,
            desired,
            restarted,
            cancellable: true,
            rolling: false,
        }
    }

    /// The way back from a cancelled deployment must be gone to its end.
    pub fn uncancellable(self) -> Self {
        Self {
            cancellable: false,
            ..self
        }
    }

    /// Runs the steps in order.
    ///
    /// # Errors
    /// The first step that failed; the later ones have not begun.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), StepError> {
        self.rolling = steps.contains(&Step::SwitchRoutes);
        for (number, step) in steps.iter().enumerate() {
            if self.cancellable && self.report.cancelled().load(Ordering::Relaxed) {
                return Err(StepError::Cancelled);
            }
            self.report.line(&format!("  {step}"));
            let report = self.report;
            report.step(step, || self.step(step))?;
            // Building was the first half.
            report.progress_of(steps.len() + number + 1, 2 * steps.len());
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), StepError> {
        let key = self.environment.key();
        match step {
            Step::CreateVolume { component, volume } => {
                for want in self.component(component).iter().flat_map(|c| &c.volumes) {
                    if want.volume == *volume {
                        self.node
                            .volume_create(volume, want.quota_bytes, want.owner, want.mode)?;
                    }
                }
                // btrfs commits a new name later than what is written and synced below it: a power cut in between
                // would leave that without the name.
                self.node.write_volumes_back()?;
            }
            Step::LimitVolume {
                component, volume, ..
            } => self.limit_volume(component, volume)?,
            Step::Hold => self.tell_what_is_cut_off(self.edge.hold(&key)?),
            Step::RemoveContainer {
                component,
                container,
                retired,
            } => {
                self.node.remove(container)?;
                self.store.disown_container(container)?;
                if *retired {
                    self.tell_what_is_kept(component)?;
                }
            }
            Step::CreateContainer { component, .. } => self.create(component)?,
            Step::AwaitService { component, container } => self.await_service(component, container)?,
            Step::Provision { component, container } => self.provision(component, container)?,
            Step::Connect { component, container } => {
                if let Some(wanted) = self.component(component) {
                    self.node.connect(container, &wanted.spec.link)?;
                }
            }
            Step::WriteFiles {
                component,
                container,
                write,
                remove,
            } => {
                let files: Vec<_> = self
                    .component(component)
                    .iter()
                    .flat_map(|c| &c.spec.files)
                    .filter(|file| write.contains(&file.path))
                    .cloned()
                    .collect();
                self.node.write_files(container, &files, remove)?;
            }
            Step::SwapApp { container, image, .. } => self.node.swap_app(container, image)?,
            Step::RestartApp { component, container } => self.restart_app(component, container)?,
            Step::ReloadNginx { component, container } => self.reload_nginx(component, container)?,
            Step::AwaitApp { component, container } => self.await_app(component, container)?,
            Step::SetRoutes => {
                self.edge
                    .set_routes(&key, &self.desired.routes, &|name| self.front(name))?;
            }
            Step::SwitchRoutes => {
                let routes = &self.desired.routes;
                let left = self.edge.switch_routes(&key, routes, &|name| self.front(name))?;
                self.tell_what_is_cut_off(left);
            }
            Step::DeployHook { component } => self.deploy_hook(component),
            Step::Release => self.edge.release(&key)?,
            Step::PostDeployHook { component } => self.post_deploy_hook(component),
        }
        Ok(())
    }

    fn tell_what_is_cut_off(&self, requests: u32) {
        if requests > 0 {
            self.report.line(&format!(
                "W: {requests} requests under way did not end and are cut off"
            ));
        }
    }

    fn limit_volume(&self, component: &str, volume: &VolumeId) -> Result<(), StepError> {
        let wanted = self.component(component).into_iter().flat_map(|c| &c.volumes);
        for want in wanted.filter(|want| want.volume == *volume) {
            self.node
                .volume_create(volume, want.quota_bytes, want.owner, want.mode)?;
        }
        let used = self.node.volume_uses()?.get(volume).copied();
        if let Some(warning) = used.and_then(|used| disk::beyond_limit(component, used)) {
            self.report.line(&warning);
        }
        Ok(())
    }

    fn create(&self, component: &str) -> Result<(), StepError> {
        let Some(component) = self.component(component) else {
            return Ok(());
        };
        let id = &component.spec.id;
        self.store.own_container(
            id,
            &self.environment.project,
            &self.environment.name,
            &component.name,
        )?;
        Ok(self.node.create(&component.spec)?)
    }

    fn component(&self, name: &str) -> Option<&'a Component> {
        self.desired
            .components
            .iter()
            .find(|component| component.name == name)
    }

    fn front(&self, name: &str) -> Option<SocketAddrV4> {
        self.component(name).map(Component::front)
    }

    /// The last lines of a container's log file: what explains why something does not run.
    fn log_tail(&self, container: &ContainerId, name: &str) -> Vec<String> {
        const LINES: usize = 20;
        let Ok(Some(mut file)) = self.node.log(container, name) else {
            return Vec::new();
        };
        let tail = crate::tail::last_lines(&mut file, LINES);
        tail.unwrap_or_default()
    }
}
