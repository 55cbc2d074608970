//! HTTP access control: who reaches the container, and what it learns of the login.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use base64::{Engine, engine::general_purpose::STANDARD};
use guise_access::{HttpAccess, PasswordHash};
use guise_api::edge::{Action, Command, Route};
use http::Request;
use hyper::body::Incoming;
use site::{Container, ENVIRONMENT, HOST, Site, route, status, text};
use std::sync::atomic::Ordering;

/// Says what it was told of a login.
async fn say_login(request: Request<Incoming>) -> site::Answer {
    text(format!("login {:?}", request.headers().get("authorization")))
}

async fn guarded(rules: &[&str], users: &[(&str, &str)]) -> (Site, Container) {
    let site = Site::new().await;
    let container = Container::new(say_login).await;
    let access = HttpAccess {
        addresses: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        basic_auth: users
            .iter()
            .map(|(name, password)| ((*name).into(), PasswordHash::new(password, "salt".into())))
            .collect(),
        ..HttpAccess::default()
    };
    let upstream = Action::Upstream {
        address: container.address,
        caching: None,
    };
    let guarded = Route {
        access: Some(access),
        ..route(HOST, "/", upstream)
    };
    site.tell(Command::Routes {
        environment: ENVIRONMENT.into(),
        routes: vec![guarded],
    })
    .await;
    (site, container)
}

async fn log_in(site: &Site, login: &str) -> String {
    let login = STANDARD.encode(login);
    site.say(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic {login}\r\nConnection: close\r\n\r\n"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_opens_and_stays_with_the_edge() {
    let (site, container) = guarded(&[], &[("ann", "open:sesame")]).await;
    let asked = site.get("/").await;
    assert_eq!(status(&asked), "401");
    assert!(asked.contains("www-authenticate: Basic realm="), "{asked}");
    for wrong in ["ann:sesame", "bob:open:sesame", "ann:", "ann"] {
        assert_eq!(status(&log_in(&site, wrong).await), "401", "{wrong}");
    }
    assert_eq!(container.requests.load(Ordering::SeqCst), 0);
    let answer = log_in(&site, "ann:open:sesame").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.ends_with("login None"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_denied_is_told_so() {
    let (site, container) = guarded(&["allow:192.0.2.0/24", "deny:any"], &[]).await;
    assert_eq!(status(&site.get("/").await), "403");
    // What a client says of itself is not its address.
    let forged =
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&site.say(forged).await), "403");
    assert_eq!(container.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_users_a_login_is_the_containers_affair() {
    let (site, _container) = guarded(&["allow:127.0.0.0/8", "deny:any"], &[]).await;
    assert!(log_in(&site, "app:user").await.contains("Basic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_wake_a_site_that_sleeps() {
    let (site, _container) = guarded(&["deny:any"], &[]).await;
    site.edge
        .carry_out(Command::Sleep {
            environment: ENVIRONMENT.into(),
            drain_ms: 0,
            patience_ms: 60_000,
            failed: false,
        })
        .await;
    assert_eq!(status(&site.get("/").await), "403");
}
