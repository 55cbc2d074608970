//! Crons.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Cron, paths};

/// List what an environment runs by itself.
#[utoipa::path(
    get,
    path = paths::CRONS,
    operation_id = "cron_list",
    responses((status = 200, body = Vec<Cron>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Vec<Cron>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let crons = platform.crons(&environment)?.into_iter();
        let views = crons.map(|view| Cron {
            name: view.cron.name,
            app: view.app,
            spec: view.cron.spec,
            timezone: view.timezone,
            command: view.cron.start,
            paused: view.paused,
            next_run: view.next.map(|moment| moment.to_string()),
            last_run: view.last.map(view::activity),
        });
        Ok(Json(views.collect()))
    })
    .await
}
