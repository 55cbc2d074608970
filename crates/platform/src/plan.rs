//! Desired minus actual = plan: a pure function.
//!
//! What differs decides what is done, and nothing else is touched:
//!
//! | difference | steps |
//! | --- | --- |
//! | none | none |
//! | app image only | swap `/app`, restart the start command |
//! | environment of the start command | rewrite it, restart the start command |
//! | nginx configuration | rewrite it, reload nginx |
//! | routes | rewrite `PLATFORM_ROUTES`, tell the edge |
//! | relationships | names and allowed connections |
//! | base image, size, mounts, or anything else of a container | that container anew |
//! | a service's databases or endpoints | provision it again |

use crate::{
    desired::{Component, ComponentKind, Desired, ENV_FILE, Life, NGINX_FILE, ROUTES_FILE},
    step::Step,
};
use guise_model::{ContainerId, VolumeId};
use guise_node::{AppImage, ContainerSpec, RunFile};
use std::collections::BTreeSet;

/// A container of the environment as the node has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Actual {
    /// The component it is for.
    pub component: String,
    /// What it was made as, with all changes since.
    pub spec: ContainerSpec,
    /// Whether it runs.
    pub running: bool,
}

/// What an environment is at the moment.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Its containers.
    pub containers: Vec<Actual>,
    /// Its volumes that exist.
    pub volumes: BTreeSet<VolumeId>,
    /// The deployment that was carried out to its end last.
    pub deployed: Option<Desired>,
}

/// Compares and orders. Fills the ids of the containers into `desired`: a container that stays keeps its id, a
/// new one gets one from `fresh`.
///
/// Order: what nobody notices first (volumes, new services), then requests are held, then everything that
/// disturbs, then routes. Hooks and the release are added by the caller, since they depend on why it deploys.
pub fn plan(desired: &mut Desired, state: &State, mut fresh: impl FnMut() -> ContainerId) -> Vec<Step> {
    let mut quiet = Vec::new();
    let mut removals = Vec::new();
    let mut services = Vec::new();
    let mut apps = Vec::new();

    for actual in &state.containers {
        if !desired
            .components
            .iter()
            .any(|component| component.name == actual.component)
        {
            removals.push(remove(&actual.component, actual, true));
        }
    }
    for component in &mut desired.components {
        quiet.extend(missing_volumes(component, &state.volumes));
        let actual = state
            .containers
            .iter()
            .find(|actual| actual.component == component.name);
        let steps = if component.kind == ComponentKind::Service {
            &mut services
        } else {
            &mut apps
        };
        match actual {
            Some(actual) if actual.running && !must_be_made_anew(&component.spec, &actual.spec) => {
                component.spec.id = actual.spec.id.clone();
                steps.extend(update(component, &actual.spec));
                if must_provision_again(component, state.deployed.as_ref()) {
                    steps.push(provision(component));
                }
            }
            Some(actual) => {
                component.spec.id = fresh();
                removals.push(remove(&component.name, actual, false));
                steps.extend(create(component));
            }
            None => {
                component.spec.id = fresh();
                // A new service disturbs nobody, so requests need not wait for it.
                let steps = if component.kind == ComponentKind::Service {
                    &mut quiet
                } else {
                    steps
                };
                steps.extend(create(component));
            }
        }
    }
    // Apps lose their services only once they are stopped themselves.
    removals.sort_by_key(|step| match step {
        Step::RemoveContainer { component, .. } => is_service(component, desired, state),
        _ => false,
    });

    // All services start at once, and only then each is waited for.
    quiet.sort_by_key(waits);
    services.sort_by_key(waits);

    // The edge has forgotten the routes of an environment that was stopped.
    let routes_differ = state.containers.is_empty()
        || state
            .deployed
            .as_ref()
            .is_none_or(|deployed| deployed.routes != desired.routes);
    let disturbing = !removals.is_empty() || services.iter().chain(&apps).any(disturbs);
    let mut steps = quiet;
    if disturbing {
        steps.push(Step::Hold);
    }
    steps.extend(removals);
    steps.extend(services);
    steps.extend(apps);
    if routes_differ {
        steps.push(Step::SetRoutes);
    }
    steps
}

/// Whether a step needs a service that has started.
fn waits(step: &Step) -> bool {
    matches!(step, Step::AwaitService { .. } | Step::Provision { .. })
}

/// Whether a step is noticed by a request that arrives while it runs.
fn disturbs(step: &Step) -> bool {
    match step {
        Step::CreateContainer { .. } | Step::SwapApp { .. } | Step::RestartApp { .. } => true,
        Step::WriteFiles { .. }
        | Step::Connect { .. }
        | Step::Provision { .. }
        | Step::ReloadNginx { .. } => false,
        _ => false,
    }
}

fn is_service(name: &str, desired: &Desired, state: &State) -> bool {
    let component = |of: &Desired| of.components.iter().find(|c| c.name == name).map(|c| c.kind);
    component(desired).or_else(|| state.deployed.as_ref().and_then(component)) == Some(ComponentKind::Service)
}

fn missing_volumes(component: &Component, existing: &BTreeSet<VolumeId>) -> Vec<Step> {
    let missing = component
        .volumes
        .iter()
        .filter(|want| !existing.contains(&want.volume));
    missing
        .map(|want| Step::CreateVolume {
            component: component.name.clone(),
            volume: want.volume.clone(),
        })
        .collect()
}

fn remove(component: &str, actual: &Actual, retired: bool) -> Step {
    Step::RemoveContainer {
        component: component.into(),
        container: actual.spec.id.clone(),
        retired,
    }
}

fn create(component: &Component) -> Vec<Step> {
    let (name, container) = (component.name.clone(), component.spec.id.clone());
    let mut steps = vec![Step::CreateContainer {
        component: name.clone(),
        container: container.clone(),
    }];
    match &component.life {
        Life::Service {
            provision: wanted, ..
        } => {
            steps.push(Step::AwaitService {
                component: name,
                container,
            });
            if wanted.is_some() {
                steps.push(provision(component));
            }
        }
        Life::App { .. } => steps.push(Step::AwaitApp {
            component: name,
            container,
        }),
        Life::Worker => {}
    }
    steps
}

fn provision(component: &Component) -> Step {
    Step::Provision {
        component: component.name.clone(),
        container: component.spec.id.clone(),
    }
}

fn must_provision_again(component: &Component, deployed: Option<&Desired>) -> bool {
    let Life::Service {
        provision: Some(wanted),
        ..
    } = &component.life
    else {
        return false;
    };
    let before = deployed.and_then(|deployed| deployed.components.iter().find(|c| c.name == component.name));
    !matches!(before.map(|c| &c.life), Some(Life::Service { provision: Some(had), .. }) if had == wanted)
}

/// Whether two specs differ in something that a running container cannot change.
fn must_be_made_anew(desired: &ContainerSpec, actual: &ContainerSpec) -> bool {
    // Services read their files when they start, so a changed file is a changed service.
    let files_matter = desired.app.is_none();
    desired.base != actual.base
        || desired.hostname != actual.hostname
        || desired.slot != actual.slot
        || desired.mounts != actual.mounts
        || desired.scratch != actual.scratch
        || desired.process != actual.process
        || desired.limits != actual.limits
        || desired.link.address != actual.link.address
        || desired.app.is_some() != actual.app.is_some()
        || files_matter && desired.files != actual.files
}

/// Steps that bring a running container up to date.
fn update(component: &Component, actual: &ContainerSpec) -> Vec<Step> {
    let (name, container) = (&component.name, &actual.id);
    let desired = &component.spec;
    let mut steps = Vec::new();
    if desired.link != actual.link {
        steps.push(Step::Connect {
            component: name.clone(),
            container: container.clone(),
        });
    }
    let write = changed(&desired.files, &actual.files);
    let remove = gone(&desired.files, &actual.files);
    let nginx_differs = write.iter().any(|path| path == NGINX_FILE);
    let quiet_file = |path: &String| path == NGINX_FILE || path == ROUTES_FILE;
    let mut restart = write
        .iter()
        .chain(&remove)
        .any(|path| path == ENV_FILE || !quiet_file(path));
    if !write.is_empty() || !remove.is_empty() {
        steps.push(Step::WriteFiles {
            component: name.clone(),
            container: container.clone(),
            write,
            remove,
        });
    }
    if let (Some(AppImage::Frozen { image }), true) = (&desired.app, desired.app != actual.app) {
        steps.push(Step::SwapApp {
            component: name.clone(),
            container: container.clone(),
            image: image.clone(),
        });
        restart = true;
    }
    if nginx_differs {
        steps.push(Step::ReloadNginx {
            component: name.clone(),
            container: container.clone(),
        });
    }
    let has_process = match &component.life {
        Life::App { has_start, .. } => *has_start,
        Life::Worker => true,
        Life::Service { .. } => false,
    };
    if restart && has_process {
        steps.push(Step::RestartApp {
            component: name.clone(),
            container: container.clone(),
        });
        if matches!(component.life, Life::App { .. }) {
            steps.push(Step::AwaitApp {
                component: name.clone(),
                container: container.clone(),
            });
        }
    }
    steps
}

fn changed(desired: &[RunFile], actual: &[RunFile]) -> Vec<String> {
    desired
        .iter()
        .filter(|file| !actual.contains(file))
        .map(|file| file.path.clone())
        .collect()
}

fn gone(desired: &[RunFile], actual: &[RunFile]) -> Vec<String> {
    let wanted: BTreeSet<&str> = desired.iter().map(|file| file.path.as_str()).collect();
    actual
        .iter()
        .filter(|file| !wanted.contains(file.path.as_str()))
        .map(|file| file.path.clone())
        .collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(crate) mod tests;
