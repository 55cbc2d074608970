//! What a route does besides leading to a container: redirects of single paths, and sites outside.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use guise_api::edge::{Action, Command, PartialRedirect, RedirectFrom, Route};
use http::Request;
use hyper::body::Incoming;
use site::{Container, ENVIRONMENT, HOST, Site, route, status, text};

async fn say_path(request: Request<Incoming>) -> site::Answer {
    text(request.uri().path().to_owned())
}

async fn set(site: &Site, route: Route) {
    site.tell(Command::Routes {
        environment: ENVIRONMENT.into(),
        routes: vec![route],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirected_path_reaches_no_container_and_others_do() {
    let site = Site::new().await;
    let container = Container::new(say_path).await;
    let upstream = Action::Upstream {
        address: container.address,
        caching: None,
    };
    let redirects = vec![
        PartialRedirect {
            from: RedirectFrom::Below {
                path: "/old".into(),
                append_suffix: true,
            },
            to: "/".into(),
            code: 301,
            expires: Some(60),
        },
        PartialRedirect {
            from: RedirectFrom::Pattern("^/user/([0-9]+)$".into()),
            to: "https://people.test/$1".into(),
            code: 307,
            expires: None,
        },
    ];
    let redirected = Route {
        redirects,
        ..route(HOST, "/", upstream)
    };
    set(&site, redirected).await;
    let answer = site.get("/old/a?b=c").await;
    assert_eq!(status(&answer), "301");
    assert!(
        answer.contains("location: http://main.test/a?b=c\r\n"),
        "{answer}"
    );
    assert!(answer.contains("cache-control: max-age=60\r\n"), "{answer}");
    // A host of the client's choice stays a path.
    let answer = site.get("/old//elsewhere.test/").await;
    assert!(
        answer.contains("location: http://main.test//elsewhere.test/\r\n"),
        "{answer}"
    );
    let answer = site.get("/user/7").await;
    assert_eq!(status(&answer), "307");
    assert!(answer.contains("location: https://people.test/7\r\n"), "{answer}");
    assert!(site.get("/older").await.ends_with("/older"));
    assert_eq!(container.requests.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_route_does_not_lead_to_the_machine_itself() {
    let site = Site::new().await;
    let container = Container::new(say_path).await;
    for to in [
        format!("http://{}", container.address),
        format!("http://localhost:{}", container.address.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", container.address.port()),
        "http://169.254.169.254/latest/meta-data/".into(),
    ] {
        set(&site, route(HOST, "/", Action::Proxy { to: to.clone() })).await;
        let answer = site.get("/a").await;
        assert_eq!(status(&answer), "502", "{to}: {answer}");
        assert!(
            !answer.contains("127.0.0.1") && !answer.contains("169.254"),
            "{answer}"
        );
    }
    assert_eq!(container.requests.load(std::sync::atomic::Ordering::SeqCst), 0);
}
