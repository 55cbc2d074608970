//! Redirects of single paths of a route (spec 3.3). Paths are found by look-up, however many there are; patterns are tried
//! in their order after them.

use guise_api::edge::{PartialRedirect, RedirectFrom};
use http::{HeaderValue, StatusCode, Uri};
use regex::{Captures, Regex};
use std::collections::HashMap;

/// A route's redirects.
#[derive(Debug, Clone, Default)]
pub struct Redirects {
    exact: HashMap<String, Destination>,
    /// By the path without a final slash.
    below: HashMap<String, (Destination, bool)>,
    patterns: Vec<(Regex, Destination)>,
}

#[derive(Debug, Clone)]
struct Destination {
    to: String,
    code: StatusCode,
    expires: Option<u64>,
}

/// Where a client is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent {
    /// An absolute URL, or a path of the same host.
    pub to: String,
    /// With which status.
    pub code: StatusCode,
    /// `Cache-Control`, if anything is said of it.
    pub caching: Option<HeaderValue>,
}

impl Redirects {
    /// Sorts them. A pattern that cannot be read is left out: guised has refused it where it was written.
    pub fn new(redirects: &[PartialRedirect]) -> Self {
        let mut sorted = Self::default();
        for redirect in redirects {
            let destination = Destination {
                to: redirect.to.clone(),
                code: StatusCode::from_u16(redirect.code).unwrap_or(StatusCode::FOUND),
                expires: redirect.expires,
            };
            match &redirect.from {
                RedirectFrom::Path(path) => drop(sorted.exact.insert(encoded(path), destination)),
                RedirectFrom::Below { path, append_suffix } => {
                    let path = encoded(path.trim_end_matches('/'));
                    sorted.below.insert(path, (destination, *append_suffix));
                }
                RedirectFrom::Pattern(pattern) => match Regex::new(pattern) {
                    Ok(pattern) => sorted.patterns.push((pattern, destination)),
                    Err(error) => tracing::warn!("a redirect is left out: {error}"),
                },
            }
        }
        sorted
    }

    /// Where a request is sent; `None` if it is not.
    pub fn find(&self, uri: &Uri) -> Option<Sent> {
        let path = uri.path();
        if let Some(destination) = self.exact.get(path) {
            return Some(destination.sent(with_query(&destination.to, uri)));
        }
        // From the whole path up, so that the longest wins.
        let ends = (0..=path.len()).rev();
        let mut prefixes = ends.filter(|end| *end == path.len() || path.as_bytes()[*end] == b'/');
        let found = prefixes.find_map(|end| Some((end, self.below.get(&path[..end])?)));
        if let Some((end, (destination, append_suffix))) = found {
            let to = match append_suffix {
                true => format!("{}{}", destination.to.trim_end_matches('/'), &path[end..]),
                false => destination.to.clone(),
            };
            // `/` is a path, and nothing is none.
            let to = if to.is_empty() { "/".into() } else { to };
            return Some(destination.sent(with_query(&to, uri)));
        }
        self.patterns.iter().find_map(|(pattern, destination)| {
            let matched = pattern.captures(path)?;
            Some(destination.sent(fill(&destination.to, &matched, uri)))
        })
    }
}

impl Destination {
    fn sent(&self, to: String) -> Sent {
        let caching = self.expires.map(|seconds| format!("max-age={seconds}"));
        Sent {
            to: encoded(&to),
            code: self.code,
            caching: caching.and_then(|caching| HeaderValue::from_str(&caching).ok()),
        }
    }
}

/// The query goes with the client, unless the target has one of its own.
fn with_query(to: &str, uri: &Uri) -> String {
    match uri.query() {
        Some(query) if !to.contains('?') => format!("{to}?{query}"),
        _ => to.into(),
    }
}

/// Puts what was matched, and parts of the request, in the place of `$1`, `$uri`, `$args`, `$is_args` and `$arg_name`.
/// Other words after a `$` stay as they are.
fn fill(template: &str, matched: &Captures<'_>, uri: &Uri) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let is_number = after.starts_with(|first: char| first.is_ascii_digit());
        let belongs = |c: char| c.is_ascii_digit() || (!is_number && (c.is_ascii_alphanumeric() || c == '_'));
        let (name, after) = after.split_at(after.find(|c| !belongs(c)).unwrap_or(after.len()));
        match value(name, matched, uri) {
            Some(value) => filled.push_str(value),
            None => {
                filled.push('$');
                filled.push_str(name);
            }
        }
        rest = after;
    }
    filled + rest
}

fn value<'a>(name: &str, matched: &Captures<'a>, uri: &'a Uri) -> Option<&'a str> {
    let query = uri.query().unwrap_or_default();
    match name {
        "uri" => Some(uri.path()),
        "args" => Some(query),
        "is_args" => Some(if query.is_empty() { "" } else { "?" }),
        _ => {
            if let Some(argument) = name.strip_prefix("arg_") {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                let mut values = pairs.filter(|(name, _)| *name == argument);
                return Some(values.next().map_or("", |(_, value)| value));
            }
            let number: usize = name.parse().ok()?;
            Some(matched.get(number).map_or("", |group| group.as_str()))
        }
    }
}

/// What is not visible ASCII, percent-encoded: as clients send it, and as a header can hold it.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redirect(from: RedirectFrom, to: &str) -> PartialRedirect {
        PartialRedirect {
            from,
            to: to.into(),
            code: 302,
            expires: None,
        }
    }

    fn below(path: &str, append_suffix: bool) -> RedirectFrom {
        RedirectFrom::Below {
            path: path.into(),
            append_suffix,
        }
    }

    fn sent(redirects: &[PartialRedirect], target: &str) -> Option<String> {
        let target: Uri = target.parse().unwrap();
        Redirects::new(redirects).find(&target).map(|sent| sent.to)
    }

    #[test]
    fn a_path_leads_where_its_documented_equivalent_does() {
        for (from, target, to) in [
            (below("/from", true), "/from", Some("/to")),
            (below("/from", true), "/from/a/b?c=d", Some("/to/a/b?c=d")),
            (below("/from", true), "/fromage", None),
            (below("/from/", true), "/from", Some("/to")),
            (below("/from", false), "/from/a", Some("/to")),
            (RedirectFrom::Path("/from".into()), "/from", Some("/to")),
            (RedirectFrom::Path("/from".into()), "/from/a", None),
            (below("/", true), "/a", Some("/to/a")),
            (below("/café", true), "/caf%C3%A9/x", Some("/to/x")),
        ] {
            let found = sent(&[redirect(from.clone(), "/to")], target);
            assert_eq!(found.as_deref(), to, "{from:?} {target}");
        }
    }

    #[test]
    fn the_longest_path_goes_first_and_patterns_last() {
        let redirects = [
            redirect(RedirectFrom::Pattern("^/a/.*$".into()), "/pattern"),
            redirect(below("/a", true), "/one"),
            redirect(below("/a/b", true), "/two"),
            redirect(RedirectFrom::Path("/a/b".into()), "/three"),
            redirect(RedirectFrom::Pattern("^/z".into()), "/last"),
        ];
        for (target, to) in [
            ("/a/x", "/one/x"),
            ("/a/b/x", "/two/x"),
            ("/a/b", "/three"),
            ("/zz", "/last"),
        ] {
            assert_eq!(sent(&redirects, target).as_deref(), Some(to), "{target}");
        }
    }

    #[test]
    fn a_pattern_fills_its_target() {
        for (pattern, to, target, expected) in [
            (
                "^/food/(.*)/(.*)$",
                "/kitchen/$2/$1",
                "/food/pie/apple",
                "/kitchen/apple/pie",
            ),
            (
                "^/q",
                "https://x.test$uri$is_args$args",
                "/q/r?a=1",
                "https://x.test/q/r?a=1",
            ),
            ("^/q", "$uri$is_args$args", "/q", "/q"),
            ("^/comic$", "/id/$arg_id/$arg_none", "/comic?a=b&id=7", "/id/7/"),
            ("^/(a)(b)?$", "/$1$2$3-$$x", "/a", "/a-$$x"),
            ("^/1(.)$", "/$10", "/1x", "/"),
        ] {
            let redirects = [redirect(RedirectFrom::Pattern(pattern.into()), to)];
            assert_eq!(
                sent(&redirects, target).as_deref(),
                Some(expected),
                "{pattern} {target}"
            );
        }
    }

    #[test]
    fn clients_may_keep_it_as_long_as_is_written() {
        let redirect = PartialRedirect {
            expires: Some(3600),
            code: 308,
            ..redirect(below("/a", true), "/b")
        };
        let sent = Redirects::new(&[redirect]).find(&Uri::from_static("/a")).unwrap();
        assert_eq!(sent.code, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(sent.caching.unwrap(), "max-age=3600");
    }

    proptest! {
        #[test]
        fn what_a_client_is_sent_to_is_a_header(path in "/[!-~]{0,30}", to in "/\\PC{0,30}") {
            if let Ok(uri) = path.parse::<Uri>() {
                let redirects = [redirect(RedirectFrom::Pattern("(.*)(.)".into()), &to)];
                if let Some(sent) = Redirects::new(&redirects).find(&uri) {
                    prop_assert!(HeaderValue::from_str(&sent.to).is_ok());
                }
            }
        }
    }
}
