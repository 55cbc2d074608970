//! What a repository's hooks ask and tell.

use super::{App, Failure, blocking};
use crate::view;
use axum::{Json, extract::State};
use guise_api::{CheckPush, CheckPushReply, PushReceived, PushReceivedReply, paths};
use guise_model::UserName;
use guise_platform::{ROOT, RefUpdate, on_behalf_of};
use std::path::Path;

/// Asked by a repository's pre-receive hook: may this be pushed?.
#[utoipa::path(
    post,
    path = paths::PRE_RECEIVE,
    operation_id = "hook_pre_receive",
    request_body = CheckPush,
    responses((status = 200, body = CheckPushReply))
)]
pub(crate) async fn pre_receive(
    State(app): State<App>,
    Json(push): Json<CheckPush>,
) -> Result<Json<CheckPushReply>, Failure> {
    blocking(&app, move |platform| {
        let quarantine = push.quarantine.as_deref().map(Path::new);
        let user = push.user.as_ref();
        let updates = updates(&push.updates);
        let verdict = platform.check_push(&push.project, user, &updates, &push.options, quarantine)?;
        Ok(Json(CheckPushReply {
            accepted: verdict.accepted,
            output: verdict.output,
        }))
    })
    .await
}

/// Told by a repository's post-receive hook.
#[utoipa::path(
    post,
    path = paths::POST_RECEIVE,
    operation_id = "hook_post_receive",
    request_body = PushReceived,
    responses((status = 200, body = PushReceivedReply))
)]
pub(crate) async fn post_receive(
    State(app): State<App>,
    Json(push): Json<PushReceived>,
) -> Result<Json<PushReceivedReply>, Failure> {
    blocking(&app, move |platform| {
        let user = push.user.as_ref().map_or(ROOT, UserName::as_str);
        let received = on_behalf_of(user, || {
            platform.push_received(&push.project, &updates(&push.updates), &push.options)
        })?;
        let activities = received.activities.into_iter().map(view::activity).collect();
        Ok(Json(PushReceivedReply {
            activities,
            output: received.output,
        }))
    })
    .await
}

/// git writes an absent object as zeros (githooks(5)).
fn updates(updates: &[guise_api::RefUpdate]) -> Vec<RefUpdate> {
    let present = |id: &str| (!id.bytes().all(|digit| digit == b'0')).then(|| id.to_string());
    updates
        .iter()
        .map(|update| RefUpdate {
            old: present(&update.old),
            new: present(&update.new),
            name: update.name.clone(),
        })
        .collect()
}
