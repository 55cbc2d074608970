//! An environment's life: each request queues an activity.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, Query, State},
};
use guise_api::{Activity, BranchEnvironment};
use guise_platform::{ActivityRecord, EnvironmentRecord, Platform, PlatformError, Strategy};
use serde::Deserialize;

type Answer = Result<Json<Activity>, Failure>;
type Named = Path<(String, String)>;

pub(crate) async fn branch(
    State(app): State<App>,
    Path(project): Path<String>,
    Json(wanted): Json<BranchEnvironment>,
) -> Answer {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let parent = wanted.parent.as_deref().unwrap_or(&project.default_branch);
        let parent = platform.environment(&project, parent)?;
        let activity = platform.branch(&project, &wanted.name, &parent, wanted.clone_parent)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

pub(crate) async fn delete(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| {
        platform.delete_environment(environment)
    })
    .await
}

#[derive(Deserialize)]
pub(crate) struct How {
    strategy: Option<Strategy>,
}

pub(crate) async fn redeploy(State(app): State<App>, named: Named, Query(how): Query<How>) -> Answer {
    act(app, named, move |platform, environment| {
        platform.redeploy(environment, how.strategy)
    })
    .await
}

#[derive(Deserialize)]
pub(crate) struct Which {
    commit: Option<String>,
}

pub(crate) async fn plan(State(app): State<App>, named: Named, Query(which): Query<Which>) -> Answer {
    act(app, named, move |platform, environment| {
        platform.show_plan(environment, which.commit.as_deref())
    })
    .await
}

pub(crate) async fn activate(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.activate(environment)).await
}

pub(crate) async fn deactivate(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| {
        platform.deactivate(environment)
    })
    .await
}

pub(crate) async fn pause(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.pause(environment)).await
}

pub(crate) async fn resume(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.resume(environment)).await
}

pub(crate) async fn sleep(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.sleep(environment)).await
}

pub(crate) async fn wake(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.wake(environment)).await
}

pub(crate) async fn merge(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.merge(environment)).await
}

#[derive(Deserialize)]
pub(crate) struct What {
    #[serde(default)]
    code: bool,
    #[serde(default)]
    data: bool,
}

pub(crate) async fn synchronize(State(app): State<App>, named: Named, Query(what): Query<What>) -> Answer {
    act(app, named, move |platform, environment| {
        platform.synchronize(environment, what.code, what.data)
    })
    .await
}

async fn act(
    app: App,
    Path((project, name)): Named,
    ask: impl FnOnce(&Platform, &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> + Send + 'static,
) -> Answer {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        Ok(Json(view::activity(ask(platform, &environment)?)))
    })
    .await
}
