//! Each row of the plan's table, as a test.

use super::*;
use crate::desired::{Crons, Provision, VolumeWant};
use crate::routes::ResolvedRoute;
use guise_model::{ImageDigest, Limits};
use guise_node::{Egress, HostEntry, Link, Listen, Process, STOP_GRACE_SECONDS, User};
use std::{collections::BTreeMap, net::Ipv4Addr};

fn image(digit: char) -> ImageDigest {
    ImageDigest::new(digit.to_string().repeat(64)).unwrap()
}

fn container(name: &str, slot: u32, app: Option<ImageDigest>) -> ContainerSpec {
    let user = User {
        uid: 10_000,
        gid: 10_000,
    };
    let file = |path: &str| RunFile {
        path: path.into(),
        content: "old".into(),
        mode: 0o644,
    };
    ContainerSpec {
        id: ContainerId::new(format!("unset{slot:07}")).unwrap(),
        name: name.into(),
        hostname: name.into(),
        slot,
        base: image('b'),
        app: app.map(|image| AppImage::Frozen { image }),
        mounts: vec![],
        scratch: vec![],
        files: vec![file(ENV_FILE), file(ROUTES_FILE), file(NGINX_FILE)],
        process: Process {
            argv: vec!["runsvdir".into()],
            env: BTreeMap::new(),
            cwd: "/".into(),
            user,
        },
        limits: Limits {
            cpu_millis: 1000,
            memory_bytes: 1 << 29,
            pids: 100,
        },
        stop_grace_seconds: STOP_GRACE_SECONDS,
        link: Link {
            address: Ipv4Addr::new(169, 254, 64, slot as u8 + 2),
            hosts: vec![],
            egress: Egress::Allow,
            mail: false,
            connect: vec![],
        },
    }
}

pub(crate) fn desired() -> Desired {
    let service = Component {
        name: "db".into(),
        kind: ComponentKind::Service,
        image_type: "mariadb:11.8".into(),
        spec: container("db", 1, None),
        volumes: vec![VolumeWant {
            volume: VolumeId::new("data-db").unwrap(),
            quota_bytes: None,
            owner: User { uid: 100, gid: 100 },
            mode: 0o700,
        }],
        env: BTreeMap::new(),
        life: Life::Service {
            port: 3306,
            ready: vec!["ping".into()],
            provision: Some(Provision {
                argv: vec!["mariadb".into()],
                stdin: "CREATE".into(),
            }),
        },
    };
    let app = Component {
        name: "app".into(),
        kind: ComponentKind::App,
        image_type: "python:3.13".into(),
        spec: container("app", 2, Some(image('a'))),
        volumes: vec![],
        env: BTreeMap::new(),
        life: Life::App {
            listen: Some(Listen::Tcp(8888)),
            has_start: true,
            deploy: None,
            post_deploy: None,
            post_start: None,
            operations: Vec::new(),
            crons: Crons::default(),
        },
    };
    let route = ResolvedRoute::upstream("https://{default}/", "http://main.localhost/", "app");
    Desired {
        components: vec![service, app],
        routes: vec![route],
    }
}

fn fresh() -> impl FnMut() -> ContainerId {
    let mut number = 0;
    move || {
        number += 1;
        ContainerId::new(format!("fresh{number:07}")).unwrap()
    }
}

/// What is there once `desired` has been carried out.
pub(crate) fn carried_out(mut desired: Desired) -> State {
    let empty = State::default();
    plan(&mut desired, &empty, fresh());
    State {
        containers: desired
            .components
            .iter()
            .map(|c| Actual {
                component: c.name.clone(),
                spec: c.spec.clone(),
                running: true,
            })
            .collect(),
        limits: desired
            .components
            .iter()
            .flat_map(|c| &c.volumes)
            .map(|want| (want.volume.clone(), want.quota_bytes))
            .collect(),
        volumes: desired
            .components
            .iter()
            .flat_map(|c| &c.volumes)
            .map(|v| v.volume.clone())
            .collect(),
        deployed: Some(desired),
    }
}

/// The plan as words: `swap_app app`.
fn words(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map(|step| {
            let json = serde_json::to_value(step).unwrap();
            let component = json["component"].as_str().unwrap_or_default();
            format!("{} {component}", json["step"].as_str().unwrap())
                .trim_end()
                .to_string()
        })
        .collect()
}

fn plan_after(change: impl FnOnce(&mut Desired)) -> Vec<String> {
    let state = carried_out(desired());
    let mut next = desired();
    change(&mut next);
    words(&plan(&mut next, &state, fresh()))
}

#[test]
fn a_first_deployment_makes_everything() {
    let steps = words(&plan(&mut desired(), &State::default(), fresh()));
    assert_eq!(
        steps,
        [
            "create_volume db",
            "create_container db",
            "await_service db",
            "provision db",
            "hold",
            "create_container app",
            "await_app app",
            "set_routes",
        ]
    );
}

#[test]
fn services_start_together_before_any_is_waited_for() {
    let mut desired = desired();
    let mut cache = desired.components[0].clone();
    cache.name = "cache".into();
    cache.volumes.clear();
    desired.components.insert(1, cache);
    let steps = words(&plan(&mut desired, &State::default(), fresh()));
    assert_eq!(
        steps[..5],
        [
            "create_volume db",
            "create_container db",
            "create_container cache",
            "await_service db",
            "provision db",
        ]
    );
}

#[test]
fn an_environment_that_was_stopped_gets_its_routes_again() {
    let mut state = carried_out(desired());
    state.containers.clear();
    let steps = words(&plan(&mut desired(), &state, fresh()));
    assert_eq!(steps.last().unwrap(), "set_routes");

    // The same after a crash between its containers and its routes.
    let mut state = carried_out(desired());
    for actual in &mut state.containers {
        actual.spec.id = ContainerId::new(format!("again{:07}", actual.spec.slot)).unwrap();
    }
    let steps = words(&plan(&mut desired(), &state, fresh()));
    assert_eq!(steps.last().unwrap(), "set_routes");
}

#[test]
fn code_that_an_interrupted_deployment_swapped_is_started() {
    let mut state = carried_out(desired());
    state.containers[1].spec.app = Some(AppImage::Frozen { image: image('c') });
    let mut desired = desired();
    desired.components[1].spec.app = Some(AppImage::Frozen { image: image('c') });
    let steps = words(&plan(&mut desired, &state, fresh()));
    assert_eq!(
        steps,
        ["hold", "swap_app app", "restart_app app", "await_app app"]
    );
}

#[test]
fn files_that_an_interrupted_deployment_wrote_are_read() {
    let mut state = carried_out(desired());
    let mut desired = desired();
    desired.components[1].spec.files[2].content = "new".into();
    state.containers[1].spec.files[2].content = "new".into();
    let steps = words(&plan(&mut desired, &state, fresh()));
    assert_eq!(steps, ["write_files app", "reload_nginx app"]);
}

#[test]
fn of_what_an_interrupted_deployment_made_services_are_awaited_and_apps_made_anew() {
    let mut state = carried_out(desired());
    state.deployed = None;
    let steps = words(&plan(&mut desired(), &state, fresh()));
    let expected = [
        "hold",
        "remove_container app",
        "await_service db",
        "provision db",
        "create_container app",
        "await_app app",
        "set_routes",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn no_difference_is_no_step() {
    assert_eq!(plan_after(|_| {}), [""; 0]);
}

#[test]
fn code_only_swaps_and_restarts_the_app_and_touches_nothing_else() {
    let steps = plan_after(|next| next.components[1].spec.app = Some(AppImage::Frozen { image: image('c') }));
    assert_eq!(
        steps,
        ["hold", "swap_app app", "restart_app app", "await_app app"]
    );
}

#[test]
fn a_changed_environment_restarts_the_app_in_its_container() {
    let steps = plan_after(|next| next.components[1].spec.files[0].content = "new".into());
    assert_eq!(
        steps,
        ["hold", "write_files app", "restart_app app", "await_app app"]
    );
}

#[test]
fn routes_only_concern_the_edge() {
    let steps = plan_after(|next| {
        next.routes[0].url = "http://www.localhost/".into();
        next.components[1].spec.files[1].content = "new".into();
    });
    assert_eq!(steps, ["write_files app", "set_routes"]);
}

#[test]
fn crons_concern_nothing_that_runs() {
    let steps = plan_after(|next| {
        let Life::App { crons, .. } = &mut next.components[1].life else {
            panic!()
        };
        crons.timezone = Some("Europe/Paris".into());
        crons.jobs.push(guise_config::Cron {
            name: "clean".into(),
            spec: "H * * * *".into(),
            start: "make clean".into(),
            stop: None,
            shutdown_timeout: 10,
            timeout: 60,
        });
        // PLATFORM_APPLICATION has them.
        next.components[1].spec.files[1].content = "new".into();
    });
    assert_eq!(steps, ["write_files app"]);
}

#[test]
fn locations_reload_nginx_without_holding_anybody() {
    let steps = plan_after(|next| next.components[1].spec.files[2].content = "new".into());
    assert_eq!(steps, ["write_files app", "reload_nginx app"]);
}

#[test]
fn a_relationship_connects_without_a_restart() {
    let address = Ipv4Addr::new(169, 254, 64, 3);
    let steps = plan_after(|next| {
        let link = &mut next.components[1].spec.link;
        link.hosts.push(HostEntry {
            name: "cache.internal".into(),
            address,
        });
        link.connect.push((address, 6379));
    });
    assert_eq!(steps, ["connect app"]);
}

#[test]
fn another_size_makes_only_that_container_anew() {
    let steps = plan_after(|next| next.components[1].spec.limits.pids = 5);
    assert_eq!(
        steps,
        [
            "hold",
            "remove_container app",
            "create_container app",
            "await_app app"
        ]
    );
    let steps = plan_after(|next| next.components[0].spec.limits.pids = 5);
    let anew = [
        "hold",
        "remove_container db",
        "create_container db",
        "await_service db",
        "provision db",
    ];
    assert_eq!(steps, anew);
}

#[test]
fn another_endpoint_provisions_the_service_in_place() {
    let steps = plan_after(|next| {
        let Life::Service {
            provision: Some(provision),
            ..
        } = &mut next.components[0].life
        else {
            panic!()
        };
        provision.stdin = "CREATE MORE".into();
    });
    assert_eq!(steps, ["provision db"]);
}

#[test]
fn a_removed_service_goes_after_the_apps_that_used_it() {
    let steps = plan_after(|next| {
        next.components.remove(0);
        next.components[0].spec.limits.pids = 5;
    });
    let order = [
        "hold",
        "remove_container app",
        "remove_container db",
        "create_container app",
        "await_app app",
    ];
    assert_eq!(steps, order);
}

#[test]
fn a_container_that_died_is_made_anew_under_a_new_id() {
    let mut state = carried_out(desired());
    state.containers[1].running = false;
    let mut next = desired();
    let steps = plan(&mut next, &state, || ContainerId::new("newcontainer").unwrap());
    assert_eq!(
        words(&steps),
        [
            "hold",
            "remove_container app",
            "create_container app",
            "await_app app"
        ]
    );
    assert_eq!(next.components[1].spec.id.as_str(), "newcontainer");
    assert_eq!(next.components[0].spec.id, state.containers[0].spec.id);
}

#[test]
fn a_plan_repeated_after_a_crash_in_its_middle_still_arrives() {
    // The volume and the service were made, then the daemon was killed: nothing of it is recorded as deployed.
    let done = carried_out(desired());
    let state = State {
        containers: vec![done.containers[0].clone()],
        volumes: done.volumes,
        limits: done.limits,
        deployed: None,
    };
    let steps = words(&plan(&mut desired(), &state, fresh()));
    assert_eq!(
        steps,
        [
            "hold",
            "await_service db",
            "provision db",
            "create_container app",
            "await_app app",
            "set_routes"
        ]
    );
}

/// Another slot, and another size, so that the app must be made anew.
fn roll(next: &mut Desired) {
    let spec = &mut next.components[1].spec;
    spec.slot = 9;
    spec.limits.pids = 5;
}

#[test]
fn an_app_in_another_slot_is_made_beside_the_old_one_and_holds_nobody() {
    let steps = plan_after(roll);
    let expected = [
        "create_container app",
        "await_app app",
        "switch_routes",
        "remove_container app",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn workers_change_and_new_apps_come_before_the_switch_of_an_app_that_rolls() {
    let component = |name: &str, slot, kind, life| Component {
        name: name.into(),
        kind,
        spec: container(name, slot, Some(image('a'))),
        life,
        ..desired().components[1].clone()
    };
    let worker = component("app--queue", 3, ComponentKind::Worker, Life::Worker);
    let mut before = desired();
    before.components.push(worker.clone());
    let state = carried_out(before);
    let mut next = desired();
    roll(&mut next);
    next.components.push(worker);
    next.components[2].spec.limits.pids = 5;
    let life = next.components[1].life.clone();
    next.components
        .push(component("api", 4, ComponentKind::App, life));
    let steps = words(&plan(&mut next, &state, fresh()));
    let expected = [
        "create_container app",
        "await_app app",
        "create_container api",
        "await_app api",
        "remove_container app--queue",
        "create_container app--queue",
        "switch_routes",
        "remove_container app",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_new_container_that_an_interrupted_roll_left_is_removed_and_the_old_one_serves_meanwhile() {
    let mut state = carried_out(desired());
    let mut left_over = state.containers[1].clone();
    left_over.spec.id = ContainerId::new("leftover0009").unwrap();
    left_over.spec.slot = 9;
    state.containers.insert(0, left_over);
    // Somebody wants nothing new any more.
    let steps = plan(&mut desired(), &state, fresh());
    assert_eq!(words(&steps), ["remove_container app"]);
    assert!(
        matches!(&steps[0], Step::RemoveContainer { container, .. } if container.as_str() == "leftover0009")
    );
    // The roll begins again.
    let mut next = desired();
    roll(&mut next);
    let steps = words(&plan(&mut next, &state, fresh()));
    let expected = [
        "remove_container app",
        "create_container app",
        "await_app app",
        "switch_routes",
        "remove_container app",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn an_old_container_that_a_recorded_roll_left_is_removed() {
    let old = carried_out(desired()).containers[1].clone();
    let mut next = desired();
    roll(&mut next);
    let mut state = carried_out(next.clone());
    state.containers[1].spec.id = ContainerId::new("rolled000009").unwrap();
    state.deployed.as_mut().unwrap().components[1].spec.id = state.containers[1].spec.id.clone();
    state.containers.push(old.clone());
    let steps = plan(&mut next, &state, fresh());
    assert_eq!(words(&steps), ["remove_container app"]);
    assert!(matches!(&steps[0], Step::RemoveContainer { container, .. } if *container == old.spec.id));
}

#[test]
fn another_disk_size_is_a_limit_and_nothing_else() {
    let state = carried_out(desired());
    let mut larger = desired();
    for want in larger.components.iter_mut().flat_map(|c| &mut c.volumes) {
        want.quota_bytes = Some(want.quota_bytes.unwrap_or_default() + 1_000_000);
    }
    let steps = plan(&mut larger, &state, fresh());
    assert!(!steps.is_empty());
    assert!(
        steps.iter().all(|step| matches!(step, Step::LimitVolume { .. })),
        "{steps:?}"
    );
}
