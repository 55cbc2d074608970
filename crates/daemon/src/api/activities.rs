//! Activities and their logs.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::Stream;
use guise_api::{Activity, ActivityStep, LogLine, paths};
use guise_model::ActivityId;
use guise_platform::{ActivityRecord, Platform, PlatformError};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use utoipa::IntoParams;

/// How long one look at a growing log waits for the next line.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    project: Option<String>,
    environment: Option<String>,
    #[serde(rename = "type")]
    types: Option<String>,
    limit: Option<u32>,
}

/// List activities, newest first.
#[utoipa::path(
    get,
    path = paths::ACTIVITIES,
    operation_id = "activity_list",
    params(Of),
    responses((status = 200, body = Vec<Activity>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Query(of): Query<Of>,
) -> Result<Json<Vec<Activity>>, Failure> {
    blocking(&app, move |platform| {
        let project = of.project.map(|given| platform.project(&given)).transpose()?;
        let activities = platform.list_activities(
            project.as_ref().map(|project| &project.id),
            of.environment.as_deref(),
            of.types.as_deref(),
            of.limit.unwrap_or(20).min(1000),
        )?;
        let shown: Result<Vec<_>, _> = activities
            .into_iter()
            .map(|activity| with_timings(platform, activity))
            .collect();
        Ok(Json(shown?))
    })
    .await
}

/// Show an activity.
#[utoipa::path(
    get,
    path = paths::ACTIVITY,
    operation_id = "activity_get",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(activity): Path<String>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| Ok(Json(find(platform, &activity)?))).await
}

/// Cancel an activity.
#[utoipa::path(
    post,
    path = paths::ACTIVITY_CANCEL,
    operation_id = "activity_cancel",
    responses((status = 200, body = Activity))
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Path(activity): Path<String>,
) -> Result<Json<Activity>, Failure> {
    blocking(&app, move |platform| {
        let found = find(platform, &activity)?;
        if !platform.cancel_activity(&found.id)? {
            return Err(PlatformError::ActivityEnded { given: activity }.into());
        }
        Ok(Json(find(platform, &activity)?))
    })
    .await
}

/// List an activity's steps and how long each took.
#[utoipa::path(
    get,
    path = paths::ACTIVITY_STEPS,
    operation_id = "activity_steps",
    responses((status = 200, body = Vec<ActivityStep>))
)]
pub(crate) async fn steps(
    State(app): State<App>,
    Path(activity): Path<String>,
) -> Result<Json<Vec<ActivityStep>>, Failure> {
    blocking(&app, move |platform| {
        let id = platform.activity(&activity)?.id;
        let steps = platform.activity_steps(&id)?;
        Ok(Json(steps.into_iter().map(view::step).collect()))
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Follow {
    #[serde(default)]
    follow: bool,
}

/// Read an activity's log as events, from the line after `Last-Event-ID` on; the last is `end` with the
/// activity.
#[utoipa::path(
    get,
    path = paths::ACTIVITY_LOG,
    operation_id = "activity_log",
    params(Follow),
    responses((status = 200, content_type = "text/event-stream", body = LogLine))
)]
pub(crate) async fn log(
    State(app): State<App>,
    Path(activity): Path<String>,
    Query(follow): Query<Follow>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let id = blocking(&app, move |platform| Ok(find(platform, &activity)?.id)).await?;
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let cursor = Cursor {
        app,
        id,
        next: seen.map_or(0, |seen| seen.saturating_add(1)),
        done: false,
    };
    let patience = if follow.follow { PATIENCE } else { Duration::ZERO };
    let parts =
        futures_util::stream::unfold(cursor, move |cursor| next_part(cursor, follow.follow, patience));
    let events = futures_util::StreamExt::flat_map(parts, futures_util::stream::iter);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// How far a follower of a log is.
struct Cursor {
    app: App,
    id: ActivityId,
    next: usize,
    done: bool,
}

async fn next_part(
    mut cursor: Cursor,
    follow: bool,
    patience: Duration,
) -> Option<(Vec<Result<Event, Infallible>>, Cursor)> {
    if cursor.done {
        return None;
    }
    let (id, from) = (cursor.id.clone(), cursor.next);
    let part = blocking(&cursor.app, move |platform| {
        platform
            .activities()
            .log(&id, from, patience)
            .map_err(|error| Failure::internal(&format!("cannot read the log of activity {id}: {error}")))
    })
    .await
    .ok()?;
    let mut events = Vec::with_capacity(part.lines.len() + 1);
    for text in part.lines {
        let line = LogLine { source: None, text };
        events.push(
            Event::default()
                .id(cursor.next.to_string())
                .json_data(line)
                .ok()?,
        );
        cursor.next += 1;
    }
    if part.ended || !follow {
        cursor.done = true;
        let id = cursor.id.to_string();
        let activity = blocking(&cursor.app, move |platform| find(platform, &id))
            .await
            .ok()?;
        events.push(Event::default().event("end").json_data(activity).ok()?);
    }
    Some((events.into_iter().map(Ok).collect(), cursor))
}

fn find(platform: &Platform, given: &str) -> Result<Activity, Failure> {
    with_timings(platform, platform.activity(given)?)
}

fn with_timings(platform: &Platform, activity: ActivityRecord) -> Result<Activity, Failure> {
    let steps = platform.activity_steps(&activity.id)?;
    Ok(view::activity_with_steps(activity, &steps))
}
