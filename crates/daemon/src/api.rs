//! The HTTP API (`guise_api::paths`): each request becomes one call of the platform.

mod activities;
mod apps;
mod backups;
mod certificates;
mod containers;
mod crons;
mod deployments;
mod disk;
mod error;
mod exec;
mod hooks;
mod images;
mod lifecycle;
mod logs;
mod operations;
mod projects;
mod resources;
mod status;
mod truth;
mod users;
mod variables;

pub(crate) use error::Failure;

use crate::{certificates::Certificates, config::Config, edge::EdgeClient};
use axum::{
    Router,
    routing::{get, patch, post},
};
use guise_api::paths;
use guise_platform::Platform;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Notify;

/// What every request may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) platform: Platform,
    pub(crate) edge: Arc<EdgeClient>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) config: Arc<Config>,
    pub(crate) state: Arc<PathBuf>,
    /// Told when the daemon shall stop; the value says whether the machine is to be cleared.
    pub(crate) stop: Arc<Stop>,
}

/// How the daemon is asked to stop.
#[derive(Default)]
pub(crate) struct Stop {
    pub(crate) asked: Notify,
    pub(crate) teardown: std::sync::atomic::AtomicBool,
}

/// The API's routes.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route(paths::STATUS, get(status::show))
        .route(paths::STOP, post(status::stop))
        .route(paths::EDGE_RESTART, post(status::restart_edge))
        .route(paths::PROJECTS, get(projects::list).post(projects::create))
        .route(
            paths::PROJECT,
            get(projects::show).patch(projects::set).delete(projects::delete),
        )
        .route(
            paths::ENVIRONMENTS,
            get(projects::environments).post(lifecycle::branch),
        )
        .route(
            paths::ENVIRONMENT,
            get(projects::environment)
                .patch(projects::set_environment)
                .delete(lifecycle::delete),
        )
        .route(paths::REDEPLOY, post(lifecycle::redeploy))
        .route(paths::PLAN, post(lifecycle::plan))
        .route(paths::ACTIVATE, post(lifecycle::activate))
        .route(paths::DEACTIVATE, post(lifecycle::deactivate))
        .route(paths::PAUSE, post(lifecycle::pause))
        .route(paths::RESUME, post(lifecycle::resume))
        .route(paths::SLEEP, post(lifecycle::sleep))
        .route(paths::WAKE, post(lifecycle::wake))
        .route(paths::MERGE, post(lifecycle::merge))
        .route(paths::SYNCHRONIZE, post(lifecycle::synchronize))
        .route(paths::PROJECT_VARIABLES, get(variables::list_of_project))
        .route(
            paths::PROJECT_VARIABLE,
            post(variables::create_of_project)
                .patch(variables::update_of_project)
                .delete(variables::delete_of_project),
        )
        .route(paths::VARIABLES, get(variables::list))
        .route(
            paths::VARIABLE,
            post(variables::create)
                .patch(variables::update)
                .delete(variables::delete),
        )
        .route(paths::RESOURCES, get(resources::list))
        .route(paths::RESOURCE, patch(resources::set))
        .route(paths::BACKUPS, get(backups::list).post(backups::create))
        .route(paths::BACKUP, get(backups::show).delete(backups::delete))
        .route(paths::EXPORT, post(backups::export))
        .route(paths::IMPORT, post(backups::import))
        .route(paths::RESTORE, post(backups::restore))
        .route(
            paths::CERTIFICATES,
            get(certificates::list).post(certificates::add),
        )
        .route(
            paths::CERTIFICATE,
            get(certificates::show).delete(certificates::delete),
        )
        .route(paths::AUTHORITY, get(certificates::authority))
        .route(paths::APP, get(apps::show))
        .route(paths::CRONS, get(crons::list))
        .route(paths::OPERATIONS, get(operations::list).post(operations::run))
        .route(
            paths::SOURCE_OPERATIONS,
            get(operations::list_source).post(operations::run_source),
        )
        .route(paths::CLEAR_BUILD_CACHE, post(projects::clear_build_cache))
        .route(paths::DEPLOYMENTS, get(deployments::list))
        .route(paths::ROLLBACK, post(deployments::rollback))
        .route(paths::LOGS, get(logs::follow))
        .route(paths::EXEC, post(exec::start))
        .route(paths::CONTAINERS, get(containers::list))
        .route(paths::TRUTH, get(truth::list))
        .route(paths::DISK, get(disk::show))
        .route(paths::ACTIVITIES, get(activities::list))
        .route(paths::ACTIVITY, get(activities::show))
        .route(paths::ACTIVITY_STEPS, get(activities::steps))
        .route(paths::ACTIVITY_LOG, get(activities::log))
        .route(paths::ACTIVITY_CANCEL, post(activities::cancel))
        .route(paths::IMAGES, get(images::list).post(images::build))
        .route(paths::PRUNE_IMAGES, post(images::prune))
        .route(paths::USERS, get(users::list).post(users::create))
        .route(
            paths::USER,
            get(users::show).patch(users::update).delete(users::delete),
        )
        .route(paths::USER_SSH_KEYS, post(users::add_key))
        .route(paths::SSH_KEYS, get(users::keys))
        .route(paths::SSH_KEY, axum::routing::delete(users::delete_key))
        .route(paths::AUDIT, get(users::audit))
        .route(paths::PRE_RECEIVE, post(hooks::pre_receive))
        .route(paths::POST_RECEIVE, post(hooks::post_receive))
        .fallback(error::unknown_path)
        .with_state(app)
}

/// Runs a blocking call of the platform off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    call: impl FnOnce(&Platform) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let platform = app.platform.clone();
    // Who may open the socket is the machine's root.
    let call = move || guise_platform::on_behalf_of(guise_platform::ROOT, || call(&platform));
    match tokio::task::spawn_blocking(call).await {
        Ok(outcome) => outcome,
        Err(panic) => Err(Failure::internal(&format!(
            "a request failed in a way it should not have: {panic}"
        ))),
    }
}
