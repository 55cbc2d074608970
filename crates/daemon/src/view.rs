//! The platform's records as the API's types.

use crate::api::Failure;
use guise_api::{
    Activity, ActivityResult, ActivityState, ActivityStep, Chapter, Container, ContainerKind, Environment,
    EnvironmentStatus, EnvironmentType, Image, ImageKind, Lie, Namespace, ProcessView, Project, Route, Truth,
};
use guise_platform::{
    ActivityRecord, ContainerView, EnvironmentRecord, Owned, Platform, ProjectRecord, StepRecord, Target,
    Timings, desired,
};
use std::time::Duration;

pub(crate) fn project(platform: &Platform, project: ProjectRecord) -> Project {
    let git_url = platform.git_url(&project.id);
    let ssh_url = platform.git_ssh_url(&project.id);
    Project {
        id: project.id,
        title: project.title,
        default_branch: project.default_branch,
        push_activates: project.push_activates,
        timezone: project.timezone,
        git_url,
        ssh_url,
        created_at: project.created_at,
    }
}

pub(crate) fn environment(
    platform: &Platform,
    environment: EnvironmentRecord,
) -> Result<Environment, Failure> {
    use guise_platform::{EnvironmentStatus as Status, EnvironmentType as Type};
    let routes = platform.routes(&environment)?;
    let enable_smtp = environment.sends_mail();
    let sleep_after = platform.sleep_after(&environment).to_string();
    Ok(Environment {
        name: environment.name,
        title: environment.title,
        machine_name: environment.machine_name,
        project: environment.project,
        kind: match environment.kind {
            Type::Production => EnvironmentType::Production,
            Type::Staging => EnvironmentType::Staging,
            Type::Development => EnvironmentType::Development,
        },
        status: match environment.status {
            Status::Active => EnvironmentStatus::Active,
            Status::Inactive => EnvironmentStatus::Inactive,
            Status::Paused => EnvironmentStatus::Paused,
            Status::Deleting => EnvironmentStatus::Deleting,
        },
        parent: environment.parent,
        head_commit: environment.head_commit,
        deployed_at: environment.deployed_at,
        restrict_robots: environment.restrict_robots,
        enable_smtp,
        asleep: environment.asleep,
        sleep_after,
        deployment_strategy: environment.strategy.as_str().into(),
        routes: routes
            .into_iter()
            .map(|route| {
                let kind = route.target.kind();
                let to = match route.target {
                    Target::Upstream { upstream, .. } => upstream,
                    Target::Redirect { to } | Target::Proxy { to } => to,
                };
                let (url, original_url, primary) = (route.url, route.original_url, route.primary);
                Route {
                    url,
                    original_url,
                    primary,
                    kind: kind.into(),
                    to,
                }
            })
            .collect(),
    })
}

/// An activity that has just been asked for, or whose steps do not matter.
pub(crate) fn webhook(webhook: guise_platform::WebhookRecord) -> guise_api::Webhook {
    guise_api::Webhook {
        id: webhook.id,
        project: webhook.project,
        url: webhook.url,
        events: webhook.events,
        created_at: webhook.created_at,
        failures: webhook.failures,
        problem: webhook.problem,
    }
}

pub(crate) fn activity(activity: ActivityRecord) -> Activity {
    activity_with_steps(activity, &[])
}

pub(crate) fn activity_with_steps(activity: ActivityRecord, steps: &[StepRecord]) -> Activity {
    use guise_platform::ActivityState as State;
    let result = |success| {
        if success {
            ActivityResult::Success
        } else {
            ActivityResult::Failure
        }
    };
    let Timings {
        wait,
        build,
        deploy,
        execute,
    } = Timings::of(&activity, steps);
    let seconds = |took: Option<Duration>| took.map(|took| took.as_secs_f64());
    Activity {
        id: activity.id,
        kind: activity.kind,
        project: activity.project,
        environments: activity.environment.into_iter().collect(),
        description: activity.description,
        state: match activity.state {
            State::Pending => ActivityState::Pending,
            State::InProgress => ActivityState::InProgress,
            State::Complete => ActivityState::Complete,
            State::Cancelled => ActivityState::Cancelled,
            State::Scheduled => ActivityState::Scheduled,
            State::Staged => ActivityState::Staged,
        },
        result: activity.success.map(result),
        completion_percent: activity.percent,
        created_at: activity.created_at,
        started_at: activity.started_at,
        completed_at: activity.completed_at,
        cancelled_at: activity.cancelled_at,
        timings: guise_api::Timings {
            wait: seconds(wait),
            build: seconds(build),
            deploy: seconds(deploy),
            execute: seconds(execute),
        },
    }
}

pub(crate) fn step(record: StepRecord) -> ActivityStep {
    /// What of a step's fields says best what it works on.
    const ABOUT: [&str; 7] = [
        "component",
        "operation",
        "part",
        "backup",
        "branch",
        "from",
        "commit",
    ];
    let word = |name: &str| record.step[name].as_str().map(String::from);
    ActivityStep {
        number: record.number,
        name: word("step").unwrap_or_default(),
        about: ABOUT.into_iter().find_map(word),
        started_at: record.started_at,
        completed_at: record.completed_at,
    }
}

pub(crate) fn container(view: ContainerView) -> Container {
    let owned = view.owned;
    let spec = owned.status.spec;
    let pid = match owned.status.state {
        guise_platform::ContainerState::Running { pid } => Some(pid),
        guise_platform::ContainerState::Exited => None,
    };
    Container {
        id: spec.id,
        project: owned.project,
        environment: owned.environment,
        name: owned.component,
        kind: match view.kind {
            desired::ComponentKind::App => ContainerKind::App,
            desired::ComponentKind::Worker => ContainerKind::Worker,
            desired::ComponentKind::Service => ContainerKind::Service,
        },
        image_type: view.image_type,
        running: pid.is_some(),
        pid,
        memory_bytes: view.usage.memory_bytes,
        memory_limit_bytes: spec.limits.memory_bytes,
        created_at: time(owned.status.created_unix_ms),
        lies: view
            .lies
            .into_iter()
            .map(|[about, inside, outside]| Lie {
                about,
                inside,
                outside,
            })
            .collect(),
        processes: view.processes.into_iter().map(process).collect(),
    }
}

fn process(process: guise_platform::ProcessView) -> ProcessView {
    ProcessView {
        inside_pid: process.inside_pid,
        host_pid: process.host_pid,
        inside_parent: process.inside_parent,
        inside_user: process.inside_uid.to_string(),
        host_uid: process.host_uid,
        rss_bytes: process.rss_bytes,
        command: process.command,
    }
}

pub(crate) fn truth(owned: Owned, truth: guise_platform::Truth) -> Truth {
    let chapters = truth.chapters.into_iter().map(|chapter| Chapter {
        title: chapter.title.into(),
        lies: chapter
            .lies
            .into_iter()
            .map(|lie| Lie {
                about: lie.about,
                inside: lie.inside,
                outside: lie.outside,
            })
            .collect(),
    });
    let namespaces = truth.namespaces.into_iter().map(|namespace| Namespace {
        kind: namespace.kind.into(),
        hides: namespace.hides.into(),
        number: namespace.number,
        of_machine: namespace.of_machine,
    });
    Truth {
        id: owned.status.spec.id,
        name: owned.component,
        environment: owned.environment,
        chapters: chapters.collect(),
        processes: truth.processes.into_iter().map(process).collect(),
        namespaces: namespaces.collect(),
    }
}

/// Images of the store, then versions of recipes that are not built yet.
pub(crate) fn images(platform: &Platform) -> Result<Vec<Image>, Failure> {
    let mut images: Vec<Image> = platform
        .images()?
        .into_iter()
        .map(|(image, app)| {
            let (kind, name) = match image.kind {
                guise_platform::ImageKind::Base { recipe, version } => {
                    (ImageKind::Base, format!("{recipe}:{version}"))
                }
                guise_platform::ImageKind::App => (ImageKind::App, app.unwrap_or_else(|| "app".into())),
            };
            Image {
                kind,
                name,
                used_by: platform.users_of(&image.digest),
                digest: Some(image.digest),
                bytes: image.bytes,
                created_at: Some(time(image.created_unix_ms)),
            }
        })
        .collect();
    for name in platform.recipe_versions() {
        if !images
            .iter()
            .any(|image| image.kind == ImageKind::Base && image.name == name)
        {
            let (kind, digest, created_at) = (ImageKind::Base, None, None);
            images.push(Image {
                kind,
                name,
                digest,
                bytes: 0,
                created_at,
                used_by: 0,
            });
        }
    }
    images.sort_by(|a, b| (a.kind as u8, &a.name).cmp(&(b.kind as u8, &b.name)));
    Ok(images)
}

/// Milliseconds since 1970 as RFC 3339 in UTC.
pub fn time(unix_ms: u64) -> String {
    guise_platform::time(unix_ms)
}
