//! Requests and what a real nginx answers, one table per configuration.
//!
//! A row is `METHOD path` and the status with the beginning of the body; `app …` comes from the app, `php …` from
//! a script. Paths are sent exactly as written.

#![allow(clippy::unwrap_used)]

mod real;

use guise_nginx::Upstream;
use real::{Nginx, app, client::ask, nginx_is_here, web};

type Row = (&'static str, u16, &'static str);

fn check(nginx: &Nginx, rows: &[Row]) {
    let mut wrong = Vec::new();
    for (request, status, body) in rows {
        let (method, path) = request.split_once(' ').unwrap();
        let answer = ask(nginx.port, method, path, &[]);
        if answer.status != *status || !answer.body.starts_with(body) {
            wrong.push(format!(
                "{request}: {} {:?}, not {status} {body:?}",
                answer.status, answer.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const FILES: &[(&str, &str)] = &[
    ("public/index.html", "home"),
    ("public/about.html", "about"),
    ("public/style.css", "css"),
    ("public/notes.md", "markdown"),
    ("public/archive.tar.gz", "tar"),
    ("public/sub/index.html", "sub home"),
    ("public/sub/page.html", "sub page"),
    ("public/empty/keep.txt", "keep"),
    ("public/with space.txt", "space"),
    ("public/ümlaut.txt", "umlaut"),
    ("public/dollar$uri.txt", "dollar"),
    ("public/semi;colon.txt", "semicolon"),
    ("public/a+b.txt", "plus"),
    ("public/.htaccess", "htaccess"),
    ("public/index.php", "source of index"),
    ("public/other.php", "source of other"),
    ("public/sub/index.php", "source of sub index"),
    ("uploads/photo.jpg", "photo"),
    ("uploads/evil.php", "source of evil"),
    ("admin/dist/index.html", "admin home"),
    ("admin/dist/app.js", "admin js"),
    ("secret.txt", "secret"),
];

#[test]
fn files_come_first_and_the_app_gets_the_rest() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        r#"
web:
  commands: {start: x}
  locations:
    '/':
      root: public
      index: [index.html]
      passthru: true
    '/uploads':
      root: uploads
      passthru: false
    '/private/':
      root: public
      allow: false
    '/hidden':
      root: public
      allow: false
      passthru: true
    '/api':
      passthru: true
    '/nothing':
      passthru: false
"#,
    );
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), FILES);
    check(
        &nginx,
        &[
            ("GET /", 200, "home"),
            ("HEAD /", 200, ""),
            ("GET /index.html", 200, "home"),
            ("GET /about.html", 200, "about"),
            ("GET /style.css?v=2", 200, "css"),
            ("GET /sub/", 200, "sub home"),
            ("GET /sub", 200, "sub home"),
            ("GET /sub/page.html", 200, "sub page"),
            ("GET /empty/", 200, "app GET /empty/"),
            ("GET /empty", 200, "app GET /empty"),
            ("GET /empty/keep.txt", 200, "keep"),
            ("GET /missing", 200, "app GET /missing"),
            ("GET /missing?a=1&b=%20", 200, "app GET /missing?a=1&b=%20"),
            ("POST /missing", 200, "app POST /missing"),
            ("DELETE /x/y/z", 200, "app DELETE /x/y/z"),
            ("GET /with%20space.txt", 200, "space"),
            ("GET /%C3%BCmlaut.txt", 200, "umlaut"),
            ("GET /dollar$uri.txt", 200, "dollar"),
            ("GET /semi;colon.txt", 200, "semicolon"),
            ("GET /a+b.txt", 200, "plus"),
            ("GET /%61bout.html", 200, "about"),
            ("GET /about.html/", 200, "app GET /about.html/"),
            ("GET //about.html", 200, "about"),
            ("GET /./about.html", 200, "about"),
            ("GET /sub/../about.html", 200, "about"),
            ("GET /enc%2Foded", 200, "app GET /enc%2Foded"),
            ("GET /new%0Aline", 200, "app GET /new%0Aline"),
            ("GET /quest%3Fion", 200, "app GET /quest%3Fion"),
            ("GET /other.php", 200, "source of other"),
            ("GET /uploads/photo.jpg", 200, "photo"),
            ("GET /uploads/none.jpg", 404, ""),
            ("GET /uploads/", 404, ""),
            ("GET /uploads", 404, ""),
            ("GET /uploadsandmore", 200, "app GET /uploadsandmore"),
            ("GET /uploads/evil.php", 200, "source of evil"),
            ("GET /private/about.html", 403, ""),
            ("GET /private/none.html", 404, ""),
            ("GET /private/sub/", 404, ""),
            ("GET /private", 404, ""),
            ("GET /hidden/about.html", 200, "app GET /hidden/about.html"),
            ("GET /api/about.html", 200, "app GET /api/about.html"),
            ("GET /api", 200, "app GET /api"),
            ("GET /apis", 200, "app GET /apis"),
            ("GET /nothing/at/all", 404, ""),
            ("GET /nothing", 404, ""),
            // Out of the tree
            ("GET /../secret.txt", 400, ""),
            ("GET /%2e%2e/secret.txt", 400, ""),
            ("GET /sub/%2e%2e/%2e%2e/secret.txt", 400, ""),
            (
                "GET /uploads/../secret.txt",
                200,
                "app GET /uploads/../secret.txt",
            ),
            (
                "GET /uploads%2F..%2Fsecret.txt",
                200,
                "app GET /uploads%2F..%2Fsecret.txt",
            ),
            ("GET /uploads../secret.txt", 200, "app GET /uploads../secret.txt"),
            ("GET /about.html%00.css", 400, ""),
            ("GET /..%5csecret.txt", 200, "app GET /..%5csecret.txt"),
        ],
    );
}

#[test]
fn a_url_outside_of_every_location_is_not_found() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        "web: {locations: {/static: {root: public}, /page.html: {root: public/about.html}}}\n",
    );
    let nginx = Nginx::start(&web, None, FILES);
    check(
        &nginx,
        &[
            ("GET /static/style.css", 200, "css"),
            ("GET /", 404, ""),
            ("GET /index.html", 404, ""),
            ("GET /staticfile", 404, ""),
        ],
    );
}

#[test]
fn rules_count_in_file_order_and_the_first_that_matches_wins() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        r#"
web:
  commands: {start: x}
  locations:
    '/':
      root: public
      index: [index.html]
      allow: false
      passthru: false
      rules:
        '\.html$': {allow: true}
        '^/sub/': {allow: true, passthru: true}
        'about': {allow: false}
        '\.(css|md)$': {allow: true, headers: {X-Rule: style}}
        '^/to-app': {passthru: true}
        '.*\.gz$': {allow: true}
    '/v2':
      root: public
      rules:
        '^/v2/about': {allow: false}
        'page': {passthru: '/v2/about.html'}
"#,
    );
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), FILES);
    check(
        &nginx,
        &[
            ("GET /", 200, "home"),
            ("GET /about.html", 200, "about"),
            ("GET /notes.md", 200, "markdown"),
            ("GET /style.css", 200, "css"),
            ("GET /a+b.txt", 403, ""),
            ("GET /none.txt", 404, ""),
            ("GET /none.html", 404, ""),
            ("GET /NONE.HTML", 404, ""),
            ("GET /sub/page.html", 200, "sub page"),
            ("GET /sub/none.html", 404, ""),
            ("GET /sub/none", 200, "app GET /sub/none"),
            ("GET /empty/keep.txt", 403, ""),
            ("GET /empty/", 404, ""),
            ("GET /to-app/x", 200, "app GET /to-app/x"),
            ("GET /archive.tar.gz", 200, "tar"),
            ("GET /.htaccess", 403, ""),
            ("GET /v2/about.html", 403, ""),
            ("GET /v2/style.css", 200, "css"),
            ("GET /v2/sub/page.html", 200, "sub page"),
            ("GET /v2/sub/page2.html", 200, "about"),
            ("GET /v2/index.html", 200, "home"),
            ("GET /v2/", 404, ""),
        ],
    );
    assert_eq!(
        ask(nginx.port, "GET", "/style.css", &[]).header("X-Rule"),
        Some("style")
    );
}

#[test]
fn a_front_controller_answers_for_what_is_missing() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        r#"
web:
  commands: {start: x}
  locations:
    '/admin':
      root: admin/dist
      passthru: /admin/index.html
    '/gone':
      root: public
      passthru: /gone/nowhere.html
    '/away':
      passthru: /admin/index.html
    '/closed':
      root: public
      allow: false
      passthru: /closed/about.html
"#,
    );
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), FILES);
    check(
        &nginx,
        &[
            ("GET /admin/app.js", 200, "admin js"),
            ("GET /admin/users/7", 200, "admin home"),
            ("GET /admin/", 200, "admin home"),
            ("GET /admin", 200, "admin home"),
            ("GET /gone/x?y=1", 200, "app GET /gone/x?y=1"),
            ("GET /away/x", 200, "admin home"),
            ("GET /closed/style.css", 200, "about"),
            ("GET /closed/x", 200, "about"),
        ],
    );
}

#[test]
fn php_scripts_run_where_they_may() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "php:8.4",
        r#"
web:
  locations:
    '/':
      root: public
      index: [index.php, index.html]
      passthru: /index.php
      rules:
        '^/blocked': {scripts: false, allow: false, passthru: false}
    '/uploads':
      root: uploads
      scripts: false
    '/denied':
      root: public
      allow: false
      passthru: false
    '/raw':
      root: public
      scripts: false
      passthru: /index.php
"#,
    );
    let sockets = tempfile::TempDir::new().unwrap();
    let socket = sockets.path().join("app.sock");
    app::fastcgi(&socket);
    let nginx = Nginx::start(&web, Some(Upstream::Unix(socket.to_str().unwrap().into())), FILES);
    check(
        &nginx,
        &[
            ("GET /", 200, "php public/index.php /index.php /"),
            ("GET /?q=1", 200, "php public/index.php /index.php /?q=1"),
            (
                "GET /other.php?x=1",
                200,
                "php public/other.php /other.php /other.php?x=1",
            ),
            ("POST /other.php", 200, "php public/other.php"),
            (
                "GET /missing.php",
                200,
                "php public/index.php /index.php /missing.php",
            ),
            (
                "GET /blog/2024",
                200,
                "php public/index.php /index.php /blog/2024",
            ),
            ("GET /style.css", 200, "css"),
            ("GET /sub/", 200, "php public/sub/index.php /sub/index.php /sub/"),
            (
                "GET /other.php/info",
                200,
                "php public/index.php /index.php /other.php/info",
            ),
            (
                "GET /other.PHP",
                200,
                "php public/index.php /index.php /other.PHP",
            ),
            ("GET /blocked/x", 404, ""),
            ("GET /uploads/photo.jpg", 200, "photo"),
            ("GET /uploads/evil.php", 200, "source of evil"),
            ("GET /uploads/none.php", 404, ""),
            (
                "GET /denied/other.php",
                200,
                "php public/other.php /denied/other.php /denied/other.php",
            ),
            ("GET /denied/style.css", 403, ""),
            ("GET /denied/none.php", 404, ""),
            ("GET /raw/other.php", 200, "source of other"),
            ("GET /raw/none", 200, "php public/index.php /index.php /raw/none"),
        ],
    );
}

#[test]
fn without_a_start_command_files_are_served_and_nothing_else() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        "web: {locations: {/: {root: public, index: [index.html], passthru: true}}}\n",
    );
    let nginx = Nginx::start(&web, None, FILES);
    check(
        &nginx,
        &[
            ("GET /", 200, "home"),
            ("GET /none", 502, ""),
            ("GET /style.css", 200, "css"),
        ],
    );
}

#[test]
fn files_have_the_headers_that_are_configured_and_answers_of_the_app_have_none() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        r#"
web:
  commands: {start: x}
  locations:
    '/':
      root: public
      passthru: true
      expires: 1h
      headers:
        X-One: 'a "quoted" $uri; }'
        Access-Control-Allow-Origin: '*'
      rules:
        '\.md$': {headers: {Content-Type: 'text/markdown; charset=utf-8'}, expires: -1}
        'about': {headers: {Cache-Control: 'public, max-age=7'}}
        'huge': {expires: 9999y}
"#,
    );
    let files: &[(&str, &str)] = &[
        (
            "public/style.css",
            "body { color: black } body { color: black } body { color: black }",
        ),
        ("public/notes.md", "markdown"),
        ("public/about.html", "about"),
        ("public/packed.bin", "plain"),
        ("public/packed.bin.gz", "packed"),
    ];
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), files);
    let get = |path: &str, headers: &[(&str, &str)]| ask(nginx.port, "GET", path, headers);

    let css = get("/style.css", &[("Origin", "https://a.example")]);
    assert_eq!(css.header("X-One"), Some("a \"quoted\" $uri; }"));
    assert_eq!(css.header("Cache-Control"), Some("max-age=3600"));
    assert_eq!(
        css.header("Access-Control-Allow-Origin"),
        Some("https://a.example")
    );
    assert!(css.head.contains("Vary: Origin"), "{}", css.head);
    assert_eq!(css.header("Strict-Transport-Security"), Some("max-age=0"));
    assert_eq!(css.header("Content-Type"), Some("text/css"));
    assert_eq!(css.header("Server"), Some("nginx"));

    let markdown = get("/notes.md", &[]);
    assert_eq!(
        markdown.header("Content-Type"),
        Some("text/markdown; charset=utf-8")
    );
    assert_eq!(
        markdown.header("X-One"),
        None,
        "a rule's headers replace the location's"
    );
    assert_eq!(markdown.header("Cache-Control"), Some("no-cache"));
    assert_eq!(
        get("/about.html", &[]).header("Cache-Control"),
        Some("public, max-age=7")
    );
    assert_eq!(get("/about.html", &[]).header("Expires"), None);

    let app = get("/missing", &[("X-Forwarded-For", "1.2.3.4"), ("Proxy", "evil")]);
    assert_eq!(app.header("X-One"), None);
    assert_eq!(app.header("Strict-Transport-Security"), None);
    assert!(app.body.contains("Host: site.example"), "{}", app.body);
    assert!(app.body.contains("X-Forwarded-For: 1.2.3.4"), "{}", app.body);

    let packed = get("/style.css", &[("Accept-Encoding", "gzip")]);
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    assert_eq!(
        get("/notes.md", &[("Accept-Encoding", "gzip")]).header("Content-Encoding"),
        None
    );
    let sibling = get("/packed.bin", &[("Accept-Encoding", "gzip")]);
    assert_eq!(
        (sibling.header("Content-Encoding"), sibling.body.as_str()),
        (Some("gzip"), "packed")
    );
    assert_eq!(get("/packed.bin", &[]).body, "plain");

    let tag = css.header("ETag").unwrap().to_owned();
    assert_eq!(get("/style.css", &[("If-None-Match", &tag)]).status, 304);
}

#[test]
fn websockets_reach_the_app_and_large_bodies_do_not() {
    if !nginx_is_here() {
        return;
    }
    let web = web(
        "python:3.13",
        "web: {commands: {start: x}, locations: {/: {passthru: true, request_buffering: {enabled: false, max_request_size: 1k}}}}\n",
    );
    let nginx = Nginx::start(&web, Some(Upstream::Tcp(app::http())), &[]);
    let answer = ask(nginx.port, "GET", "/ws", &[("Upgrade", "websocket")]);
    assert!(
        answer.body.to_lowercase().contains("connection: upgrade"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.to_lowercase().contains("upgrade: websocket"),
        "{}",
        answer.body
    );
    assert_eq!(
        ask(nginx.port, "POST", "/", &[("Content-Length", "1025")]).status,
        413
    );
}
