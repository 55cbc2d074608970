//! Disk space.

use super::{App, Failure, blocking};
use axum::{
    Json,
    extract::{Query, State},
};
use guise_api::{Disk, Pool, Volume, paths};
use guise_platform::DiskView;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    project: Option<String>,
    environment: Option<String>,
}

/// Show what volumes use, and what is left for them.
#[utoipa::path(
    get,
    path = paths::DISK,
    operation_id = "disk_get",
    params(Of),
    responses((status = 200, body = Disk))
)]
pub(crate) async fn show(State(app): State<App>, Query(of): Query<Of>) -> Result<Json<Disk>, Failure> {
    blocking(&app, move |platform| {
        let project = of.project.map(|given| platform.project(&given)).transpose()?;
        let project = project.as_ref().map(|project| &project.id);
        Ok(Json(disk(platform.disk(project, of.environment.as_deref())?)))
    })
    .await
}

fn disk(view: DiskView) -> Disk {
    let volumes = view.volumes.into_iter().map(|volume| Volume {
        nearly_full: volume.is_nearly_full(),
        project: volume.project,
        environment: volume.environment,
        component: volume.component,
        volume: volume.volume,
        used_bytes: volume.used.used_bytes,
        limit_bytes: volume.used.limit_bytes,
    });
    Disk {
        volumes: volumes.collect(),
        pool: Pool {
            total_bytes: view.room.total_bytes,
            used_bytes: view.room.used_bytes,
            host_free_bytes: view.room.host_free_bytes,
            limits_hold: view.limits_hold,
        },
    }
}
