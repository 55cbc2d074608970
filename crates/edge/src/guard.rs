//! HTTP access control: whom a route's rules let through, and who has logged in.

use crate::page::Page;
use base64::{Engine, engine::general_purpose::STANDARD};
use guise_access::{HttpAccess, Verdict};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// A guess takes milliseconds of a processor: however many are made, they get one.
static GUESS: Semaphore = Semaphore::const_new(1);

/// The rules of a route.
#[derive(Debug, Clone, Default)]
pub struct Guard(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    access: HttpAccess,
    /// What each user last logged in with, so that it is hashed once.
    known: Mutex<BTreeMap<String, HeaderValue>>,
}

impl Guard {
    /// A guard by these rules.
    pub fn new(access: Option<&HttpAccess>) -> Self {
        let restricting = access.filter(|access| access.restricts());
        Self(restricting.map(|access| {
            Arc::new(Rules {
                access: access.clone(),
                known: Mutex::default(),
            })
        }))
    }

    /// Lets a client through, or says what it gets instead.
    pub async fn admit(&self, client: IpAddr, headers: &HeaderMap) -> Result<(), Page> {
        let Some(rules) = &self.0 else {
            return Ok(());
        };
        match rules.access.verdict(client) {
            Verdict::Granted => Ok(()),
            Verdict::Denied => Err(Page::Denied),
            Verdict::LoginNeeded => match headers.get(AUTHORIZATION) {
                Some(login) if rules.knows(login).await => Ok(()),
                _ => Err(Page::LoginNeeded),
            },
        }
    }

    /// Whether the header `Authorization` is meant for the edge: the container must not see it then (spec 3.8).
    pub fn reads_logins(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|rules| !rules.access.basic_auth.is_empty())
    }
}

impl Rules {
    async fn knows(self: &Arc<Self>, login: &HeaderValue) -> bool {
        let Some((name, password)) = name_and_password(login) else {
            return false;
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known().get(&name) == Some(login) {
            return true;
        }
        // It is never closed.
        let Ok(_turn) = GUESS.acquire().await else {
            return false;
        };
        let (rules, user) = (Arc::clone(self), name.clone());
        let checked = tokio::task::spawn_blocking(move || rules.access.is_user(&user, &password));
        let is_user = checked.await.unwrap_or(false);
        if is_user {
            known().insert(name, login.clone());
        }
        is_user
    }
}

/// Name and password of `Basic` authorization (RFC 7617).
fn name_and_password(login: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = login.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.into(), password.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_as_it_is_documented() {
        let read = |text: &'static str| name_and_password(&HeaderValue::from_static(text));
        let aladdin = Some(("Aladdin".into(), "open sesame".into()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        assert_eq!(read("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        for wrong in [
            "",
            "Basic",
            "Basic ***",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic QWxhZGRpbg==",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
