//! Operations: commands of a project that people start.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Activity, Operation, RunOperation, RunSourceOperation, SourceOperation, paths};

type Named = Path<(String, String)>;

/// List an environment's runtime operations.
#[utoipa::path(
    get,
    path = paths::OPERATIONS,
    operation_id = "operation_list",
    responses((status = 200, body = Vec<Operation>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, name)): Named,
) -> Result<Json<Vec<Operation>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let views = platform.operations(&environment)?.into_iter();
        let operations = views.map(|view| Operation {
            name: view.operation.name,
            app: view.app,
            command: view.operation.start,
            stop: view.operation.stop,
            timeout: view.operation.timeout,
            role: view.operation.role.as_str().into(),
        });
        Ok(Json(operations.collect()))
    })
    .await
}

/// Run a runtime operation.
#[utoipa::path(
    post,
    path = paths::OPERATIONS,
    operation_id = "operation_run",
    request_body = RunOperation,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn run(
    State(app): State<App>,
    Path((project, name)): Named,
    Json(wanted): Json<RunOperation>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let (at, worker) = (wanted.app.as_deref(), wanted.worker.as_deref());
        let activity = platform.run_operation(&environment, &wanted.operation, at, worker)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}

/// List an environment's source operations.
#[utoipa::path(
    get,
    path = paths::SOURCE_OPERATIONS,
    operation_id = "source_operation_list",
    responses((status = 200, body = Vec<SourceOperation>))
)]
pub(crate) async fn list_source(
    State(app): State<App>,
    Path((project, name)): Named,
) -> Result<Json<Vec<SourceOperation>>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let views = platform.source_operations(&environment)?.into_iter();
        let operations = views.map(|view| SourceOperation {
            name: view.operation.name,
            app: view.app,
            command: view.operation.command,
        });
        Ok(Json(operations.collect()))
    })
    .await
}

/// Run a source operation.
#[utoipa::path(
    post,
    path = paths::SOURCE_OPERATIONS,
    operation_id = "source_operation_run",
    request_body = RunSourceOperation,
    responses((status = 200, body = Activity))
)]
pub(crate) async fn run_source(
    State(app): State<App>,
    Path((project, name)): Named,
    Json(wanted): Json<RunSourceOperation>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let activity = platform.run_source_operation(&environment, &wanted.operation, wanted.variables)?;
        Ok(Json(view::activity(activity)))
    })
    .await
}
