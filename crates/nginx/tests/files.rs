//! Files as browsers, caches and attackers ask for them: one table of requests with headers, against a real nginx.

#![allow(clippy::unwrap_used)]

mod real;

use guise_nginx::Upstream;
use real::{Nginx, app, client::ask, nginx_is_here, web};

/// `METHOD path | Header: value | …`, the status, the beginning of the body, and headers of the answer: `Name: value`,
/// or `Name: -` for one that must not be there.
type Row = (&'static str, u16, &'static str, &'static [&'static str]);

fn check(nginx: &Nginx, rows: &[Row]) {
    let mut wrong = Vec::new();
    for (asked, status, body, expected) in rows {
        let mut parts = asked.split(" | ");
        let (method, path) = parts.next().unwrap().split_once(' ').unwrap();
        let headers: Vec<(&str, &str)> = parts.map(|header| header.split_once(": ").unwrap()).collect();
        let answer = ask(nginx.port, method, path, &headers);
        if answer.status != *status || !answer.body.starts_with(body) {
            wrong.push(format!("{asked}: {} {:?}", answer.status, answer.body));
        }
        for header in *expected {
            let (name, value) = header.split_once(": ").unwrap();
            let found = answer.header(name).unwrap_or("-");
            if found != value {
                wrong.push(format!("{asked}: {name} is {found:?}, not {value:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const LONG: &str = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";

const FILES: &[(&str, &str)] = &[
    ("web/index.html", "<p>home</p> 0123456789 0123456789"),
    ("web/data.json", LONG),
    ("web/app.js", LONG),
    ("web/icon.svg", LONG),
    ("web/table.csv", LONG),
    ("web/photo.png", LONG),
    ("web/font.woff2", LONG),
    ("web/plain.txt", LONG),
    ("web/tiny.txt", "tiny"),
    ("web/unknown.xyz", LONG),
    ("web/video.mp4", LONG),
    ("web/ready.js", "plain"),
    ("web/ready.js.gz", "packed before"),
    ("web/soon/a.css", LONG),
    ("web/never/a.css", LONG),
    ("web/zero/a.css", LONG),
    ("web/deep/er/index.html", "deep home"),
    ("web/deep/er/second.html", "second"),
    ("web/two/default.htm", "the second index"),
    ("web/rule/index.html", "index with a rule"),
    ("web/a%b.txt", "percent"),
    ("web/a b/c d.txt", "spaces"),
    ("web/q?.txt", "question"),
    ("web/#.txt", "hash"),
    ("web/\u{20ac}.txt", "euro"),
    ("web/.well-known/acme", "acme"),
    ("web/.git/config", "git"),
    ("web/.env", "env"),
    ("media/cat.jpg", "cat"),
    ("media/nested/dog.jpg", "dog"),
    ("private/key.pem", "key"),
];

const CONFIGURATION: &str = r#"
web:
  commands: {start: x}
  locations:
    '/':
      root: web
      index: [index.html, default.htm]
      expires: 1d
      passthru: true
      rules:
        '\.(env|git)': {allow: false, passthru: false}
        '/\.git/': {allow: false, passthru: false}
        '^/never/': {expires: -1}
        '^/zero/': {expires: 0}
        '^/soon/': {expires: 1500ms}
        '^/rule/index\.html$': {headers: {X-Rule: index}}
        '\.(?i:PNG)$': {headers: {X-Image: 'yes'}, expires: 2w}
        '^/(?<named>video)\.mp4$': {headers: {X-Video: 'yes'}}
    '/media':
      root: media
      passthru: false
      expires: 3M
      headers: {Cache-Control: 'private', X-Media: 'yes'}
    '/media/nested':
      root: media/nested
      passthru: false
    '/cors':
      root: web
      passthru: false
      headers: {Access-Control-Allow-Origin: '*'}
    '/one-origin':
      root: web
      passthru: false
      headers: {Access-Control-Allow-Origin: 'https://b.example'}
    '/strict':
      root: web
      passthru: false
      headers: {Strict-Transport-Security: 'max-age=31536000'}
"#;

#[test]
fn files_are_served_as_the_table_says() {
    if !nginx_is_here() {
        return;
    }
    let web = web("python:3.13", CONFIGURATION);
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), FILES);
    check(&nginx, PACKING);
    check(&nginx, EXPIRY);
    check(&nginx, PARTS);
    check(&nginx, NAMES);
    check(&nginx, WAYS_OUT);
    check(&nginx, PREFIXES);
}

/// Packing needs a type that gains by it, a client that takes it, and an answer that may be kept (spec 1.5).
const PACKING: &[Row] = &[
    (
        "GET /data.json | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip", "Vary: Accept-Encoding"],
    ),
    (
        "GET /data.json",
        200,
        LONG,
        &["Content-Encoding: -", "Content-Type: application/json"],
    ),
    (
        "GET /data.json | Accept-Encoding: identity",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /data.json | Accept-Encoding: gzip;q=0",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /data.json | Accept-Encoding: br",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /data.json | Accept-Encoding: deflate, gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /app.js | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /icon.svg | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /table.csv | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /plain.txt | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /index.html | Accept-Encoding: gzip",
        200,
        "",
        &["Content-Encoding: gzip"],
    ),
    (
        "GET /photo.png | Accept-Encoding: gzip",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /font.woff2 | Accept-Encoding: gzip",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /unknown.xyz | Accept-Encoding: gzip",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /tiny.txt | Accept-Encoding: gzip",
        200,
        "tiny",
        &["Content-Encoding: -"],
    ),
    (
        "GET /never/a.css | Accept-Encoding: gzip",
        200,
        LONG,
        &["Content-Encoding: -"],
    ),
    (
        "GET /ready.js | Accept-Encoding: gzip",
        200,
        "packed before",
        &["Content-Encoding: gzip"],
    ),
    ("GET /ready.js", 200, "plain", &["Content-Encoding: -"]),
    ("GET /ready.js.gz", 200, "packed before", &["Content-Encoding: -"]),
    (
        "GET /nowhere | Accept-Encoding: gzip",
        200,
        "app GET /nowhere",
        &["Content-Encoding: -"],
    ),
];

const EXPIRY: &[Row] = &[
    ("GET /plain.txt", 200, "", &["Cache-Control: max-age=86400"]),
    (
        "GET /photo.png",
        200,
        "",
        &["Cache-Control: max-age=1209600", "X-Image: yes"],
    ),
    ("GET /never/a.css", 200, "", &["Cache-Control: no-cache"]),
    ("GET /zero/a.css", 200, "", &["Cache-Control: max-age=0"]),
    ("GET /soon/a.css", 200, "", &["Cache-Control: max-age=1"]),
    (
        "GET /video.mp4",
        200,
        "",
        &["X-Video: yes", "Content-Type: video/mp4"],
    ),
    (
        "GET /media/cat.jpg",
        200,
        "cat",
        &["Cache-Control: private", "Expires: -", "X-Media: yes"],
    ),
    ("GET /media/none.jpg", 404, "", &["X-Media: -"]),
    ("GET /nowhere", 200, "app", &["Cache-Control: -"]),
    ("GET /rule/", 200, "index with a rule", &["X-Rule: index"]),
    (
        "GET /rule/index.html",
        200,
        "index with a rule",
        &["X-Rule: index"],
    ),
    (
        "GET /strict/tiny.txt",
        200,
        "tiny",
        &["Strict-Transport-Security: max-age=31536000"],
    ),
    (
        "GET /cors/tiny.txt",
        200,
        "tiny",
        &["Access-Control-Allow-Origin: -"],
    ),
    (
        "GET /cors/tiny.txt | Origin: https://a.example",
        200,
        "tiny",
        &["Access-Control-Allow-Origin: https://a.example", "Vary: Origin"],
    ),
    (
        "GET /one-origin/tiny.txt | Origin: https://a.example",
        200,
        "tiny",
        &["Access-Control-Allow-Origin: https://b.example"],
    ),
];

const PARTS: &[Row] = &[
    ("HEAD /tiny.txt", 200, "", &["Content-Length: 4"]),
    (
        "GET /plain.txt | Range: bytes=0-3",
        206,
        "0123",
        &["Content-Range: bytes 0-3/65"],
    ),
    (
        "GET /plain.txt | Range: bytes=-2",
        206,
        "89",
        &["Content-Range: bytes 63-64/65"],
    ),
    ("GET /plain.txt | Range: bytes=60-", 206, "56789", &[]),
    (
        "GET /plain.txt | Range: bytes=900-",
        416,
        "",
        &["Content-Range: bytes */65"],
    ),
    ("GET /plain.txt | Range: lines=1-2", 200, LONG, &[]),
    (
        "GET /plain.txt | If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT",
        200,
        LONG,
        &[],
    ),
    (
        "GET /plain.txt | If-Unmodified-Since: Fri, 31 Dec 1999 23:59:59 GMT",
        412,
        "",
        &[],
    ),
    (
        "GET /plain.txt | If-None-Match: *",
        304,
        "",
        &["Content-Length: -"],
    ),
    ("GET /plain.txt | If-None-Match: \"other\"", 200, LONG, &[]),
    ("GET /plain.txt | If-Match: \"other\"", 412, "", &[]),
    ("POST /plain.txt | Content-Length: 0", 405, "", &[]),
    ("PUT /plain.txt | Content-Length: 0", 405, "", &[]),
    ("DELETE /plain.txt", 405, "", &[]),
    ("OPTIONS /plain.txt", 405, "", &[]),
    ("OPTIONS /nowhere", 200, "app OPTIONS /nowhere", &[]),
];

const NAMES: &[Row] = &[
    ("GET /a%25b.txt", 200, "percent", &[]),
    ("GET /a%20b/c%20d.txt", 200, "spaces", &[]),
    ("GET /a+b/c+d.txt", 200, "app GET /a+b/c+d.txt", &[]),
    ("GET /q%3F.txt", 200, "question", &[]),
    ("GET /%23.txt", 200, "hash", &[]),
    ("GET /%E2%82%AC.txt", 200, "euro", &[]),
    ("GET /%E2%82.txt", 200, "app GET /%E2%82.txt", &[]),
    ("GET /plain%2Etxt", 200, LONG, &[]),
    ("GET /PLAIN.TXT", 200, "app GET /PLAIN.TXT", &[]),
    ("GET /deep/er", 200, "deep home", &[]),
    ("GET /deep//er/", 200, "deep home", &[]),
    ("GET /deep/er/./second.html", 200, "second", &[]),
    ("GET /deep%2Fer%2Fsecond.html", 200, "second", &[]),
    ("GET /two/", 200, "the second index", &[]),
    ("GET /deep/", 200, "app GET /deep/", &[]),
    ("GET /.well-known/acme", 200, "acme", &[]),
    ("GET /.git/config", 403, "", &[]),
    ("GET /%2egit/config", 403, "", &[]),
    ("GET /.env", 403, "", &[]),
    ("GET /x/../.env", 403, "", &[]),
    ("GET /.env/", 404, "", &[]),
];

const WAYS_OUT: &[Row] = &[
    ("GET /media/../private/key.pem", 200, "app GET", &[]),
    ("GET /media/%2e%2e/private/key.pem", 200, "app GET", &[]),
    ("GET /media../private/key.pem", 200, "app GET", &[]),
    ("GET /media%2f..%2f..%2fprivate/key.pem", 400, "", &[]),
    ("GET /media/..%2fprivate/key.pem", 200, "app GET", &[]),
    ("GET /media/nested/../../private/key.pem", 200, "app GET", &[]),
    ("GET /media/....//private/key.pem", 404, "", &[]),
    ("GET /media/%252e%252e/private/key.pem", 404, "", &[]),
    ("GET /media/..%00/private/key.pem", 400, "", &[]),
    ("GET /media/..\\private\\key.pem", 404, "", &[]),
    ("GET /media/%c0%ae%c0%ae/private/key.pem", 404, "", &[]),
    ("GET //media/../../private/key.pem", 400, "", &[]),
    ("GET /../../../../etc/passwd", 400, "", &[]),
    ("GET /media/cat.jpg%00.html", 400, "", &[]),
];

const PREFIXES: &[Row] = &[
    ("GET /media/nested/dog.jpg", 200, "dog", &["X-Media: -"]),
    ("GET /media/nested", 404, "", &[]),
    ("GET /media/nestedx", 404, "", &[]),
    ("GET /medial", 200, "app GET /medial", &[]),
    ("GET /media", 404, "", &[]),
    ("GET /Media/cat.jpg", 200, "app GET /Media/cat.jpg", &[]),
];
