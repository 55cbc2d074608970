//! What runs: containers with the lies they are told, their logs, processes for people, images.

use crate::{
    Platform, PlatformError,
    carry_out::hook_process,
    desired::{Component, ComponentKind, Desired},
    routes::ResolvedRoute,
    store::{ActivityRecord, EnvironmentRecord, StepRecord},
};
use guise_model::{ActivityId, ProjectId};
use guise_node::{
    AppImage, ContainerState, ContainerStatus, Egress, ExecSession, ImageView, NodeError, Process,
    ProcessView, Truth, Usage,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
};

/// A container and whose it is.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: String,
    /// The app, worker (`app--worker`) or service.
    pub component: String,
    /// The container.
    pub status: ContainerStatus,
}

/// A container as people look at it.
#[derive(Debug, Clone)]
pub struct ContainerView {
    /// The container and its owner.
    pub owned: Owned,
    /// What kind of thing it is.
    pub kind: ComponentKind,
    /// The type as configured.
    pub image_type: String,
    /// What it uses.
    pub usage: Usage,
    /// Its processes.
    pub processes: Vec<ProcessView>,
    /// About what, what the inside believes, what is so.
    pub lies: Vec<[String; 3]>,
}

impl Platform {
    /// Containers with their owners; of one project and environment if named.
    pub fn owned(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<Vec<Owned>, PlatformError> {
        let owners: HashMap<String, (String, String, String)> = self
            .store()
            .container_owners()?
            .into_iter()
            .map(|(id, project, environment, component)| (id, (project, environment, component)))
            .collect();
        let owned = self.node().containers().into_iter().filter_map(|status| {
            let (owner, name, component) = owners.get(status.spec.id.as_str())?;
            if project.is_some_and(|wanted| wanted.as_str() != owner)
                || environment.is_some_and(|wanted| wanted != name)
            {
                return None;
            }
            let project = ProjectId::new(owner.clone()).ok()?;
            Some(Owned {
                project,
                environment: name.clone(),
                component: component.clone(),
                status,
            })
        });
        let mut owned: Vec<_> = owned.collect();
        owned.sort_by(|a, b| {
            (&a.project, &a.environment, &a.component).cmp(&(&b.project, &b.environment, &b.component))
        });
        Ok(owned)
    }

    /// Containers as people look at them.
    pub fn container_views(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<Vec<ContainerView>, PlatformError> {
        let mut deployed: HashMap<(ProjectId, String), Option<Desired>> = HashMap::new();
        let mut views = Vec::new();
        for owned in self.owned(project, environment)? {
            let key = (owned.project.clone(), owned.environment.clone());
            if !deployed.contains_key(&key) {
                let environment = self.store().environment(&key.0, &key.1)?;
                let desired = environment
                    .map(|known| self.deployed(&known))
                    .transpose()?
                    .flatten();
                deployed.insert(key.clone(), desired);
            }
            let component = deployed[&key]
                .as_ref()
                .and_then(|desired| find(desired, &owned.component));
            let id = &owned.status.spec.id;
            let running = matches!(owned.status.state, ContainerState::Running { .. });
            let usage = if running {
                self.node().usage(id).unwrap_or_default()
            } else {
                Usage::default()
            };
            let processes = if running {
                self.node().processes(id).unwrap_or_default()
            } else {
                Vec::new()
            };
            let fallback = if owned.status.spec.app.is_some() {
                ComponentKind::App
            } else {
                ComponentKind::Service
            };
            views.push(ContainerView {
                kind: component.map_or(fallback, |component| component.kind),
                image_type: component
                    .map(|component| component.image_type.clone())
                    .unwrap_or_default(),
                usage,
                processes,
                lies: lies(&owned.status, self.node().instance().id_base),
                owned,
            });
        }
        Ok(views)
    }

    /// What the running containers believe, and what is so; of one project and environment if named.
    ///
    /// # Errors
    /// When a container cannot be looked at.
    pub fn truths(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<Vec<(Owned, Truth)>, PlatformError> {
        let mut truths = Vec::new();
        for owned in self.owned(project, environment)? {
            match self.node().truth(&owned.status.spec.id) {
                Ok(truth) => truths.push((owned, truth)),
                // What does not run believes nothing.
                Err(NodeError::NotRunning { .. } | NodeError::NoSuchContainer { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(truths)
    }

    /// The container a person means: by name, or the only or first app when unnamed.
    ///
    /// # Errors
    /// [`PlatformError::UnknownContainer`], [`PlatformError::NotDeployed`].
    pub fn container_of(
        &self,
        environment: &EnvironmentRecord,
        name: Option<&str>,
    ) -> Result<Component, PlatformError> {
        let Some(deployed) = self.deployed(environment)? else {
            return Err(PlatformError::NotDeployed {
                environment: environment.name.clone(),
            });
        };
        let found = match name {
            Some(name) => find(&deployed, name),
            None => deployed
                .components
                .iter()
                .find(|component| component.kind == ComponentKind::App),
        };
        found.cloned().ok_or_else(|| PlatformError::UnknownContainer {
            environment: environment.name.clone(),
            given: name.unwrap_or("(an app)").into(),
            known: deployed
                .components
                .iter()
                .map(|component| component.name.clone())
                .collect(),
        })
    }

    /// Starts a process for a person in a container: as its user, in `/app` with the app's environment and
    /// `.environment`, and with `env`. An empty `argv` is a login shell.
    pub fn exec(
        &self,
        component: &Component,
        argv: &[String],
        env: BTreeMap<String, String>,
        terminal: Option<(u16, u16)>,
    ) -> Result<ExecSession, PlatformError> {
        let mut process = person_process(component, argv, terminal.is_some());
        process.env.extend(env);
        Ok(self
            .node()
            .exec_interactive(&component.spec.id, &process, terminal)?)
    }

    /// Opens log files: of one container, or of all of the environment; those that exist.
    pub fn logs(
        &self,
        environment: &EnvironmentRecord,
        container: Option<&str>,
        log: Option<&str>,
    ) -> Result<Vec<(String, File)>, PlatformError> {
        let components = match container {
            Some(name) => vec![self.container_of(environment, Some(name))?],
            None => self
                .deployed(environment)?
                .map(|desired| desired.components)
                .unwrap_or_default(),
        };
        let mut files = Vec::new();
        for component in components {
            let name = log.map_or_else(
                || default_log(component.kind).to_string(),
                |log| format!("{log}.log"),
            );
            if let Some(file) = self.node().log(&component.spec.id, &name)? {
                files.push((component.name, file));
            }
        }
        Ok(files)
    }

    /// An activity.
    ///
    /// # Errors
    /// [`PlatformError::UnknownActivity`].
    pub fn activity(&self, given: &str) -> Result<ActivityRecord, PlatformError> {
        let id = ActivityId::new(given).ok();
        let found = id.map(|id| self.store().activity(&id)).transpose()?.flatten();
        found.ok_or_else(|| PlatformError::UnknownActivity { given: given.into() })
    }

    /// The steps of an activity's last run, in order.
    pub fn activity_steps(&self, id: &ActivityId) -> Result<Vec<StepRecord>, PlatformError> {
        Ok(self.store().steps(id)?)
    }

    /// Asks an activity to stop. False when it has ended.
    ///
    /// # Errors
    /// When it cannot be recorded; then nobody has asked.
    pub fn cancel_activity(&self, id: &ActivityId) -> Result<bool, PlatformError> {
        Ok(self.activities().cancel(id)?)
    }

    /// Activities, newest first; of one project, environment and of some types (separated by commas) if named.
    pub fn list_activities(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
        types: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ActivityRecord>, PlatformError> {
        Ok(self.store().activities(project, environment, types, limit)?)
    }

    /// The routes of what an environment runs, the primary one first.
    pub fn routes(&self, environment: &EnvironmentRecord) -> Result<Vec<ResolvedRoute>, PlatformError> {
        Ok(self
            .deployed(environment)?
            .map(|desired| desired.routes)
            .unwrap_or_default())
    }

    /// Images with the app that each app image was built for.
    pub fn images(&self) -> Result<Vec<(ImageView, Option<String>)>, PlatformError> {
        let apps: HashMap<String, String> = self
            .store()
            .built_images()?
            .into_iter()
            .map(|(image, _, app)| (image, app))
            .collect();
        let images = self.node().images()?;
        Ok(images
            .into_iter()
            .map(|image| {
                let app = apps.get(image.digest.as_str()).cloned();
                (image, app)
            })
            .collect())
    }
}

fn find<'a>(desired: &'a Desired, name: &str) -> Option<&'a Component> {
    desired.components.iter().find(|component| component.name == name)
}

fn default_log(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::App | ComponentKind::Worker => "app.log",
        ComponentKind::Service => "service.log",
    }
}

fn person_process(component: &Component, argv: &[String], terminal: bool) -> Process {
    let shell = ["/bin/bash".to_string(), "-l".to_string()];
    let argv = if argv.is_empty() { &shell[..] } else { argv };
    let words: Vec<String> = argv.iter().map(|word| crate::variables::quote(word)).collect();
    let mut process = match component.kind {
        ComponentKind::Service => Process {
            argv: argv.to_vec(),
            ..component.spec.process.clone()
        },
        ComponentKind::App | ComponentKind::Worker => {
            hook_process(component, &format!("exec {}", words.join(" ")))
        }
    };
    if terminal {
        process
            .env
            .entry("TERM".into())
            .or_insert_with(|| "xterm-256color".into());
    }
    process
}

/// What the inside believes, and what is so.
fn lies(status: &ContainerStatus, id_base: u32) -> Vec<[String; 3]> {
    let spec = &status.spec;
    let mut lies = Vec::new();
    let mut lie =
        |about: &str, inside: String, outside: String| lies.push([about.to_string(), inside, outside]);
    lie(
        "host name",
        spec.hostname.clone(),
        format!("container {} ({})", spec.id, spec.name),
    );
    if let ContainerState::Running { pid } = status.state {
        lie(
            "process 1",
            spec.process.argv.join(" "),
            format!("process {pid} of the host"),
        );
    }
    if let Some(range) = guise_model::IdRange::of_slot(id_base, spec.slot) {
        lie(
            "root",
            "user 0".into(),
            format!("user {} of the host, who is nobody there", range.host_start),
        );
    }
    let link = &spec.link;
    let egress = match &link.egress {
        Egress::Allow => "may open connections outside",
        Egress::Only(_) => "may open what its firewall says outside",
        Egress::Deny => "may open none outside",
    };
    lie(
        "eth0",
        link.address.to_string(),
        format!("one end of a veth pair; {egress}"),
    );
    for entry in &link.hosts {
        lie("name", entry.name.clone(), entry.address.to_string());
    }
    lie(
        "/",
        "a disk of its own, read-only".into(),
        format!("image {}, shared", spec.base.short()),
    );
    match &spec.app {
        Some(AppImage::Frozen { image }) => {
            lie(
                "/app",
                "its code".into(),
                format!("image {}, read-only", image.short()),
            );
        }
        Some(AppImage::Writable(writable)) => {
            lie("/app", "its code".into(), format!("volume {}", writable.volume));
        }
        None => {}
    }
    for mount in &spec.mounts {
        let source = format!("volume {} /{}", mount.volume, mount.source_path);
        lie(&mount.target, "a directory".into(), source);
    }
    lie(
        "memory",
        "all of the machine's".into(),
        format!("{} MB", spec.limits.memory_bytes / 1_000_000),
    );
    lie(
        "processors",
        "all of the machine's".into(),
        format!("{:.2}", f64::from(spec.limits.cpu_millis) / 1000.0),
    );
    lies
}
