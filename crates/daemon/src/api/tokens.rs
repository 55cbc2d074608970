//! API tokens. Everybody makes and revokes their own; admins of all projects those of everybody.

use super::{App, Failure, access::Caller, blocking};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use guise_api::{CreateToken, CreatedToken, ErrorKind, Token, paths};
use guise_platform::{NewToken, Platform, TokenRecord, UserRecord};

/// List API tokens: one's own, or everybody's for admins.
#[utoipa::path(get, path = paths::TOKENS, operation_id = "token_list", responses((status = 200, body = Vec<Token>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<Token>>, Failure> {
    blocking(&app, move |platform| {
        let whose = own(platform, &caller)?;
        let tokens = platform.tokens(whose.as_ref())?;
        Ok(Json(tokens.into_iter().map(shown).collect()))
    })
    .await
}

/// Make an API token; its secret is told this once.
#[utoipa::path(
    post,
    path = paths::TOKENS,
    operation_id = "token_create",
    request_body = CreateToken,
    responses((status = 200, body = CreatedToken))
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(wanted): Json<CreateToken>,
) -> Result<Json<CreatedToken>, Failure> {
    blocking(&app, move |platform| {
        let user = match (own(platform, &caller)?, &wanted.user) {
            (Some(own), Some(other)) if own.name.as_str() != other => return Err(Failure::denied()),
            (Some(own), _) => own,
            (None, Some(user)) => platform.user(user)?,
            (None, None) => platform.user(caller.user().ok_or_else(whose)?.as_str())?,
        };
        let project = wanted.project.map(|given| platform.project(&given)).transpose()?;
        let wanted = NewToken {
            title: wanted.title,
            read_only: wanted.read_only,
            life: wanted.life,
        };
        let (token, secret) = platform.create_token(&user, project.as_ref(), wanted)?;
        Ok(Json(CreatedToken {
            token: shown(token),
            secret,
        }))
    })
    .await
}

/// Make an API token good for nothing.
#[utoipa::path(delete, path = paths::TOKEN, operation_id = "token_revoke", responses((status = 200, body = ())))]
pub(crate) async fn revoke(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<()>, Failure> {
    blocking(&app, move |platform| {
        if let Some(own) = own(platform, &caller)?
            && !platform.tokens(Some(&own))?.iter().any(|token| token.id == id)
        {
            return Err(Failure::denied());
        }
        Ok(Json(platform.revoke_token(&id)?))
    })
    .await
}

/// The user whose tokens alone the caller may see; `None` for those who may see everybody's.
fn own(platform: &Platform, caller: &Caller) -> Result<Option<UserRecord>, Failure> {
    // Else it would make one that is for more than itself.
    if caller.is_limited() {
        return Err(Failure::denied());
    }
    let user = caller
        .user()
        .map(|user| platform.user(user.as_str()))
        .transpose()?;
    Ok(user.filter(|user| !user.is_admin))
}

fn whose() -> Failure {
    let hint = "Name a user: guise token create --user NAME. `guise user list` shows those there are.".into();
    let message = "whose shall the token be? The machine's root needs none".into();
    Failure::new(ErrorKind::User, "token.invalid", message, vec![hint])
}

fn shown(token: TokenRecord) -> Token {
    Token {
        id: token.id,
        user: token.user,
        title: token.title,
        read_only: token.read_only,
        project: token.project,
        created_at: token.created_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
    }
}
