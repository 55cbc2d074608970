//! Projects and environments.

use super::{App, Failure, access::Caller, blocking};
use crate::view;
use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use guise_api::{Activity, Changed, CreateProject, Environment, Project, SetProperty, paths};

/// List projects.
#[utoipa::path(
    get,
    path = paths::PROJECTS,
    operation_id = "project_list",
    responses((status = 200, body = Vec<Project>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<Project>>, Failure> {
    blocking(&app, move |platform| {
        let mut projects = Vec::new();
        for project in platform.projects()? {
            if caller.sees(platform, &project.id)? {
                projects.push(view::project(platform, project));
            }
        }
        Ok(Json(projects))
    })
    .await
}

/// Make a project.
#[utoipa::path(
    post,
    path = paths::PROJECTS,
    operation_id = "project_create",
    request_body = CreateProject,
    responses((status = 201, body = Project))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Json(wanted): Json<CreateProject>,
) -> Result<(StatusCode, Json<Project>), Failure> {
    blocking(&app, move |platform| {
        let project = platform.create_project(&wanted.title, &wanted.default_branch)?;
        Ok((StatusCode::CREATED, Json(view::project(platform, project))))
    })
    .await
}

/// Show a project.
#[utoipa::path(
    get,
    path = paths::PROJECT,
    operation_id = "project_get",
    responses((status = 200, body = Project))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Project>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(view::project(platform, platform.project(&project)?)))
    })
    .await
}

/// Set a property of a project.
#[utoipa::path(
    patch,
    path = paths::PROJECT,
    operation_id = "project_set",
    request_body = SetProperty,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    State(app): State<App>,
    Path(project): Path<String>,
    Json(wanted): Json<SetProperty>,
) -> Result<Json<Changed>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        platform.set_project_property(&project, &wanted.property, &wanted.value)?;
        Ok(Json(Changed { activity: None }))
    })
    .await
}

/// Set a property of an environment.
#[utoipa::path(
    patch,
    path = paths::ENVIRONMENT,
    operation_id = "environment_set",
    request_body = SetProperty,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set_environment(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Json(wanted): Json<SetProperty>,
) -> Result<Json<Changed>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let activity = platform.set_environment_property(&environment, &wanted.property, &wanted.value)?;
        Ok(Json(Changed {
            activity: activity.map(view::activity),
        }))
    })
    .await
}

/// Delete a project with its environments, their data and its repository.
#[utoipa::path(
    delete,
    path = paths::PROJECT,
    operation_id = "project_delete",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        Ok(Json(view::activity(platform.delete_project(&project)?)))
    })
    .await
}

/// Remove what a project's builds keep for the next one; answers the apps it was removed of.
#[utoipa::path(
    post,
    path = paths::CLEAR_BUILD_CACHE,
    operation_id = "project_clear_build_cache",
    responses((status = 200, body = Vec<String>))
)]
pub(crate) async fn clear_build_cache(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Vec<String>>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(platform.clear_build_cache(&platform.project(&project)?)?))
    })
    .await
}

/// List a project's environments.
#[utoipa::path(
    get,
    path = paths::ENVIRONMENTS,
    operation_id = "environment_list",
    responses((status = 200, body = Vec<Environment>))
)]
pub(crate) async fn environments(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Vec<Environment>>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let environments = platform.environments(&project.id)?;
        let views = environments
            .into_iter()
            .map(|environment| view::environment(platform, environment));
        Ok(Json(views.collect::<Result<_, _>>()?))
    })
    .await
}

/// Show an environment with its routes.
#[utoipa::path(
    get,
    path = paths::ENVIRONMENT,
    operation_id = "environment_get",
    responses((status = 200, body = Environment))
)]
pub(crate) async fn environment(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Environment>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        Ok(Json(view::environment(platform, environment)?))
    })
    .await
}
