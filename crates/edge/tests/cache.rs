//! Kept answers: what is kept, for whom, for how long, and what is sent of it.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use bytes::Bytes;
use guise_api::edge::{Action, Caching, Command};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use site::{Container, ENVIRONMENT, HOST, Site, route, status, text};
use std::{sync::atomic::Ordering, time::Duration};

fn caching() -> Caching {
    Caching {
        headers: vec!["Accept".into(), "Accept-Language".into()],
        cookies: vec!["*".into()],
        default_ttl: 0,
    }
}

/// A site whose one route keeps answers.
struct Kept {
    site: Site,
    container: Container,
}

impl Kept {
    /// The container answers each request with these lines and its number.
    async fn new(caching: Caching, lines: &'static [(&'static str, &'static str)]) -> Self {
        Self::answering(caching, move |_, number| {
            let mut answer = text(format!("number {number}"));
            for (name, value) in lines {
                let name = HeaderName::from_static(name);
                answer.headers_mut().append(name, HeaderValue::from_static(value));
            }
            answer
        })
        .await
    }

    async fn answering(
        caching: Caching,
        answer: impl Fn(Request<Incoming>, u32) -> site::Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let site = Site::new().await;
        let number = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let container = Container::new(move |request| {
            let number = number.fetch_add(1, Ordering::SeqCst) + 1;
            let answer = answer(request, number);
            async move { answer }
        })
        .await;
        let kept = Self { site, container };
        kept.route(caching).await;
        kept
    }

    async fn route(&self, caching: Caching) {
        let upstream = Action::Upstream {
            address: self.container.address,
            caching: Some(caching),
        };
        self.site
            .tell(Command::Routes {
                environment: ENVIRONMENT.into(),
                routes: vec![route(HOST, "/", upstream)],
            })
            .await;
    }

    async fn ask(&self, method: &str, path: &str, lines: &str) -> String {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{lines}\r\n");
        self.site.say(head).await
    }

    async fn get(&self, lines: &str) -> String {
        self.ask("GET", "/", lines).await
    }

    fn asked(&self) -> u32 {
        self.container.requests.load(Ordering::SeqCst)
    }
}

/// `HIT`, `MISS` or `BYPASS`.
fn how(answer: &str) -> &str {
    header(answer, "x-platform-cache").unwrap_or("none")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_so_is_given_again_with_its_age() {
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60"), ("x-own", "1")]).await;
    let first = kept.get("").await;
    assert_eq!((how(&first), body(&first)), ("MISS", "number 1"));
    let second = kept.get("").await;
    assert_eq!((how(&second), body(&second)), ("HIT", "number 1"), "{second}");
    assert_eq!(header(&second, "x-own"), Some("1"));
    assert_eq!(header(&second, "age"), Some("0"));
    assert_eq!(header(&second, "x-robots-tag"), Some("noindex, nofollow"));
    let head = kept.ask("HEAD", "/", "").await;
    assert_eq!(
        (how(&head), body(&head), header(&head, "content-length")),
        ("HIT", "", Some("8"))
    );
    assert_eq!(kept.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_one_clients_own_is_never_kept() {
    for lines in [
        &[("cache-control", "private, max-age=60")][..],
        &[("cache-control", "no-cache, max-age=60")],
        &[("cache-control", "max-age=60"), ("cache-control", "no-store")],
        &[("cache-control", "max-age=60"), ("set-cookie", "a=1")],
        &[("cache-control", "max-age=60"), ("vary", "*")],
        &[("cache-control", "max-age=60"), ("vary", "Accept, X-Client-IP")],
        &[("cache-control", "max-age=0")],
        &[("cache-control", "public")],
        &[("cache-control", "max-age=60"), ("age", "60")],
        &[("expires", "Thu, 18 Aug 2050 02:01:18 GMT")],
        &[],
    ] {
        let kept = Kept::new(caching(), lines).await;
        assert_eq!(how(&kept.get("").await), "MISS", "{lines:?}");
        let second = kept.get("").await;
        assert_eq!((how(&second), body(&second)), ("MISS", "number 2"), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_shows_who_he_is_gets_what_is_kept_only_where_it_says_so() {
    let authorized = "Authorization: Basic YTpi\r\n";
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60")]).await;
    assert_eq!(how(&kept.get(authorized).await), "MISS");
    assert_eq!(how(&kept.get("").await), "MISS");
    let other = kept.get(authorized).await;
    assert_eq!((how(&other), body(&other)), ("MISS", "number 3"));
    let open = Kept::new(caching(), &[("cache-control", "public, max-age=60")]).await;
    assert_eq!(how(&open.get(authorized).await), "MISS");
    assert_eq!(how(&open.get(authorized).await), "HIT");
    assert_eq!(how(&open.get("").await), "HIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_word_are_kept_as_long_as_the_route_says() {
    let hour = Caching {
        default_ttl: 3600,
        ..caching()
    };
    let kept = Kept::new(hour.clone(), &[]).await;
    kept.get("").await;
    assert_eq!(how(&kept.get("").await), "HIT");
    let error = Kept::answering(hour, |_, _| {
        let mut answer = text("broken");
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
    .await;
    error.get("").await;
    assert_eq!(how(&error.get("").await), "MISS");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_make_a_difference_as_the_route_says() {
    const LINES: &[(&str, &str)] = &[("cache-control", "max-age=60")];
    let any = Kept::new(caching(), LINES).await;
    any.get("").await;
    assert_eq!(how(&any.get("Cookie: a=1\r\n").await), "BYPASS");
    let none = Kept::new(
        Caching {
            cookies: vec![],
            ..caching()
        },
        LINES,
    )
    .await;
    none.get("").await;
    assert_eq!(how(&none.get("Cookie: a=1\r\n").await), "HIT");
    let named = Kept::new(
        Caching {
            cookies: vec!["session".into()],
            ..caching()
        },
        LINES,
    )
    .await;
    named.get("Cookie: _ga=1; session=x\r\n").await;
    assert_eq!(how(&named.get("Cookie: _ga=2; session=x\r\n").await), "HIT");
    assert_eq!(how(&named.get("Cookie: _ga=2; session=y\r\n").await), "MISS");
    assert_eq!(how(&named.get("").await), "MISS");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_route_and_of_vary_tell_answers_apart() {
    let kept = Kept::new(
        caching(),
        &[("cache-control", "max-age=60"), ("vary", "Accept-Encoding")],
    )
    .await;
    kept.get("Accept-Language: de\r\n").await;
    assert_eq!(
        how(&kept.get("Accept-Language: de\r\nUser-Agent: x\r\n").await),
        "HIT"
    );
    assert_eq!(how(&kept.get("Accept-Language: en\r\n").await), "MISS");
    let packed = "Accept-Language: de\r\nAccept-Encoding: gzip\r\n";
    assert_eq!(how(&kept.get(packed).await), "MISS");
    let again = kept.get(packed).await;
    assert_eq!((how(&again), body(&again)), ("HIT", "number 3"));
    assert_eq!(body(&kept.get("Accept-Language: de\r\n").await), "number 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_told_apart_by_host_port_and_query() {
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60")]).await;
    for head in [
        format!("GET /?a HTTP/1.1\r\nHost: {HOST}\r\n"),
        format!("GET /?b HTTP/1.1\r\nHost: {HOST}\r\n"),
        format!("GET /?a HTTP/1.1\r\nHost: {HOST}:81\r\n"),
        format!("GET /?a HTTP/1.1\r\nHost: {}\r\n", HOST.to_uppercase()),
    ] {
        let answer = kept.site.say(format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(how(&answer), "MISS", "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_could_mislead_an_application_makes_no_answer_for_others() {
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60")]).await;
    for line in [
        "X-Original-URL: /admin\r\n",
        "X-Forwarded-Port: 1\r\n",
        "If-Match: \"a\"\r\n",
    ] {
        assert_eq!(how(&kept.get(line).await), "BYPASS", "{line}");
    }
    let body = "Content-Length: 1\r\n\r\nx";
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{body}");
    assert_eq!(how(&kept.site.say(head).await), "BYPASS");
    assert_eq!(how(&kept.get("").await), "MISS");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_and_ranges_are_answered_from_the_whole() {
    const DATE: &str = "Tue, 15 Nov 2022 12:45:26 GMT";
    let kept = Kept::new(
        caching(),
        &[
            ("cache-control", "max-age=60"),
            ("etag", "\"one\""),
            ("last-modified", DATE),
            ("content-type", "text/plain"),
        ],
    )
    .await;
    kept.get("").await;
    let same = kept.get("If-None-Match: W/\"one\"\r\n").await;
    assert_eq!(
        (status(&same), how(&same), body(&same)),
        ("304", "HIT", ""),
        "{same}"
    );
    assert_eq!(
        (header(&same, "etag"), header(&same, "content-type")),
        (Some("\"one\""), None)
    );
    assert_eq!(status(&kept.get("If-None-Match: \"two\"\r\n").await), "200");
    assert_eq!(
        status(&kept.get(&format!("If-Modified-Since: {DATE}\r\n")).await),
        "304"
    );
    let part = kept.get("Range: bytes=2-4\r\n").await;
    assert_eq!((status(&part), body(&part)), ("206", "mbe"), "{part}");
    assert_eq!(header(&part, "content-range"), Some("bytes 2-4/8"));
    let outside = kept.get("Range: bytes=8-\r\n").await;
    assert_eq!(
        (status(&outside), header(&outside, "content-range")),
        ("416", Some("bytes */8"))
    );
    let other = kept.get("Range: bytes=2-4\r\nIf-Range: \"two\"\r\n").await;
    assert_eq!((status(&other), body(&other)), ("200", "number 1"));
    assert_eq!(kept.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_has_grown_old_is_asked_for_again_and_renewed_by_304() {
    let kept = Kept::answering(caching(), |request, number| {
        let is_same = request
            .headers()
            .get("if-none-match")
            .is_some_and(|tag| tag == "\"one\"");
        let mut answer = text(if is_same {
            Bytes::new()
        } else {
            format!("number {number}").into()
        });
        if is_same {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        headers.insert("cache-control", HeaderValue::from_static("max-age=1"));
        headers.insert("etag", HeaderValue::from_static("\"one\""));
        headers.insert("x-number", HeaderValue::from(number));
        answer
    })
    .await;
    kept.get("").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let renewed = kept.get("").await;
    assert_eq!(
        (how(&renewed), body(&renewed), status(&renewed)),
        ("HIT", "number 1", "200"),
        "{renewed}"
    );
    assert_eq!(header(&renewed, "x-number"), Some("2"), "{renewed}");
    assert_eq!((how(&kept.get("").await), kept.asked()), ("HIT", 2));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let unchanged = kept.get("If-None-Match: \"one\"\r\n").await;
    assert_eq!((status(&unchanged), kept.asked()), ("304", 3), "{unchanged}");
    let part = kept.get("Range: bytes=0-5\r\n").await;
    assert_eq!((status(&part), body(&part), kept.asked()), ("206", "number", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_reaches_the_container() {
    let site = Site::new().await;
    let container = Container::new(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut answer = text("slow");
        let control = HeaderValue::from_static("max-age=60");
        answer.headers_mut().insert("cache-control", control);
        answer
    })
    .await;
    let kept = std::sync::Arc::new(Kept { site, container });
    kept.route(caching()).await;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let kept = kept.clone();
            tokio::spawn(async move { kept.get("").await })
        })
        .collect();
    for answer in all {
        assert_eq!(body(&answer.await.unwrap()), "slow");
    }
    assert_eq!(kept.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_an_answer_that_could_not_be_kept_before() {
    let site = Site::new().await;
    let container = Container::new(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        text("slow")
    })
    .await;
    let kept = std::sync::Arc::new(Kept { site, container });
    kept.route(caching()).await;
    kept.get("").await;
    let begun = std::time::Instant::now();
    let all: Vec<_> = (0..10)
        .map(|_| {
            let kept = kept.clone();
            tokio::spawn(async move { kept.get("").await })
        })
        .collect();
    for answer in all {
        assert_eq!(body(&answer.await.unwrap()), "slow");
    }
    assert!(
        begun.elapsed() < Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_and_a_change_of_routes_leave_nothing_of_before() {
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60")]).await;
    kept.get("").await;
    kept.route(caching()).await;
    assert_eq!(how(&kept.get("").await), "HIT", "told the same again");
    kept.site.hold(Duration::ZERO, Duration::from_secs(5)).await;
    kept.site.release().await;
    let after = kept.get("").await;
    assert_eq!((how(&after), body(&after)), ("MISS", "number 2"));
    let never = Caching {
        default_ttl: 1,
        ..caching()
    };
    kept.route(never).await;
    assert_eq!(how(&kept.get("").await), "MISS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_a_client_makes_the_url_be_asked_for_again() {
    let kept = Kept::new(caching(), &[("cache-control", "max-age=60")]).await;
    kept.get("").await;
    assert_eq!(
        how(&kept.ask("POST", "/", "Content-Length: 0\r\n").await),
        "BYPASS"
    );
    assert_eq!(how(&kept.get("").await), "MISS");
    kept.ask("POST", "/other", "Content-Length: 0\r\n").await;
    assert_eq!(how(&kept.get("").await), "HIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_answers_is_bounded() {
    let kept = Kept::answering(caching(), |_, _| {
        let mut answer = text(vec![b'x'; 100_000]);
        let control = HeaderValue::from_static("max-age=60");
        answer.headers_mut().insert("cache-control", control);
        answer
    })
    .await;
    for number in 0..20 {
        kept.ask("GET", &format!("/{number}"), "").await;
        assert_eq!(
            how(&kept.ask("HEAD", "/0", "").await),
            "HIT",
            "asked for all the time"
        );
    }
    let mut hits = 0;
    for number in 1..20 {
        let answer = kept.ask("HEAD", &format!("/{number}"), "").await;
        hits += u32::from(how(&answer) == "HIT");
    }
    assert!((5..=9).contains(&hits), "{hits} of 100 KB fit into 1 MiB");
}
