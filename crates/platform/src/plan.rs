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
//! | the slot of an app that runs | a new container beside the old one, then the edge, then the old one goes |
//! | a service's databases or endpoints | provision it again |
//!
//! Compared is with what runs, and with the last deployment that came to its end: between the two lies what a
//! deployment did that a crash interrupted, and of which the processes may not know yet.

use crate::{
    desired::{Component, ComponentKind, Desired, ENV_FILE, Life, NGINX_FILE, ROUTES_FILE},
    run_config::RUN_CONFIG_FILE,
    step::Step,
};
use guise_model::{ContainerId, VolumeId};
use guise_node::{AppImage, ContainerSpec, RunFile};
use std::collections::{BTreeMap, BTreeSet};

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
    /// The limits of its volumes, in bytes; without those that the kernel cannot limit.
    pub limits: BTreeMap<VolumeId, Option<u64>>,
    /// The deployment that was carried out to its end last.
    pub deployed: Option<Desired>,
}

/// Compares and orders. Fills the ids of the containers into `desired`: a container that stays keeps its id, a
/// new one gets one from `fresh`.
///
/// Order: what nobody notices first (volumes, new services), then requests are held, then everything that
/// disturbs, then routes. Hooks and the release are added by the caller, since they depend on why it deploys.
pub fn plan(desired: &mut Desired, state: &State, mut fresh: impl FnMut() -> ContainerId) -> Vec<Step> {
    // With an app that rolls no request waits, so what is not to be missed yet goes last.
    let rolling = desired
        .components
        .iter()
        .any(|component| rolls(component, of_component(&component.name, state).first().copied()));
    let mut quiet = Vec::new();
    let mut removals = Vec::new();
    let mut services = Vec::new();
    let mut beside = Vec::new();
    let mut apps = Vec::new();
    let mut workers = Vec::new();
    let mut replaced = Vec::new();

    for actual in &state.containers {
        if !desired
            .components
            .iter()
            .any(|component| component.name == actual.component)
        {
            let removals = if rolling { &mut replaced } else { &mut removals };
            removals.push(remove(&actual.component, actual, true));
        }
    }
    for component in &mut desired.components {
        quiet.extend(missing_volumes(component, &state.volumes));
        quiet.extend(other_limits(component, &state.limits));
        let containers = of_component(&component.name, state);
        // What a rolling deployment left that was interrupted serves nobody.
        for left_over in containers.iter().skip(1) {
            quiet.push(remove(&component.name, left_over, false));
        }
        let actual = containers.first().copied();
        let steps = match component.kind {
            ComponentKind::Service => &mut services,
            ComponentKind::Worker if rolling => &mut workers,
            _ => &mut apps,
        };
        let settled = actual.and_then(|actual| settled(actual, state.deployed.as_ref()));
        match actual {
            Some(actual) if rolls(component, Some(actual)) => {
                component.spec.id = fresh();
                beside.extend(create(component));
                replaced.push(remove(&component.name, actual, false));
            }
            Some(actual) if can_stay(component, actual, settled) => {
                component.spec.id = actual.spec.id.clone();
                steps.extend(update(component, &actual.spec, settled));
                steps.extend(get_ready_again(component, settled));
            }
            Some(actual) => {
                component.spec.id = fresh();
                let is_worker = component.kind == ComponentKind::Worker;
                let removals = if rolling && is_worker {
                    &mut *steps
                } else {
                    &mut removals
                };
                removals.push(remove(&component.name, actual, false));
                steps.extend(create(component));
            }
            None => {
                component.spec.id = fresh();
                // A new service disturbs nobody, so requests need not wait for it.
                let steps = match component.kind {
                    ComponentKind::Service => &mut quiet,
                    ComponentKind::App if rolling => &mut beside,
                    _ => steps,
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

    // The edge has forgotten the routes of an environment that was stopped. Where nothing is settled, none is known to
    // have told it again.
    let is_unsettled = |actual: &Actual| settled(actual, state.deployed.as_ref()).is_none();
    let routes_differ = state.containers.iter().all(is_unsettled)
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
    steps.extend(beside);
    steps.extend(apps);
    steps.extend(workers);
    if rolling {
        steps.push(Step::SwitchRoutes);
    } else if routes_differ {
        steps.push(Step::SetRoutes);
    }
    steps.extend(replaced);
    steps
}

/// A component's containers, the one first that a deployment last came to its end with.
fn of_component<'a>(name: &str, state: &'a State) -> Vec<&'a Actual> {
    let mut containers: Vec<&Actual> = state
        .containers
        .iter()
        .filter(|actual| actual.component == name)
        .collect();
    containers.sort_by_key(|actual| settled(actual, state.deployed.as_ref()).is_none());
    containers
}

/// Whether a component gets a container beside the one that it has: an app that is wanted in another slot.
fn rolls(component: &Component, actual: Option<&Actual>) -> bool {
    component.kind == ComponentKind::App
        && actual.is_some_and(|actual| actual.running && actual.spec.slot != component.spec.slot)
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

fn other_limits(component: &Component, limits: &BTreeMap<VolumeId, Option<u64>>) -> Vec<Step> {
    let other = component.volumes.iter().filter(|want| {
        limits
            .get(&want.volume)
            .is_some_and(|limit| *limit != want.quota_bytes)
    });
    other
        .map(|want| Step::LimitVolume {
            component: component.name.clone(),
            volume: want.volume.clone(),
            bytes: want.quota_bytes,
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

/// What a container was when a deployment last came to its end with it. A deployment that a crash interrupted may
/// have changed the container since, and not have told the processes in it.
fn settled<'a>(actual: &Actual, deployed: Option<&'a Desired>) -> Option<&'a Component> {
    deployed?
        .components
        .iter()
        .find(|component| component.name == actual.component && component.spec.id == actual.spec.id)
}

/// Whether a container can be brought up to date as it is. An app or worker that no deployment has come to its end
/// with cannot: how far it came is not known. A service is spared that: it may be making its database.
fn can_stay(component: &Component, actual: &Actual, settled: Option<&Component>) -> bool {
    actual.running
        && (settled.is_some() || component.kind == ComponentKind::Service)
        && !must_be_made_anew(&component.spec, &actual.spec)
}

/// Steps that a running service needs because what is to be in it changed, or because it was never awaited.
fn get_ready_again(component: &Component, settled: Option<&Component>) -> Vec<Step> {
    let Life::Service {
        provision: wanted, ..
    } = &component.life
    else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    if settled.is_none() {
        steps.push(Step::AwaitService {
            component: component.name.clone(),
            container: component.spec.id.clone(),
        });
    }
    let is_provisioned = matches!(
        settled.map(|settled| &settled.life),
        Some(Life::Service { provision: had, .. }) if had == wanted
    );
    if wanted.is_some() && !is_provisioned {
        steps.push(provision(component));
    }
    steps
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

/// Steps that bring a running container up to date. What changed since it was `settled` is done even where the
/// container has it already: a deployment that was interrupted may have done it without telling the processes, or
/// half.
fn update(component: &Component, actual: &ContainerSpec, settled: Option<&Component>) -> Vec<Step> {
    let (name, container) = (&component.name, &actual.id);
    let desired = &component.spec;
    let settled = settled.map_or(actual, |settled| &settled.spec);
    let mut steps = Vec::new();
    if desired.link != actual.link || desired.link != settled.link {
        steps.push(Step::Connect {
            component: name.clone(),
            container: container.clone(),
        });
    }
    let write = in_either(changed, &desired.files, [&actual.files, &settled.files]);
    let remove = in_either(gone, &desired.files, [&actual.files, &settled.files]);
    let nginx_differs = write.iter().any(|path| path == NGINX_FILE);
    let quiet_file = |path: &String| [NGINX_FILE, ROUTES_FILE, RUN_CONFIG_FILE].contains(&path.as_str());
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
    let app_differs = desired.app != actual.app || desired.app != settled.app;
    if let (Some(AppImage::Frozen { image }), true) = (&desired.app, app_differs) {
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

/// The paths that `differing` finds in comparison with either of two states.
fn in_either(
    differing: fn(&[RunFile], &[RunFile]) -> Vec<String>,
    desired: &[RunFile],
    states: [&[RunFile]; 2],
) -> Vec<String> {
    let paths: BTreeSet<String> = states
        .iter()
        .flat_map(|state| differing(desired, state))
        .collect();
    paths.into_iter().collect()
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
