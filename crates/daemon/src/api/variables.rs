//! Variables of projects and environments. What goes in may be a secret; what is marked as one never comes out.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Changed, SetVariable, Variable, paths};
use guise_platform::{ActivityRecord, Level, Platform, PlatformError, VariableChange, VariableRecord};

type OfProject = Path<String>;
type OfEnvironment = Path<(String, String)>;
type OneOfProject = Path<(String, String)>;
type OneOfEnvironment = Path<(String, String, String)>;

/// List a project's own variables.
#[utoipa::path(
    get,
    path = paths::PROJECT_VARIABLES,
    operation_id = "project_variable_list",
    responses((status = 200, body = Vec<Variable>))
)]
pub(crate) async fn list_of_project(
    State(app): State<App>,
    Path(project): OfProject,
) -> Result<Json<Vec<Variable>>, Failure> {
    at(app, project, None, |platform, level| platform.variables(level))
        .await
        .map(shown)
}

/// List an environment's variables, with those it inherits.
#[utoipa::path(
    get,
    path = paths::VARIABLES,
    operation_id = "variable_list",
    responses((status = 200, body = Vec<Variable>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path((project, environment)): OfEnvironment,
) -> Result<Json<Vec<Variable>>, Failure> {
    at(app, project, Some(environment), |platform, level| {
        platform.variables(level)
    })
    .await
    .map(shown)
}

/// Make a variable of a project.
#[utoipa::path(
    post,
    path = paths::PROJECT_VARIABLE,
    operation_id = "project_variable_create",
    request_body = SetVariable,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn create_of_project(
    State(app): State<App>,
    Path((project, name)): OneOfProject,
    Json(wanted): Json<SetVariable>,
) -> Result<Json<Changed>, Failure> {
    change(app, project, None, move |platform, level| {
        platform.create_variable(level, &name, wished(wanted))
    })
    .await
}

/// Make a variable of an environment.
#[utoipa::path(
    post,
    path = paths::VARIABLE,
    operation_id = "variable_create",
    request_body = SetVariable,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Path((project, environment, name)): OneOfEnvironment,
    Json(wanted): Json<SetVariable>,
) -> Result<Json<Changed>, Failure> {
    change(app, project, Some(environment), move |platform, level| {
        platform.create_variable(level, &name, wished(wanted))
    })
    .await
}

/// Change a variable of a project.
#[utoipa::path(
    patch,
    path = paths::PROJECT_VARIABLE,
    operation_id = "project_variable_update",
    request_body = SetVariable,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn update_of_project(
    State(app): State<App>,
    Path((project, name)): OneOfProject,
    Json(wanted): Json<SetVariable>,
) -> Result<Json<Changed>, Failure> {
    change(app, project, None, move |platform, level| {
        platform.update_variable(level, &name, wished(wanted))
    })
    .await
}

/// Change a variable of an environment.
#[utoipa::path(
    patch,
    path = paths::VARIABLE,
    operation_id = "variable_update",
    request_body = SetVariable,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn update(
    State(app): State<App>,
    Path((project, environment, name)): OneOfEnvironment,
    Json(wanted): Json<SetVariable>,
) -> Result<Json<Changed>, Failure> {
    change(app, project, Some(environment), move |platform, level| {
        platform.update_variable(level, &name, wished(wanted))
    })
    .await
}

/// Delete a variable of a project.
#[utoipa::path(
    delete,
    path = paths::PROJECT_VARIABLE,
    operation_id = "project_variable_delete",
    responses((status = 200, body = Changed))
)]
pub(crate) async fn delete_of_project(
    State(app): State<App>,
    Path((project, name)): OneOfProject,
) -> Result<Json<Changed>, Failure> {
    change(app, project, None, move |platform, level| {
        platform.delete_variable(level, &name)
    })
    .await
}

/// Delete a variable of an environment.
#[utoipa::path(
    delete,
    path = paths::VARIABLE,
    operation_id = "variable_delete",
    responses((status = 200, body = Changed))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Path((project, environment, name)): OneOfEnvironment,
) -> Result<Json<Changed>, Failure> {
    change(app, project, Some(environment), move |platform, level| {
        platform.delete_variable(level, &name)
    })
    .await
}

async fn change(
    app: App,
    project: String,
    environment: Option<String>,
    ask: impl FnOnce(&Platform, Level<'_>) -> Result<Option<ActivityRecord>, PlatformError> + Send + 'static,
) -> Result<Json<Changed>, Failure> {
    let activity = at(app, project, environment, ask).await?.map(view::activity);
    Ok(Json(Changed { activity }))
}

async fn at<T: Send + 'static>(
    app: App,
    project: String,
    environment: Option<String>,
    ask: impl FnOnce(&Platform, Level<'_>) -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let environment = environment
            .map(|name| platform.environment(&project, &name))
            .transpose()?;
        let level = environment
            .as_ref()
            .map_or(Level::Project(&project), Level::Environment);
        Ok(ask(platform, level)?)
    })
    .await
}

fn shown(variables: Vec<VariableRecord>) -> Json<Vec<Variable>> {
    let shown = variables.into_iter().map(|variable| Variable {
        name: variable.name,
        environment: variable.environment,
        value: (!variable.is_sensitive).then_some(variable.value),
        is_json: variable.is_json,
        is_sensitive: variable.is_sensitive,
        visible_build: variable.visible_build,
        visible_runtime: variable.visible_runtime,
        is_inheritable: variable.is_inheritable,
        is_enabled: variable.is_enabled,
        application_scope: variable.application_scope,
        created_at: variable.created_at,
        updated_at: variable.updated_at,
    });
    Json(shown.collect())
}

fn wished(wanted: SetVariable) -> VariableChange {
    VariableChange {
        value: wanted.value,
        is_json: wanted.is_json,
        is_sensitive: wanted.is_sensitive,
        visible_build: wanted.visible_build,
        visible_runtime: wanted.visible_runtime,
        is_inheritable: wanted.is_inheritable,
        is_enabled: wanted.is_enabled,
        application_scope: wanted.application_scope,
    }
}
