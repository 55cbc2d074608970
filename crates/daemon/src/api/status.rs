//! The daemon itself.

use super::{App, Failure, blocking};
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{ErrorKind, Status, paths};
use serde::Deserialize;
use std::sync::atomic::Ordering;
use utoipa::IntoParams;

/// Whether the daemon runs, its version and where it listens.
#[utoipa::path(
    get,
    path = paths::STATUS,
    operation_id = "daemon_status",
    responses((status = 200, body = Status))
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Json<Status>, Failure> {
    status(&app).await.map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Whether containers, edge and everything else on the machine go too; data stays.
    #[serde(default)]
    teardown: bool,
}

/// Stop the daemon; containers go on unless they are torn down.
#[utoipa::path(
    post,
    path = paths::STOP,
    operation_id = "daemon_stop",
    params(How),
    responses((status = 200, body = Status))
)]
pub(crate) async fn stop(State(app): State<App>, Query(how): Query<How>) -> Result<Json<Status>, Failure> {
    let status = status(&app).await?;
    app.stop.teardown.store(how.teardown, Ordering::Relaxed);
    app.stop.asked.notify_one();
    Ok(Json(status))
}

/// Let a new edge take the place of the one that serves.
#[utoipa::path(
    post,
    path = paths::EDGE_RESTART,
    operation_id = "edge_restart",
    responses((status = 200, body = Status))
)]
pub(crate) async fn restart_edge(State(app): State<App>) -> Result<Json<Status>, Failure> {
    let edge = app.edge.clone();
    blocking(&app, move |_| {
        edge.replace().map_err(|error| {
            let advice = "The former edge goes on serving; the daemon's edge.log says more.";
            Failure::new(
                ErrorKind::Machine,
                "edge.restart",
                format!("{error:#}"),
                vec![advice.into()],
            )
        })
    })
    .await?;
    status(&app).await.map(Json)
}

async fn status(app: &App) -> Result<Status, Failure> {
    let edge = app.edge.clone();
    let (config, state) = (app.config.clone(), app.state.clone());
    blocking(app, move |platform| {
        let pool = platform
            .node()
            .pool_usage()
            .map_err(guise_platform::PlatformError::from)?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            edge_pid: edge.pid(),
            edge_address: config.edge_listen.to_string(),
            domain: config.domain.clone(),
            state: state.display().to_string(),
            pool_bytes: pool.total_bytes,
            pool_used_bytes: pool.used_bytes,
        })
    })
    .await
}
