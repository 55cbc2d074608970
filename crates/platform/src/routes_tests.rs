//! Routes as they are written and as they are served (spec 3.1, 3.2).

use super::*;
use guise_config::{Tree, TypeList};
use std::collections::BTreeMap;

/// An app, with these routes.
struct Commit(&'static str);

impl Tree for Commit {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            ".platform.app.yaml" => Some("name: app\ntype: python:3.13\n".into()),
            ".platform/routes.yaml" => Some(self.0.into()),
            _ => None,
        }
    }

    fn paths(&self) -> Vec<String> {
        vec![".platform.app.yaml".into(), ".platform/routes.yaml".into()]
    }
}

fn resolved(routes: &'static str, tls: bool) -> Vec<ResolvedRoute> {
    let types = TypeList {
        runtimes: BTreeMap::from([("python".into(), vec!["3.13".into()])]),
        ..TypeList::default()
    };
    let project = guise_config::load(&Commit(routes), &types).unwrap().project;
    let site = Site {
        host: "main-x.example".into(),
        ports: Ports {
            http: 80,
            https: tls.then_some(443),
        },
        restrict_robots: false,
        access: None,
    };
    expand(&project.routes, &site)
}

/// URL, and where it leads, of each route.
fn served(routes: &'static str, tls: bool) -> Vec<(String, String)> {
    let routes = resolved(routes, tls).into_iter();
    routes
        .map(|route| match route.target {
            Target::Upstream { upstream, .. } => (route.url, upstream),
            Target::Redirect { to } | Target::Proxy { to } => (route.url, to),
        })
        .collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .into_iter()
        .map(|(url, target)| (url.into(), target.into()))
        .collect()
}

#[test]
fn placeholders_are_filled_in_and_the_primary_route_comes_first() {
    let routes = "
'http://www.{default}/': {type: redirect, to: 'http://{default}/'}
'http://{default}/': {type: upstream, upstream: 'app:http', primary: true}
'http://*.{all}/Docs': {type: upstream, upstream: app}
'http://old.{default}/': {type: redirect, to: 'https://elsewhere.example/x'}
";
    let expected = pairs([
        ("http://main-x.example/", "app"),
        ("http://www.main-x.example/", "http://main-x.example/"),
        ("http://*.main-x.example/Docs/", "app"),
        ("http://old.main-x.example/", "https://elsewhere.example/x"),
    ]);
    assert_eq!(served(routes, false), expected);
}

#[test]
fn literal_hosts_become_labels_before_the_environments_own() {
    let routes = "'http://shop.example/': {type: upstream, upstream: app}\n";
    assert_eq!(
        served(routes, false),
        pairs([("http://shop.example.main-x.example/", "app")])
    );
}

#[test]
fn redirects_of_paths_and_tls_settings_go_with_their_route_and_not_with_its_twin() {
    let routes = "
'https://{default}/':
  type: upstream
  upstream: app
  redirects:
    expires: 1d
    paths:
      /a: {to: 'https://www.{default}/b', code: 301}
      ^/c/(.*)$: {to: /d/$1, regexp: true, expires: 0}
  tls:
    min_version: TLSv1.3
    strict_transport_security: {enabled: true}
'https://{default}/blog': {type: proxy, to: 'https://blog.example/', tls: {min_version: TLSv1.3}}
";
    let routes = resolved(routes, true);
    let [site, blog, twin, _] = routes.as_slice() else {
        panic!("{routes:?}")
    };
    let leads: Vec<_> = site
        .redirects
        .iter()
        .map(|redirect| (redirect.to.as_str(), redirect.code, redirect.expires))
        .collect();
    assert_eq!(
        leads,
        [
            ("https://www.main-x.example/b", 301, Some(86400)),
            ("/d/$1", 302, Some(0))
        ]
    );
    assert_eq!(site.tls.min_version, Some(TlsVersion::Tls13));
    assert_eq!(blog.target.kind(), "proxy");
    assert!(twin.url.starts_with("http://") && twin.redirects.is_empty());
    assert_eq!(twin.tls, RouteTls::default());
    let told = &platform_routes(&routes)[&site.url]["tls"];
    assert_eq!(told["min_version"], 772);
    assert_eq!(told["strict_transport_security"]["enabled"], true);
    assert_eq!(told["client_authentication"], Value::Null);
}

#[test]
fn https_gets_a_twin_that_redirects_unless_there_is_one() {
    let routes = "
'https://{default}/': {type: upstream, upstream: app}
'https://a.{default}/': {type: upstream, upstream: app}
'http://a.{default}/': {type: upstream, upstream: app}
";
    let expected = pairs([
        ("https://main-x.example/", "app"),
        ("https://a.main-x.example/", "app"),
        ("http://a.main-x.example/", "app"),
        ("http://main-x.example/", "https://main-x.example/"),
    ]);
    assert_eq!(served(routes, true), expected);
    let expected = pairs([
        ("http://main-x.example/", "app"),
        ("http://a.main-x.example/", "app"),
    ]);
    assert_eq!(served(routes, false), expected);
}

#[test]
fn each_scheme_has_its_own_port_in_urls() {
    let ports = Ports {
        http: 8080,
        https: Some(8443),
    };
    assert_eq!(ports.suffix(Scheme::Https), ":8443");
    assert_eq!(ports.suffix(Scheme::Http), ":8080");
    let without_tls = Ports { https: None, ..ports };
    assert_eq!(without_tls.suffix(Scheme::Https), ":8080");
    let usual = Ports {
        http: 80,
        https: Some(443),
    };
    assert_eq!(
        [Scheme::Http, Scheme::Https].map(|scheme| usual.suffix(scheme)),
        ["", ""]
    );
}
