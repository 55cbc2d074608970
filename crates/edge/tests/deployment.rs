//! The edge while something behind it is changed, and while the edge itself is.

#![allow(clippy::unwrap_used)]

mod site;

use guise_api::edge::{Command, Reply};
use guise_edge::{Edge, TableFile};
use site::{Container, ENVIRONMENT, HOST, Site, get, status, text};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, UnixListener, UnixStream},
};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_under_load_fails_no_request() {
    let site = Arc::new(Site::new().await);
    let slow = |said: &'static str| {
        move |_| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            text(said)
        }
    };
    let mut container = Container::new(slow("old")).await;
    site.route_to(container.address).await;
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move {
                let mut failed = Vec::new();
                for _ in 0..60 {
                    let answer = site.get("/").await;
                    if status(&answer) != "200" {
                        failed.push(answer);
                    }
                }
                failed
            })
        })
        .collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(site.hold(LONG, LONG).await, 0);
        drop(container);
        container = Container::new(slow("new")).await;
        site.route_to(container.address).await;
        site.release().await;
    }
    for client in clients {
        let failed = client.await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_tells_how_many_requests_did_not_end_in_time() {
    let site = Arc::new(Site::new().await);
    let container = Container::new(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        text("late")
    })
    .await;
    site.route_to(container.address).await;
    let request = tokio::spawn({
        let site = Arc::clone(&site);
        async move { site.get("/").await }
    });
    while container.requests.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(site.hold(Duration::from_millis(20), LONG).await, 1);
    let begun = Instant::now();
    assert_eq!(site.hold(LONG, LONG).await, 0);
    assert!(begun.elapsed() < LONG / 2, "as soon as it ended");
    assert_eq!(
        status(&request.await.unwrap()),
        "200",
        "one under way is not cut off"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_waits_for_requests_by_the_old_routes_and_holds_none() {
    let site = Arc::new(Site::new().await);
    let old = Container::new(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        text("old")
    })
    .await;
    let new = Container::new(|_| async { text("new") }).await;
    site.route_to(old.address).await;
    let get = |site: &Arc<Site>| {
        let site = Arc::clone(site);
        tokio::spawn(async move { site.get("/").await })
    };
    let under_way = get(&site);
    while old.requests.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    site.hold(Duration::ZERO, LONG).await;
    let held = get(&site);
    assert_eq!(site.switch_to(new.address, Duration::from_millis(20)).await, 1);
    assert!(held.await.unwrap().ends_with("new"), "who was held goes on");
    assert!(site.get("/").await.ends_with("new"), "and who comes now");
    assert!(!under_way.is_finished());
    assert!(under_way.await.unwrap().ends_with("old"), "none is cut off");
    let begun = Instant::now();
    assert_eq!(site.switch_to(new.address, LONG).await, 0);
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_held_too_long_is_told_to_come_back() {
    let site = Site::new().await;
    let container = Container::new(|_| async { text("ok") }).await;
    site.route_to(container.address).await;
    site.hold(LONG, Duration::from_millis(50)).await;
    let answer = site.get("/").await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
    assert_eq!(container.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_left_while_held_is_not_served() {
    let site = Site::new().await;
    let container = Container::new(|_| async { text("ok") }).await;
    site.route_to(container.address).await;
    site.hold(LONG, LONG).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(get("/").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(50)).await;
    site.release().await;
    assert_eq!(status(&site.get("/").await), "200");
    assert_eq!(
        container.requests.load(Ordering::SeqCst),
        1,
        "only the one who is still there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn held_requests_of_a_forgotten_environment_find_nothing() {
    let site = Arc::new(Site::new().await);
    let container = Container::new(|_| async { text("ok") }).await;
    site.route_to(container.address).await;
    site.hold(LONG, LONG).await;
    let held = tokio::spawn({
        let site = Arc::clone(&site);
        async move { site.get("/").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!held.is_finished());
    site.tell(Command::Forget {
        environment: ENVIRONMENT.into(),
    })
    .await;
    assert_eq!(status(&held.await.unwrap()), "404");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_edge_serves_the_routes_it_had() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table.json");
    let container = Container::new(|_| async { text("ok") }).await;
    let first = Site::with_table(Some(TableFile::at(&path).unwrap())).await;
    first.route_to(container.address).await;
    let second = Site::with_table(Some(TableFile::at(&path).unwrap())).await;
    assert_eq!(status(&second.get("/").await), "200");
    second.tell(Command::Retain { environments: vec![] }).await;
    let third = Site::with_table(Some(TableFile::at(&path).unwrap())).await;
    assert_eq!(status(&third.get("/").await), "404");
    std::fs::write(&path, "{ broken").unwrap();
    let fourth = Site::with_table(Some(TableFile::at(&path).unwrap())).await;
    assert_eq!(status(&fourth.get("/").await), "404");
    fourth.route_to(container.address).await;
    assert_eq!(status(&fourth.get("/").await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket_answers_every_line_and_survives_any() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    tokio::spawn(Edge::new(None).obey(UnixListener::bind(&path).unwrap()));
    let (input, mut output) = UnixStream::connect(&path).await.unwrap().into_split();
    let mut lines = BufReader::new(input).lines();
    for (line, is_error) in [
        (
            "{\"command\":\"hold\",\"environment\":\"p/main\",\"drain_ms\":0,\"patience_ms\":1}",
            false,
        ),
        ("{\"command\":\"dance\"}", true),
        ("", true),
        ("\u{0}\u{1}", true),
        ("{\"command\":\"routes\",\"environment\":\"p/main\"}", true),
        ("{\"command\":\"status\"}", false),
    ] {
        output.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer: Reply = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(
            matches!(answer, Reply::Error { .. }),
            is_error,
            "{line:?}: {answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_edge_ends_what_is_under_way_and_takes_nothing_new() {
    let edge = Edge::new(None);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = Site {
        address: listener.local_addr().unwrap(),
        edge: Arc::clone(&edge),
    };
    let serving = tokio::spawn(Arc::clone(&edge).serve(guise_api::edge::Scheme::Http, listener));
    let container = Container::new(|_| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        text("finished")
    })
    .await;
    site.route_to(container.address).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream
        .write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    while container.requests.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    site.tell(Command::Stop).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("finished"), "{answer}");
    assert_eq!(
        idle.read(&mut [0; 16]).await.unwrap(),
        0,
        "an idle connection is closed"
    );
    tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(site.address).await.is_err());
}
