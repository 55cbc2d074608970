//! Texts from configuration files mean only themselves to nginx, whatever is in them.

#![allow(clippy::unwrap_used)]

mod real;

use guise_config::{Expires, Location, Passthru, Rule};
use proptest::prelude::*;
use real::{Nginx, client::ask, nginx_is_here, verdict, web};
use std::collections::BTreeMap;

fn hostile(seed: &[String]) -> Location {
    let text = |index: usize| seed[index % seed.len()].clone();
    // A pattern must compile; everything else may be anything.
    let pattern = |text: String| {
        text.chars()
            .filter(|c| !"()[]{}*+?|\\".contains(*c))
            .collect::<String>()
    };
    Location {
        path: format!("/{}", text(0)),
        root: Some(text(1)),
        passthru: Passthru::To(format!("/{}", text(2))),
        index: vec![text(3)],
        expires: Expires::AfterMillis(u64::MAX),
        allow: true,
        scripts: true,
        headers: BTreeMap::from([("X-Name".into(), text(4)), ("Content-Type".into(), text(5))]),
        request_buffering: Default::default(),
        rules: vec![Rule {
            pattern: pattern(text(6)),
            allow: Some(false),
            passthru: Some(Passthru::Yes),
            expires: None,
            scripts: None,
            headers: Some(BTreeMap::from([("X-Other".into(), text(7))])),
        }],
    }
}

/// Anything, with what is special to nginx more often than chance would have it.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let special = prop::sample::select(vec![
        "\"",
        "'",
        ";",
        "}",
        "{",
        "$",
        "\\",
        "#",
        "\n",
        "\r",
        "\0",
        "\t",
        "$uri",
        "${",
        "\\\"",
        "; return 200 pwned;",
        "ü",
        "/",
        "%",
        "*",
        "\" ; } server { listen 1; }",
    ]);
    let word = prop_oneof![special.prop_map(str::to_owned), "\\PC{0,6}", "[a-z/.]{0,8}"];
    prop::collection::vec(
        prop::collection::vec(word, 0..6).prop_map(|words| words.concat()),
        8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nginx_takes_every_configuration(seed in texts()) {
        if nginx_is_here() {
            let php = web("php:8.4", "");
            let python = web("python:3.13", "");
            let locations = [hostile(&seed)];
            prop_assert_eq!(verdict(&locations, &php), Ok(()));
            prop_assert_eq!(verdict(&locations, &python), Ok(()));
        }
    }
}

#[test]
fn a_header_that_tries_to_be_a_directive_arrives_as_a_header() {
    if !nginx_is_here() {
        return;
    }
    let mut web = web("python:3.13", "");
    let evil = r#""; return 418; } location /x { return 418; } # $uri ${uri} \" \n '"#;
    web.locations = vec![Location {
        path: "/".into(),
        root: Some("public".into()),
        headers: BTreeMap::from([("X-Evil".into(), evil.into())]),
        passthru: Passthru::No,
        index: Vec::new(),
        expires: Expires::Never,
        allow: true,
        scripts: true,
        request_buffering: Default::default(),
        rules: Vec::new(),
    }];
    let nginx = Nginx::start(&web, None, &[("public/a.txt", "a")]);
    let answer = ask(nginx.port, "GET", "/a.txt", &[]);
    assert_eq!((answer.status, answer.body.as_str()), (200, "a"));
    assert_eq!(answer.header("X-Evil"), Some(evil));
    assert_eq!(ask(nginx.port, "GET", "/x", &[]).status, 404);
}
