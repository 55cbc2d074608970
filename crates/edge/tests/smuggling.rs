//! Requests that two parties could read in two ways.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use site::{Container, HOST, Site, status, text};
use std::sync::{Arc, Mutex};

/// What a container has taken for whole requests: target and body.
type Taken = Arc<Mutex<Vec<String>>>;

async fn container(taken: &Taken) -> Container {
    let taken = Arc::clone(taken);
    Container::new(move |request: Request<Incoming>| {
        let taken = Arc::clone(&taken);
        async move {
            let path = request.uri().to_string();
            if let Ok(body) = request.into_body().collect().await {
                let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                taken.lock().unwrap().push(format!("{path} {body}"));
            }
            text("taken")
        }
    })
    .await
}

/// Sends a chunked body, then a second request; answers the first answer and what the container took.
async fn send_chunked(body: &str) -> (String, Vec<String>) {
    let taken = Taken::default();
    let site = Site::new().await;
    let container = container(&taken).await;
    site.route_to(container.address).await;
    let second = format!("GET /second HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let answer = site
        .say(format!(
            "POST /first HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{body}{second}"
        ))
        .await;
    let taken = taken.lock().unwrap().clone();
    (answer, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_that_is_not_quite_one_reaches_no_container_whole() {
    for body in [
        // No size, or not only a size.
        "\r\n\r\n",
        "x\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "3_0\r\nabc\r\n0\r\n\r\n",
        // Sizes that wrap around in 64 bits.
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        // Ends of lines that others take for ends, or do not.
        "3\nabc\n0\n\n",
        "3\rabc\r\n0\r\n\r\n",
        "3;a=\nb\r\nabc\r\n0\r\n\r\n",
        // Data that is longer or shorter than said.
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
    ] {
        let (answer, taken) = send_chunked(body).await;
        assert!(taken.is_empty(), "{body:?} was taken as {taken:?}");
        assert!(
            ["400", "502", "none"].contains(&status(&answer)),
            "{body:?}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_that_is_one_is_passed_on_and_nothing_after_it() {
    for body in [
        "3\r\nabc\r\n0\r\n\r\n",
        "003;a=b\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nX: 1\r\n\r\n",
    ] {
        let (answer, taken) = send_chunked(body).await;
        assert_eq!(
            (status(&answer), &taken[..]),
            ("200", &["/first abc".to_owned()][..]),
            "{body:?}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{body:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_line_that_is_not_quite_one_reaches_no_container() {
    let taken = Taken::default();
    let site = Site::new().await;
    let container = container(&taken).await;
    site.route_to(container.address).await;
    for line in [
        "GET /a b HTTP/1.1",
        "GET /a HTTP/1.1 HTTP/1.1",
        "GET /a HTTP/2.0",
        "GET /a HTTP/0.9",
        "GET /a",
        "GET\t/a\tHTTP/1.1",
        "GET a HTTP/1.1",
        "G@T /a HTTP/1.1",
        "GET /a\0 HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let answer = site
            .say(format!("{line}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"))
            .await;
        assert!(
            ["400", "404", "505", "none"].contains(&status(&answer)),
            "{line:?}: {answer}"
        );
    }
    assert!(taken.lock().unwrap().is_empty(), "{taken:?}");
}
