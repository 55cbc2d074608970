//! An environment's life: each request queues an activity.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, Query, State},
};
use guise_api::{Activity, BranchEnvironment, paths};
use guise_platform::{ActivityRecord, EnvironmentRecord, Platform, PlatformError, Strategy};
use serde::Deserialize;
use utoipa::IntoParams;

type Answer = Result<Json<Activity>, Failure>;
type Named = Path<(String, String)>;

/// Make an environment as a branch of another.
#[utoipa::path(
    post,
    path = paths::ENVIRONMENTS,
    operation_id = "environment_branch",
    request_body = BranchEnvironment,
    responses((status = 200, body = Activity))
)]
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

/// Delete an environment with its data and its branch.
#[utoipa::path(
    delete,
    path = paths::ENVIRONMENT,
    operation_id = "environment_delete",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn delete(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| {
        platform.delete_environment(environment)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// `stopstart` or `rolling`; the environment's own when absent.
    #[param(value_type = Option<String>)]
    strategy: Option<Strategy>,
}

/// Deploy an environment again, as it is.
#[utoipa::path(
    post,
    path = paths::REDEPLOY,
    operation_id = "environment_redeploy",
    params(How),
    responses((status = 200, body = Activity))
)]
pub(crate) async fn redeploy(State(app): State<App>, named: Named, Query(how): Query<How>) -> Answer {
    act(app, named, move |platform, environment| {
        platform.redeploy(environment, how.strategy)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    commit: Option<String>,
}

/// Show what deploying a commit would do.
#[utoipa::path(
    post,
    path = paths::PLAN,
    operation_id = "environment_plan",
    params(Which),
    responses((status = 200, body = Activity))
)]
pub(crate) async fn plan(State(app): State<App>, named: Named, Query(which): Query<Which>) -> Answer {
    act(app, named, move |platform, environment| {
        platform.show_plan(environment, which.commit.as_deref())
    })
    .await
}

/// Start an inactive environment.
#[utoipa::path(
    post,
    path = paths::ACTIVATE,
    operation_id = "environment_activate",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn activate(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.activate(environment)).await
}

/// Stop an environment and delete its data; its branch stays.
#[utoipa::path(
    post,
    path = paths::DEACTIVATE,
    operation_id = "environment_deactivate",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn deactivate(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| {
        platform.deactivate(environment)
    })
    .await
}

/// Stop an environment; its data stays.
#[utoipa::path(
    post,
    path = paths::PAUSE,
    operation_id = "environment_pause",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn pause(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.pause(environment)).await
}

/// Start a paused environment.
#[utoipa::path(
    post,
    path = paths::RESUME,
    operation_id = "environment_resume",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn resume(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.resume(environment)).await
}

/// Stop an environment until somebody asks for it.
#[utoipa::path(
    post,
    path = paths::SLEEP,
    operation_id = "environment_sleep",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn sleep(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.sleep(environment)).await
}

/// Start an environment that sleeps.
#[utoipa::path(
    post,
    path = paths::WAKE,
    operation_id = "environment_wake",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn wake(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.wake(environment)).await
}

/// Merge an environment into its parent.
#[utoipa::path(
    post,
    path = paths::MERGE,
    operation_id = "environment_merge",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn merge(State(app): State<App>, named: Named) -> Answer {
    act(app, named, |platform, environment| platform.merge(environment)).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct What {
    #[serde(default)]
    code: bool,
    #[serde(default)]
    data: bool,
}

/// Bring the parent's code or data into an environment.
#[utoipa::path(
    post,
    path = paths::SYNCHRONIZE,
    operation_id = "environment_synchronize",
    params(What),
    responses((status = 200, body = Activity))
)]
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
