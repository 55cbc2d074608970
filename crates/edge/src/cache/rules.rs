//! What a route says of its cache, made ready for requests (spec 3.5).

use guise_api::edge::Caching;
use http::{HeaderMap, HeaderName, header::COOKIE};
use regex::bytes::Regex;
use std::time::Duration;

/// A route's rules.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Headers that make a difference.
    pub headers: Vec<HeaderName>,
    /// How long answers are fresh that say nothing of it.
    pub default_ttl: Duration,
    cookies: Cookies,
}

/// Which cookies make a difference.
#[derive(Debug, Clone)]
enum Cookies {
    /// With any, the container is asked.
    Any,
    /// These, and no others.
    Named(Vec<Pattern>),
}

#[derive(Debug, Clone)]
enum Pattern {
    Name(Box<[u8]>),
    Matching(Regex),
}

impl Rules {
    /// Reads what guised has told. What makes no sense keeps nothing from being right: it was refused at the push.
    pub fn read(caching: &Caching) -> Self {
        let patterns: Option<Vec<_>> = caching.cookies.iter().map(|cookie| pattern(cookie)).collect();
        Self {
            headers: caching
                .headers
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
            default_ttl: Duration::from_secs(caching.default_ttl),
            cookies: patterns.map_or(Cookies::Any, Cookies::Named),
        }
    }

    /// What of the request makes a difference, one thing on a line. `None`: its cookies are the container's to see.
    pub fn select(&self, headers: &HeaderMap) -> Option<Box<[u8]>> {
        let mut selection = Vec::new();
        for name in &self.headers {
            for value in headers.get_all(name) {
                selection.extend_from_slice(b"=");
                selection.extend_from_slice(value.as_bytes());
            }
            selection.push(b'\n');
        }
        let patterns = match &self.cookies {
            Cookies::Any if headers.contains_key(COOKIE) => return None,
            Cookies::Any => return Some(selection.into()),
            Cookies::Named(patterns) => patterns,
        };
        let lines = headers.get_all(COOKIE).iter();
        let cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut chosen: Vec<&[u8]> = cookies
            .map(<[u8]>::trim_ascii)
            .filter(|cookie| patterns.iter().any(|pattern| pattern.covers(name(cookie))))
            .collect();
        // Of two with the same name an application takes the first or the last: their order stays.
        chosen.sort_by_key(|cookie| name(cookie));
        for cookie in chosen {
            selection.extend_from_slice(cookie);
            selection.push(b'\n');
        }
        Some(selection.into())
    }
}

/// `None` for any cookie.
fn pattern(cookie: &str) -> Option<Pattern> {
    let expression = cookie.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    match expression {
        Some(expression) => Regex::new(expression).ok().map(Pattern::Matching),
        None if cookie == "*" => None,
        None => Some(Pattern::Name(cookie.as_bytes().into())),
    }
}

fn name(cookie: &[u8]) -> &[u8] {
    let end = cookie.iter().position(|byte| *byte == b'=');
    cookie[..end.unwrap_or(cookie.len())].trim_ascii_end()
}

impl Pattern {
    fn covers(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(known) => **known == *name,
            Self::Matching(expression) => expression.is_match(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn rules(headers: &[&str], cookies: &[&str]) -> Rules {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Rules::read(&Caching {
            headers: owned(headers),
            cookies: owned(cookies),
            default_ttl: 0,
        })
    }

    fn cookie(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(text))])
    }

    #[test]
    fn any_cookie_means_that_the_container_is_asked() {
        for cookies in [&["*"][..], &["a", "*"], &["/(/"]] {
            let rules = rules(&[], cookies);
            assert_eq!(rules.select(&cookie("a=1")), None, "{cookies:?}");
            assert!(rules.select(&HeaderMap::new()).is_some());
        }
    }

    #[test]
    fn only_named_cookies_make_a_difference() {
        let rules = rules(&[], &["session", "/^lang/"]);
        let of = |text| rules.select(&cookie(text)).unwrap();
        assert_eq!(of("_ga=1"), of("_ga=2; other"));
        assert_eq!(of("_ga=1; session=x; lang_ui=de"), of("lang_ui=de;session=x"));
        assert_ne!(of("session=x"), of("session=y"));
        assert_ne!(of("session=x"), of("session=x; session=y"));
        assert_ne!(of("session=x; session=y"), of("session=y; session=x"));
        assert_eq!(of("mylang=1"), rules.select(&HeaderMap::new()).unwrap());
    }

    #[test]
    fn headers_are_told_apart_from_one_another_and_from_nothing() {
        let rules = rules(&["Accept", "X-Mode"], &[]);
        let of = |lines: &[(&'static str, &'static str)]| {
            let lines = lines
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            rules.select(&lines.collect()).unwrap()
        };
        assert_ne!(of(&[("accept", "a")]), of(&[("x-mode", "a")]));
        assert_ne!(of(&[("accept", "")]), of(&[]));
        assert_eq!(of(&[("user-agent", "b")]), of(&[]));
    }
}
