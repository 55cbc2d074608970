//! Webhooks of projects.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{CreateWebhook, CreatedWebhook, Webhook, paths};

/// List a project's webhooks.
#[utoipa::path(get, path = paths::WEBHOOKS, operation_id = "webhook_list", responses((status = 200, body = Vec<Webhook>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Vec<Webhook>>, Failure> {
    blocking(&app, move |platform| {
        let webhooks = platform.webhooks(&platform.project(&project)?)?;
        Ok(Json(webhooks.into_iter().map(view::webhook).collect()))
    })
    .await
}

/// Make a webhook; the key that its messages are signed with is told this once.
#[utoipa::path(
    post,
    path = paths::WEBHOOKS,
    operation_id = "webhook_create",
    request_body = CreateWebhook,
    responses((status = 200, body = CreatedWebhook))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Path(project): Path<String>,
    Json(wanted): Json<CreateWebhook>,
) -> Result<Json<CreatedWebhook>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        let (webhook, key) = platform.create_webhook(&project, &wanted.url, wanted.events, wanted.key)?;
        let webhook = view::webhook(webhook);
        Ok(Json(CreatedWebhook { webhook, key }))
    })
    .await
}

/// Delete a webhook.
#[utoipa::path(delete, path = paths::WEBHOOK, operation_id = "webhook_delete", responses((status = 200, body = ())))]
pub(crate) async fn delete(
    State(app): State<App>,
    Path((project, webhook)): Path<(String, String)>,
) -> Result<Json<()>, Failure> {
    blocking(&app, move |platform| {
        let project = platform.project(&project)?;
        Ok(Json(platform.delete_webhook(&project, &webhook)?))
    })
    .await
}
