//! The HTTP API (`guise_api::paths`): each request becomes one call of the platform.

mod access;
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
mod http_access;
mod images;
mod lifecycle;
mod logs;
#[cfg(test)]
mod openapi;
mod operations;
mod projects;
mod resources;
mod status;
mod tokens;
mod truth;
mod users;
mod variables;
mod webhooks;

pub(crate) use access::Origin;
pub(crate) use error::Failure;

use crate::{acme::Acme, certificates::Certificates, config::Config, edge::EdgeClient};
use axum::Router;
use guise_platform::Platform;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Notify;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What every request may use.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) platform: Platform,
    pub(crate) edge: Arc<EdgeClient>,
    pub(crate) certificates: Arc<Certificates>,
    /// `None` if no authority is named.
    pub(crate) acme: Option<Arc<Acme>>,
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

/// The API, ready to serve whoever comes from there.
pub(crate) fn router(app: App, origin: Origin) -> Router {
    let (router, _) = routes().split_for_parts();
    let admit = axum::middleware::from_fn_with_state((app.clone(), origin), access::admit);
    router
        .route_layer(admit)
        .fallback(error::unknown_path)
        .with_state(app)
}

/// The API's routes with what they say of themselves. A route that is not documented cannot be added here.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status::show))
        .routes(routes!(status::stop))
        .routes(routes!(status::restart_edge))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::show, projects::set, projects::delete))
        .routes(routes!(projects::environments, lifecycle::branch))
        .routes(routes!(
            projects::environment,
            projects::set_environment,
            lifecycle::delete
        ))
        .routes(routes!(lifecycle::redeploy))
        .routes(routes!(lifecycle::plan))
        .routes(routes!(lifecycle::activate))
        .routes(routes!(lifecycle::deactivate))
        .routes(routes!(lifecycle::pause))
        .routes(routes!(lifecycle::resume))
        .routes(routes!(lifecycle::sleep))
        .routes(routes!(lifecycle::wake))
        .routes(routes!(http_access::show, http_access::set))
        .routes(routes!(lifecycle::merge))
        .routes(routes!(lifecycle::synchronize))
        .routes(routes!(variables::list_of_project))
        .routes(routes!(
            variables::create_of_project,
            variables::update_of_project,
            variables::delete_of_project
        ))
        .routes(routes!(variables::list))
        .routes(routes!(variables::create, variables::update, variables::delete))
        .routes(routes!(resources::list))
        .routes(routes!(resources::set))
        .routes(routes!(backups::list, backups::create))
        .routes(routes!(backups::show, backups::delete))
        .routes(routes!(backups::export))
        .routes(routes!(backups::import))
        .routes(routes!(backups::restore))
        .routes(routes!(certificates::list, certificates::add))
        .routes(routes!(certificates::show, certificates::delete))
        .routes(routes!(certificates::authority))
        .routes(routes!(apps::show))
        .routes(routes!(crons::list))
        .routes(routes!(operations::list, operations::run))
        .routes(routes!(operations::list_source, operations::run_source))
        .routes(routes!(projects::clear_build_cache))
        .routes(routes!(deployments::list))
        .routes(routes!(deployments::rollback))
        .routes(routes!(logs::follow))
        .routes(routes!(exec::start))
        .routes(routes!(containers::list))
        .routes(routes!(truth::list))
        .routes(routes!(disk::show))
        .routes(routes!(activities::list))
        .routes(routes!(activities::show))
        .routes(routes!(activities::steps))
        .routes(routes!(activities::log))
        .routes(routes!(activities::cancel))
        .routes(routes!(images::list, images::build))
        .routes(routes!(images::prune))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::update, users::delete))
        .routes(routes!(users::add_key))
        .routes(routes!(users::keys))
        .routes(routes!(users::delete_key))
        .routes(routes!(users::audit))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::delete))
        .routes(routes!(tokens::revoke))
        .routes(routes!(hooks::pre_receive))
        .routes(routes!(hooks::post_receive))
}

/// Runs a blocking call of the platform off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    call: impl FnOnce(&Platform) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let platform = app.platform.clone();
    let caller = access::caller_name();
    let call = move || guise_platform::on_behalf_of(&caller, || call(&platform));
    match tokio::task::spawn_blocking(call).await {
        Ok(outcome) => outcome,
        Err(panic) => Err(Failure::internal(&format!(
            "a request failed in a way it should not have: {panic}"
        ))),
    }
}
