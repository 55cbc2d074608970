//! Projects and environments.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use guise_api::{Activity, Changed, CreateProject, Environment, Project, SetProperty};

pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<Project>>, Failure> {
    blocking(&app, |platform| {
        let projects = platform.projects()?;
        Ok(Json(
            projects
                .into_iter()
                .map(|project| view::project(platform, project))
                .collect(),
        ))
    })
    .await
}

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

pub(crate) async fn show(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Project>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(view::project(platform, platform.project(&project)?)))
    })
    .await
}

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

pub(crate) async fn clear_build_cache(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Vec<String>>, Failure> {
    blocking(&app, move |platform| {
        Ok(Json(platform.clear_build_cache(&platform.project(&project)?)?))
    })
    .await
}

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
