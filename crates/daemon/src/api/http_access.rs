//! HTTP access control of an environment.

use super::{App, Failure, blocking};
use crate::view;
use axum::{
    Json,
    extract::{Path, State},
};
use guise_api::{Changed, ErrorKind, HttpAccess, SetHttpAccess, paths};
use guise_platform::{AddressRule, HttpAccessChange, InvalidRule, Permission};

/// Show who may see an environment.
#[utoipa::path(
    get,
    path = paths::HTTP_ACCESS,
    operation_id = "environment_http_access",
    responses((status = 200, body = HttpAccess))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<HttpAccess>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let (access, set_on) = match platform.http_access(&environment)? {
            Some((access, set_on)) => (access, Some(set_on)),
            None => Default::default(),
        };
        Ok(Json(HttpAccess {
            is_enabled: access.is_enabled,
            addresses: access.addresses.iter().map(written).collect(),
            users: access.basic_auth.into_keys().collect(),
            set_on,
        }))
    })
    .await
}

/// Set who may see an environment, and all below it that have no such setting of their own.
#[utoipa::path(
    patch,
    path = paths::HTTP_ACCESS,
    operation_id = "environment_http_access_set",
    request_body = SetHttpAccess,
    responses((status = 200, body = Changed))
)]
pub(crate) async fn set(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Json(wanted): Json<SetHttpAccess>,
) -> Result<Json<Changed>, Failure> {
    blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let read = |rules: Vec<String>| rules.iter().map(|rule| rule.parse()).collect();
        let change = HttpAccessChange {
            is_enabled: wanted.is_enabled,
            addresses: wanted.addresses.map(read).transpose()?,
            users: wanted.users,
        };
        let activity = platform.set_http_access(&environment, change)?;
        Ok(Json(Changed {
            activity: activity.map(view::activity),
        }))
    })
    .await
}

fn written(rule: &AddressRule) -> String {
    let permission = match rule.permission {
        Permission::Allow => "allow",
        Permission::Deny => "deny",
    };
    format!("{permission}:{}", rule.address)
}

impl From<InvalidRule> for Failure {
    fn from(error: InvalidRule) -> Self {
        let advice = "Write `allow:203.0.113.0/24` or `deny:any`; the first that matches decides.";
        Self::new(
            ErrorKind::User,
            "http_access.rule",
            error.to_string(),
            vec![advice.into()],
        )
    }
}
