//! Turns a configuration and its built images into the value of what should run.

mod app;
mod relationship;
mod service;

pub(crate) use app::build_files;

use crate::{
    Platform, PlatformError,
    desired::{Desired, VolumeWant},
    effective::Levels,
    resources::Allowances,
    roll::beside,
    routes::{self, ResolvedRoute},
    store::{EnvironmentRecord, ProjectRecord},
};
use guise_config::{NETWORK_STORAGE, Project};
use guise_model::{ContainerId, ImageDigest, VolumeId};
use guise_node::{Scratch, User};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// What was built for a configuration.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// By app.
    pub(crate) apps: BTreeMap<String, AppBuild>,
    /// Base image by service.
    pub(crate) services: BTreeMap<String, ImageDigest>,
}

/// What was built for an app.
#[derive(Debug)]
pub(crate) struct AppBuild {
    /// Its base image.
    pub(crate) base: ImageDigest,
    /// Its code.
    pub(crate) image: ImageDigest,
    /// The git tree it was built from.
    pub(crate) tree: String,
}

/// Everything that the parts below need.
struct Assembly<'a> {
    platform: &'a Platform,
    project: &'a ProjectRecord,
    environment: &'a EnvironmentRecord,
    config: &'a Project,
    levels: Levels,
    allowances: Allowances,
    routes: Vec<ResolvedRoute>,
    platform_routes: Value,
    /// Slot and address by component.
    places: BTreeMap<String, (u32, Ipv4Addr)>,
}

impl Platform {
    /// Describes the environment that a configuration means. Takes slots, volume names and passwords for what
    /// has none yet; everything else is derived. Components of `moved` get the slot beside their own.
    pub(crate) fn assemble(
        &self,
        project: &ProjectRecord,
        environment: &EnvironmentRecord,
        config: &Project,
        images: &Images,
        moved: &BTreeSet<String>,
    ) -> Result<Desired, PlatformError> {
        let routes = routes::expand(&config.routes, &self.site(environment)?);
        let mut assembly = Assembly {
            platform: self,
            project,
            environment,
            config,
            levels: self.levels(environment)?,
            allowances: self.allowances(environment)?,
            platform_routes: routes::platform_routes(&routes),
            routes,
            places: BTreeMap::new(),
        };
        assembly.take_places(moved)?;
        let mut components = Vec::new();
        for service in &config.services {
            if let Some(base) = images.services.get(service.name.as_str()) {
                components.push(assembly.service(service, base)?);
            }
        }
        for app in &config.apps {
            if let Some(build) = images.apps.get(app.name.as_str()) {
                components.extend(assembly.app(app, build)?);
            }
        }
        Ok(Desired {
            components,
            routes: assembly.routes,
        })
    }
}

impl Assembly<'_> {
    /// Gives every component its slot and address before any is described, since they name each other. Those of
    /// `moved` get the ones beside their own.
    fn take_places(&mut self, moved: &BTreeSet<String>) -> Result<(), PlatformError> {
        let services = self
            .config
            .services
            .iter()
            .filter(|service| service.type_name != NETWORK_STORAGE)
            .map(|service| service.name.to_string());
        let apps = self.config.apps.iter().flat_map(|app| {
            let workers = app
                .workers
                .iter()
                .map(|worker| worker_name(&app.name, &worker.name));
            std::iter::once(app.name.to_string()).chain(workers)
        });
        let names: Vec<String> = services.chain(apps).collect();
        for name in names {
            let place = if moved.contains(&name) {
                self.platform.place(self.environment, &beside(&name))?
            } else {
                self.platform.place(self.environment, &name)?
            };
            self.places.insert(name, place);
        }
        Ok(())
    }

    fn place(&self, component: &str) -> (u32, Ipv4Addr) {
        *self
            .places
            .get(component)
            .expect("every component of the configuration has taken its place")
    }

    /// A volume of a component and the wish that it exists.
    fn volume(
        &self,
        component: &str,
        disk_mb: Option<u64>,
        owner: User,
        mode: u32,
    ) -> Result<(VolumeId, VolumeWant), PlatformError> {
        let volume = self
            .platform
            .store()
            .volume(&self.project.id, &self.environment.name, component)?;
        let quota_bytes = disk_mb.map(|megabytes| megabytes * 1_000_000);
        Ok((
            volume.clone(),
            VolumeWant {
                volume,
                quota_bytes,
                owner,
                mode,
            },
        ))
    }

    fn full_name(&self, component: &str) -> String {
        format!("{}/{}/{component}", self.project.title, self.environment.name)
    }

    /// Host name inside: the component's, in the letters a host name may have (RFC 1123).
    fn hostname(component: &str) -> String {
        component.replace('_', "-").replace("--", "-")
    }
}

impl Platform {
    /// The slot of a component and the address that goes with it.
    pub(crate) fn place(
        &self,
        environment: &EnvironmentRecord,
        component: &str,
    ) -> Result<(u32, Ipv4Addr), PlatformError> {
        let pool = self.node().instance().addresses;
        let slot = self.store().slot(
            &environment.project,
            &environment.name,
            component,
            pool.capacity(),
        )?;
        let address = pool
            .address(slot)
            .expect("a slot below the pool's capacity has an address");
        Ok((slot, address))
    }
}

/// The name of a worker's component.
fn worker_name(app: &guise_model::Name, worker: &guise_model::Name) -> String {
    format!("{app}--{worker}")
}

/// The id of a spec whose id the plan fills in.
fn id_to_come() -> ContainerId {
    ContainerId::new("000000000000").expect("twelve zeros are a container id")
}

/// What is writable in every container and lives no longer than it.
fn scratch(owner: User) -> Vec<Scratch> {
    let directory = |name: &str, target: &str, mode| Scratch {
        name: name.into(),
        target: target.into(),
        mode,
        owner,
    };
    vec![
        directory("tmp", "/tmp", 0o1777),
        directory("log", "/var/log", 0o755),
    ]
}

/// PID 1 of every container: runit's supervisor as the image's own user, without any power.
fn init(user: User, env: BTreeMap<String, String>) -> guise_node::Process {
    let argv = ["/usr/bin/runsvdir", "-P", "/run/service"]
        .map(String::from)
        .to_vec();
    guise_node::Process {
        argv,
        env,
        cwd: "/".into(),
        user,
    }
}
