//! Finding the route of a request: scheme, exact host, then wildcard host, then the longest path prefix (spec 3.2).

use crate::{
    cache::{Rules, Shelf},
    gate::Gate,
    guard::Guard,
    redirects::Redirects,
};
use guise_api::edge::{Action, Route, Scheme};
use std::{collections::HashMap, sync::Arc};

/// A route with what its environment shares.
#[derive(Debug, Clone)]
pub struct Target {
    /// The route.
    pub route: Route,
    /// The environment's gate.
    pub gate: Arc<Gate>,
    /// Where the environment's answers are kept.
    pub shelf: Arc<Shelf>,
    /// How the route's answers are kept; `None` if they are not.
    pub rules: Option<Rules>,
    /// Who may see it.
    pub guard: Guard,
    /// Paths that lead elsewhere.
    pub redirects: Redirects,
}

impl Target {
    /// A route of the environment that has this gate and shelf.
    pub fn new(route: Route, gate: &Arc<Gate>, shelf: &Arc<Shelf>) -> Self {
        let rules = match &route.action {
            Action::Upstream { caching, .. } => caching.as_ref().map(Rules::read),
            Action::Redirect { .. } | Action::Proxy { .. } => None,
        };
        Self {
            guard: Guard::new(route.access.as_ref()),
            redirects: Redirects::new(&route.redirects),
            route,
            gate: Arc::clone(gate),
            shelf: Arc::clone(shelf),
            rules,
        }
    }
}

type Hosts = HashMap<String, Vec<Arc<Target>>>;

/// All routes by scheme and host. Never changed: a new table is a new index.
#[derive(Debug, Default)]
pub struct Index {
    http: Hosts,
    https: Hosts,
}

impl Index {
    /// Sorts targets by host, and those of a host by the length of their path.
    pub fn new(targets: impl IntoIterator<Item = Target>) -> Self {
        let mut index = Self::default();
        for target in targets {
            let hosts = match target.route.scheme {
                Scheme::Http => &mut index.http,
                Scheme::Https => &mut index.https,
            };
            let host = target.route.host.clone();
            hosts.entry(host).or_default().push(Arc::new(target));
        }
        for targets in index.http.values_mut().chain(index.https.values_mut()) {
            targets.sort_by_key(|target| std::cmp::Reverse(prefix(&target.route.path).len()));
        }
        index
    }

    /// The target of a request. `host` is as [`host_name`] makes it.
    pub fn find(&self, scheme: Scheme, host: &str, path: &str) -> Option<&Arc<Target>> {
        let hosts = match scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let targets = hosts.get(host).or_else(|| hosts.get(&wildcard(host)?))?;
        targets.iter().find(|target| matches(&target.route.path, path))
    }
}

/// The host of an authority or Host header: without port and final dot, in lower case. `None` if it is none.
pub fn host_name(authority: &str) -> Option<String> {
    let (name, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    let valid = !name.is_empty()
        && name.len() <= 253
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && port.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| name.to_ascii_lowercase())
}

/// The wildcard that stands for a host: exactly one label less.
pub fn wildcard(host: &str) -> Option<String> {
    host.split_once('.').map(|(_, parent)| format!("*.{parent}"))
}

/// Without the final slash, so that `/docs/` and `/docs` mean the same.
fn prefix(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

fn matches(route: &str, path: &str) -> bool {
    path.strip_prefix(prefix(route))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(routes: &[(&str, &str)]) -> Index {
        Index::new(routes.iter().map(|(host, path)| {
            let route = Route {
                scheme: Scheme::Http,
                host: (*host).into(),
                path: (*path).into(),
                action: Action::Redirect {
                    to: "https://example.com".into(),
                },
                original_url: format!("https://{host}{path}"),
                restrict_robots: true,
                access: None,
                redirects: Vec::new(),
                strict_transport_security: None,
            };
            Target::new(route, &Gate::open(), &Arc::default())
        }))
    }

    fn found<'a>(index: &'a Index, host: &str, path: &str) -> Option<&'a str> {
        index
            .find(Scheme::Http, host, path)
            .map(|target| target.route.original_url.as_str())
    }

    #[test]
    fn the_longest_prefix_on_a_segment_boundary_wins() {
        let index = index(&[("a.test", "/"), ("a.test", "/docs/"), ("a.test", "/docs/api")]);
        for (path, route) in [
            ("/", "https://a.test/"),
            ("/docs", "https://a.test/docs/"),
            ("/docs/", "https://a.test/docs/"),
            ("/docsy", "https://a.test/"),
            ("/docs/api/v1", "https://a.test/docs/api"),
            ("/docs/apiary", "https://a.test/docs/"),
            ("*", "https://a.test/"),
        ] {
            let expected = if path == "*" { None } else { Some(route) };
            assert_eq!(found(&index, "a.test", path), expected, "{path}");
        }
    }

    #[test]
    fn an_exact_host_goes_before_a_wildcard() {
        let index = index(&[("*.a.test", "/"), ("www.a.test", "/")]);
        assert_eq!(found(&index, "www.a.test", "/"), Some("https://www.a.test/"));
        assert_eq!(found(&index, "shop.a.test", "/"), Some("https://*.a.test/"));
        assert_eq!(found(&index, "a.test", "/"), None);
        assert_eq!(found(&index, "x.y.a.test", "/"), None);
    }

    #[test]
    fn what_is_asked_for_over_tls_goes_by_routes_of_its_own() {
        let index = index(&[("a.test", "/")]);
        assert!(index.find(Scheme::Https, "a.test", "/").is_none());
    }

    #[test]
    fn a_host_is_compared_without_port_case_and_final_dot() {
        assert_eq!(
            host_name("Main-X.localhost.:8080").as_deref(),
            Some("main-x.localhost")
        );
        assert_eq!(host_name("a.test").as_deref(), Some("a.test"));
        for bad in [
            "", ".", ":80", "a test", "a/b", "a:b", "[::1]:80", "a\u{e4}", "a@b",
        ] {
            assert_eq!(host_name(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_host_that_is_accepted_is_harmless(text in "\\PC{0,40}") {
            if let Some(host) = host_name(&text) {
                prop_assert!(host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b)));
                prop_assert_eq!(host_name(&host).is_some(), !host.trim_end_matches('.').is_empty() && host != ".");
            }
        }
    }
}
