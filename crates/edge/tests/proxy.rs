//! Requests on their way through the edge: what arrives, what comes back, and what is refused.

#![allow(clippy::unwrap_used)]

mod site;

use bytes::Bytes;
use guise_api::edge::{Action, Command};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use site::{Container, ENVIRONMENT, HOST, Site, get, route, status, text};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

async fn say_head(request: Request<Incoming>) -> site::Answer {
    let mut head = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    text(head)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_told_who_asked_for_what() {
    let site = Site::new().await;
    let container = Container::new(say_head).await;
    site.route_to(container.address).await;
    let answer = site
        .say("GET http://MAIN.test.:81/a?b=%20 HTTP/1.1\r\nHost: other.test\r\nX-Client-IP: 1.2.3.4\r\nProxy: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n")
        .await;
    assert_eq!(status(&answer), "200", "{answer}");
    for line in [
        "GET /a?b=%20\n",
        "host: MAIN.test.:81\n",
        "x-client-ip: 127.0.0.1\n",
        "x-forwarded-for: 127.0.0.1\n",
        "x-forwarded-proto: http\n",
        "x-original-route: https://{default}/\n",
    ] {
        assert!(answer.contains(line), "{line} is missing in {answer}");
    }
    assert!(
        !answer.contains("proxy: x") && !answer.contains("x-hop"),
        "{answer}"
    );
    assert!(answer.contains("x-robots-tag: noindex, nofollow\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_keeps_path_and_query() {
    let site = Site::new().await;
    let to = Action::Redirect {
        to: "https://www.test".into(),
    };
    site.tell(Command::Routes {
        environment: ENVIRONMENT.into(),
        routes: vec![route(HOST, "/", to)],
    })
    .await;
    let answer = site.get("/a/b?c=d").await;
    assert_eq!(status(&answer), "301");
    assert!(
        answer.contains("location: https://www.test/a/b?c=d\r\n"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_what_is_wrong_in_the_form_that_was_asked_for() {
    let site = Site::new().await;
    let unknown = site.get("/").await;
    assert_eq!(status(&unknown), "404");
    assert!(unknown.contains("No site is here: main.test\n"), "{unknown}");
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(address) = gone.local_addr().unwrap() else {
        panic!("not IPv4")
    };
    drop(gone);
    site.route_to(address).await;
    let unreachable = site
        .say(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&unreachable), "502");
    assert!(unreachable.contains("<b>main.test</b>"), "{unreachable}");
    assert!(
        !unreachable.contains("127.0.0.1"),
        "an address of the inside: {unreachable}"
    );
    let json = site
        .say(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
        ))
        .await;
    let body: serde_json::Value = serde_json::from_str(json.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (body["status"].as_u64(), body["host"].as_str()),
        (Some(502), Some(HOST))
    );
}

/// Each request is followed by what a proxy that read the length another way would take for a second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_length_is_unclear_never_becomes_two() {
    let site = Site::new().await;
    let container = Container::new(|request: Request<Incoming>| async move {
        let target = request.uri().to_string();
        let body = request
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        text(format!("{target} {}", String::from_utf8_lossy(&body)))
    })
    .await;
    site.route_to(container.address).await;
    let second = format!("GET /second HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let length = second.len() + 5;
    for (headers, body, expected) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            "0\r\n\r\n",
            "200",
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
            "0\r\n\r\n",
            "200",
        ),
        ("Content-Length: 0\r\nContent-Length: 5".to_owned(), "", "400"),
        ("Content-Length: 0, 5".to_owned(), "", "400"),
        ("Content-Length: +5".to_owned(), "", "400"),
        ("Content-Length: 5\r\n 6".to_owned(), "", "400"),
        ("Transfer-Encoding: gzip, chunked".to_owned(), "0\r\n\r\n", "400"),
        ("Transfer-Encoding: identity".to_owned(), "", "400"),
        (
            "Transfer-Encoding: chunked, chunked".to_owned(),
            "0\r\n\r\n",
            "400",
        ),
        ("Transfer-Encoding : chunked".to_owned(), "0\r\n\r\n", "400"),
        ("Transfer-Encoding: \u{b}chunked".to_owned(), "0\r\n\r\n", "400"),
        (
            "Transfer-Encoding: chunked".to_owned(),
            "0x0\r\n\r\n",
            "200|400|502|none",
        ),
        (format!("Host: {HOST}"), "", "400"),
        ("X: a\r\n folded: b".to_owned(), "", "400"),
        ("X: a\0b".to_owned(), "", "400"),
    ] {
        let answer = site
            .say(format!(
                "POST /first HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n\r\n{body}{second}"
            ))
            .await;
        assert!(
            expected.split('|').any(|allowed| allowed == status(&answer)),
            "{headers:?}: {answer}"
        );
        assert!(
            !answer.contains("/second"),
            "{headers:?} smuggled a request: {answer}"
        );
    }
    let too_many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let answer = site
        .say(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{too_many}\r\n"))
        .await;
    assert_eq!(status(&answer), "431");
    let too_long = "a".repeat(100 << 10);
    let answer = site
        .say(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {too_long}\r\n\r\n"))
        .await;
    assert_eq!(status(&answer), "431");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_several_requests_and_so_does_the_one_behind_it() {
    let site = Site::new().await;
    let container = Container::new(say_head).await;
    site.route_to(container.address).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    for path in ["/one", "/two", "/three"] {
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut buffer = [0; 2048];
        let length = stream.read(&mut buffer).await.unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert_eq!(status(&answer), "200");
    }
    assert_eq!(container.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_container_costs_no_request() {
    let site = Site::new().await;
    let mut container = Container::new(|_| async { text("first") }).await;
    let address = container.address.to_string();
    site.route_to(container.address).await;
    for round in 0..5 {
        for method in ["GET", "POST"] {
            let answer = site
                .say(format!(
                    "{method} / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                ))
                .await;
            assert_eq!(status(&answer), "200", "round {round}: {answer}");
        }
        drop(container);
        container = Container::at(&address, |_| async { text("again") }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_closes_under_a_request_is_replaced() {
    let site = Site::new().await;
    // It answers the first request of a connection and hangs up on the second without a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("not IPv4")
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await;
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    site.route_to(address).await;
    for _ in 0..10 {
        assert_eq!(status(&site.get("/").await), "200");
    }
    for _ in 0..10 {
        assert_eq!(
            status(&site.say(&payment()).await),
            "200",
            "over a new connection"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_got_no_answer_is_not_made_twice() {
    let site = Site::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("not IPv4")
    };
    let taken = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let taken = Arc::clone(&taken);
        async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                taken.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    site.route_to(address).await;
    assert_eq!(status(&site.say(&payment()).await), "502");
    assert_eq!(taken.load(Ordering::SeqCst), 1);
}

fn payment() -> String {
    format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_flow_through_without_being_kept() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 1600;
    let site = Site::new().await;
    let container = Container::new(|request: Request<Incoming>| async move {
        if request.method() == http::Method::POST {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                length += frame.unwrap().data_ref().map_or(0, Bytes::len);
            }
            return text(format!("{length} bytes"));
        }
        let chunk = Bytes::from(vec![b'x'; CHUNK]);
        let chunks = futures_like(CHUNKS, chunk);
        Response::new(BodyExt::boxed(StreamBody::new(chunks)))
    })
    .await;
    site.route_to(container.address).await;
    let before = resident_bytes();
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(get("/download").as_bytes()).await.unwrap();
    let (mut length, mut peak) = (0, 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => length += read,
        }
        peak = peak.max(resident_bytes());
    }
    assert!(length > CHUNK * CHUNKS, "{length}");
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let length = CHUNK * CHUNKS;
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..CHUNKS {
        stream.write_all(&buffer).await.unwrap();
        peak = peak.max(resident_bytes());
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&format!("{length} bytes")), "{answer}");
    assert!(peak < before + (32 << 20), "grew from {before} to {peak} bytes");
}

/// A stream of `count` times the same chunk.
fn futures_like(
    count: usize,
    chunk: Bytes,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, hyper::Error>> + Send + Sync {
    futures_util::stream::iter(std::iter::repeat_with(move || Ok(Frame::data(chunk.clone()))).take(count))
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_a_tunnel_once_the_container_has_agreed() {
    let site = Site::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("not IPv4")
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await.unwrap();
                let head = String::from_utf8_lossy(&buffer[..length]).to_ascii_lowercase();
                let agreed = head.contains("upgrade: websocket") && head.starts_with("get /socket");
                let answer: &[u8] = if agreed {
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello "
                } else {
                    b"HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
                };
                stream.write_all(answer).await.unwrap();
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    stream
                        .write_all(&buffer[..length].to_ascii_uppercase())
                        .await
                        .unwrap();
                }
            });
        }
    });
    site.route_to(address).await;
    let upgrade = |path: &str, protocol: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Key: x\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream
        .write_all(upgrade("/socket", "websocket").as_bytes())
        .await
        .unwrap();
    let mut seen = read_until(&mut stream, "hello ").await;
    assert_eq!(status(&seen), "101", "{seen}");
    assert!(
        seen.to_ascii_lowercase().contains("sec-websocket-accept: x"),
        "{seen}"
    );
    stream.write_all(b"ping").await.unwrap();
    seen = read_until(&mut stream, "PING").await;
    assert!(seen.ends_with("PING"), "{seen}");
    // It is open, and yet nothing is under way that a deployment would wait for.
    assert_eq!(site.hold(Duration::from_secs(5), Duration::from_secs(5)).await, 0);
    stream.write_all(b"pong").await.unwrap();
    seen = read_until(&mut stream, "PONG").await;
    assert!(seen.ends_with("PONG"), "{seen}");
    site.release().await;
    for (path, protocol) in [("/other", "websocket"), ("/socket", "h2c")] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream
            .write_all(upgrade(path, protocol).as_bytes())
            .await
            .unwrap();
        let seen = read_until(&mut stream, "no").await;
        assert_eq!(status(&seen), "426", "{path} {protocol}: {seen}");
    }
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(end) {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(read, 0, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    seen
}
