//! Routes (spec 3.1).

use super::{Reader, redirect};
use crate::{
    diagnostic::Severity,
    fields::{Fields, name},
    model::{App, Route, RouteCache, RouteKind, RouteTls, RouteUrl, Scheme},
    source::Span,
    suggest::{listed, nearest},
    support::{self, Part},
    yaml::{Entry, Node, Value},
};

pub const KEYS: [&str; 10] = [
    "type",
    "upstream",
    "to",
    "id",
    "primary",
    "attributes",
    "cache",
    "ssi",
    "redirects",
    "tls",
];
pub const LATER_KEYS: [&str; 2] = ["sticky", "http_access"];
pub const TYPES: [&str; 3] = ["upstream", "redirect", "proxy"];
/// Headers that cannot be part of a cache's key (spec 3.5).
const UNFIT: [&str; 6] = [
    "cookie",
    "accept-encoding",
    "connection",
    "proxy-authorization",
    "te",
    "upgrade",
];

impl Reader<'_> {
    /// All routes; when none is written, one to the first app.
    pub fn routes(&mut self, entries: &[Entry], apps: &[App]) -> Vec<Route> {
        if entries.is_empty() {
            return apps.first().map(default_route).into_iter().collect();
        }
        let mut routes: Vec<(Route, &Entry)> = Vec::new();
        for entry in entries {
            support::check(Part::Route, &entry.value, self.report);
            let Some(route) = self.route(entry) else { continue };
            for (other, place) in &routes {
                self.check_against(&route, entry, other, place);
            }
            routes.push((route, entry));
        }
        let redirects: usize = routes.iter().map(|(route, _)| route.redirects.len()).sum();
        if let Some((_, entry)) = routes.last().filter(|_| redirects > redirect::MOST) {
            let message = format!("{redirects} redirects are too many: {} may be", redirect::MOST);
            self.report.error("too-many-redirects", &entry.key.span, message);
        }
        routes.into_iter().map(|(route, _)| route).collect()
    }

    fn route(&mut self, entry: &Entry) -> Option<Route> {
        let known: Vec<&'static str> = KEYS.into_iter().chain(LATER_KEYS).collect();
        let fields = Fields::read(&entry.value, "a route", &known, Severity::Warning, self.report);
        let url = self.url(&entry.key.text, &entry.key.span);
        let kind = self.kind(&fields, &entry.key.span);
        let primary = fields.truth("primary", self.report);
        let id = fields.text("id", self.report);
        let attributes = fields.text_map("attributes", self.report).unwrap_or_default();
        let cache = self.cache(&fields);
        let redirects = self.partial_redirects(&fields);
        let tls = self.tls(&fields);
        Some(Route {
            url: url?,
            original: entry.key.text.clone(),
            kind: kind?,
            primary,
            id,
            attributes,
            cache,
            redirects,
            tls,
        })
    }

    fn url(&mut self, text: &str, span: &Span) -> Option<RouteUrl> {
        let url = parse_url(text);
        if url.is_none() {
            let finding = self
                .report
                .error("route-url", span, format!("`{text}` is not a route's URL"));
            finding
                .help("write `https://{default}/`, `https://www.{default}/path` or `https://example.com/`");
        }
        url
    }

    fn kind(&mut self, fields: &Fields<'_>, route: &Span) -> Option<RouteKind> {
        let Some(node) = fields.get("type") else {
            let finding = self
                .report
                .error("missing-key", route, "a route needs the key `type`");
            finding.help("write `type: upstream` or `type: redirect`");
            return None;
        };
        match node.as_text().unwrap_or_default() {
            "upstream" => self.upstream_of(fields),
            "redirect" => self.absolute_to(fields).map(|to| RouteKind::Redirect { to }),
            "proxy" => self.absolute_to(fields).map(|to| RouteKind::Proxy { to }),
            other => {
                let help = match nearest(other, TYPES) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("the types are {}", listed(TYPES)),
                };
                let message = format!("there is no type of route `{other}`");
                self.report.error("wrong-value", &node.span, message).help(help);
                None
            }
        }
    }

    fn upstream_of(&mut self, fields: &Fields<'_>) -> Option<RouteKind> {
        let text = fields.required_text("upstream", self.report)?;
        let span = &fields.get("upstream")?.span;
        let (target, endpoint) = match text.split_once(':') {
            Some((target, endpoint)) => (target, Some(endpoint)),
            None => (text.as_str(), None),
        };
        let Some(known) = self.names.get(target) else {
            self.report_unknown_target(target, span);
            return None;
        };
        let endpoint = if known.is_app {
            Some(endpoint.unwrap_or("http"))
        } else {
            endpoint
        };
        let endpoint = self.endpoint(target, endpoint, span)?;
        let name = name(target, span, "an app or service", self.report)?;
        Some(RouteKind::Upstream { name, endpoint })
    }

    fn absolute_to(&mut self, fields: &Fields<'_>) -> Option<String> {
        let to = fields.required_text("to", self.report)?;
        let span = &fields.get("to")?.span;
        let absolute = to.starts_with("http://") || to.starts_with("https://");
        if !absolute {
            let finding =
                self.report
                    .error("redirect-target", span, format!("`{to}` is not an absolute URL"));
            finding.help("write `https://www.{default}/` or `https://example.com/`");
        }
        (absolute && self.is_one_line(&to, span, "`to`")).then_some(to)
    }

    fn cache(&mut self, fields: &Fields<'_>) -> RouteCache {
        let mut cache = RouteCache::default();
        let Some(entry) = fields
            .node()
            .entry("cache")
            .filter(|entry| !entry.value.is_null())
        else {
            return cache;
        };
        if let Some(enabled) = entry.value.as_bool() {
            cache.enabled = enabled;
        } else {
            let known = ["enabled", "headers", "cookies", "default_ttl"];
            let settings = Fields::read(&entry.value, "`cache`", &known, Severity::Warning, self.report);
            cache.enabled = settings.truth("enabled", self.report).unwrap_or(true);
            if settings.get("headers").is_some() {
                cache.headers = settings.texts("headers", self.report);
                self.check_cache_headers(&cache.headers, entry);
            }
            if settings.get("cookies").is_some() {
                cache.cookies = settings.texts("cookies", self.report);
                self.check_cache_cookies(&cache.cookies, entry);
            }
            cache.default_ttl = settings.number("default_ttl", self.report).unwrap_or(0);
        }
        cache
    }

    fn check_cache_headers(&mut self, headers: &[String], cache: &Entry) {
        for header in headers
            .iter()
            .filter(|header| UNFIT.contains(&header.to_lowercase().as_str()))
        {
            let message = format!("the header `{header}` cannot be part of a cache's key");
            self.report
                .error("cache-header", place_in(cache, "headers", header), message);
        }
    }

    /// Names between slashes are expressions; the edge's know neither look-around nor references back, so that no
    /// cookie takes long.
    fn check_cache_cookies(&mut self, cookies: &[String], cache: &Entry) {
        for cookie in cookies {
            let expression = cookie.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            if let Some(Err(error)) = expression.map(regex::Regex::new) {
                let message = format!("the expression `{cookie}` is not understood");
                let finding = self
                    .report
                    .error("cache-cookie", place_in(cache, "cookies", cookie), message);
                let reason = error.to_string();
                finding.help(
                    reason
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: "),
                );
            }
        }
    }

    fn check_against(&mut self, route: &Route, entry: &Entry, other: &Route, place: &Entry) {
        if route.url == other.url {
            let finding = self
                .report
                .error("duplicate-route", &entry.key.span, "this URL is routed twice");
            finding.also(&place.key.span, "first routed here");
        }
        let place_of = |entry: &Entry, key: &str| {
            entry
                .value
                .entry(key)
                .map_or(&entry.key.span, |entry| &entry.value.span)
                .clone()
        };
        if route.url.scheme == Scheme::Https
            && (other.url.scheme, &other.url.host) == (Scheme::Https, &route.url.host)
            && !route.tls.shakes_hands_like(&other.tls)
        {
            let message = "routes of one host need the same `tls` settings";
            let finding = self
                .report
                .error("different-tls", &place_of(entry, "tls"), message);
            finding.also(&place_of(place, "tls"), "the other one");
        }
        if route.id.is_some() && route.id == other.id {
            let message = "two routes have the same `id`";
            let finding = self.report.error("duplicate-id", &place_of(entry, "id"), message);
            finding.also(&place_of(place, "id"), "the other one");
        }
        if route.primary == Some(true) && other.primary == Some(true) {
            let message = "only one route can be the primary one";
            let finding = self
                .report
                .error("several-primary", &place_of(entry, "primary"), message);
            finding.also(&place_of(place, "primary"), "the other one");
        }
    }
}

/// Where `text` stands in one of the cache's lists.
fn place_in<'a>(cache: &'a Entry, list: &str, text: &str) -> &'a Span {
    let item = match cache.value.get(list).map(|node| &node.value) {
        Some(Value::Sequence(items)) => items.iter().find(|item| item.as_text() == Some(text)),
        _ => None,
    };
    item.map_or(&cache.value.span, |node: &Node| &node.span)
}

fn default_route(app: &App) -> Route {
    Route {
        url: RouteUrl {
            scheme: Scheme::Https,
            host: "{default}".into(),
            path: "/".into(),
        },
        original: "https://{default}/".into(),
        kind: RouteKind::Upstream {
            name: app.name.clone(),
            endpoint: "http".into(),
        },
        primary: None,
        id: None,
        attributes: Default::default(),
        cache: RouteCache::default(),
        redirects: Vec::new(),
        tls: RouteTls::default(),
    }
}

/// A route's URL: http or https, a host with at most one placeholder and a leading wildcard, a plain path.
fn parse_url(text: &str) -> Option<RouteUrl> {
    let (scheme, rest) = match text.split_once("://")? {
        ("http", rest) => (Scheme::Http, rest),
        ("https", rest) => (Scheme::Https, rest),
        _ => return None,
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let bare = host.strip_prefix("*.").unwrap_or(host);
    let bare = bare.replacen("{default}", "default", 1);
    let bare = if bare.contains("{all}") {
        bare.replacen("{all}", "all", 1)
    } else {
        bare
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_path_character = |b: u8| b.is_ascii_graphic() && !b"?#{}<>\"\\^`|*$".contains(&b);
    if !bare.split('.').all(is_label) || !path.bytes().all(is_path_character) {
        return None;
    }
    let path = match path.trim_matches('/') {
        "" => "/".to_owned(),
        path => format!("/{path}/"),
    };
    Some(RouteUrl {
        scheme,
        host: host.to_lowercase(),
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_may_hold_a_placeholder_a_wildcard_and_a_path() {
        let url = parse_url("https://*.{default}/Shop/de").unwrap();
        assert_eq!(
            (url.scheme, url.host.as_str(), url.path.as_str()),
            (Scheme::Https, "*.{default}", "/Shop/de/")
        );
        assert_eq!(
            parse_url("http://WWW.Example.com").unwrap().host,
            "www.example.com"
        );
        assert_eq!(parse_url("https://{all}").unwrap().path, "/");
    }

    #[test]
    fn urls_with_ports_patterns_or_other_schemes_are_refused() {
        for text in [
            "",
            "{default}",
            "ftp://{default}/",
            "https://{default}:8080/",
            "https://a b/",
            "https:///",
            "https://{other}/",
            "https://a/.*",
            "https://{default}{default}{default}/",
            "https://a/\n",
            "https://a..b/",
            "https://a/?x",
        ] {
            assert_eq!(parse_url(text), None, "{text}");
        }
    }
}
