//! The directives of `Cache-Control` (RFC 9111, 5.2). Those of requests are advice that is not taken.

use http::{HeaderMap, header::CACHE_CONTROL};
use std::time::Duration;

/// What an answer says of how it may be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// It says something at all.
    pub is_given: bool,
    /// `no-store`, `no-cache` or `private`, also where they name single headers.
    pub forbids: bool,
    /// `public`, `must-revalidate` or `s-maxage`: may be kept although the request had `Authorization` (RFC 9111, 3.5).
    pub is_open: bool,
    /// How long it is fresh: `s-maxage`, else `max-age`.
    pub lifetime: Option<Duration>,
}

/// Longest time that is told apart from another (RFC 9111, 1.2.2).
const FOREVER: u64 = 1 << 31;

impl Control {
    /// Reads the lines of an answer's headers.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        let (mut for_all, mut for_shared) = (None, None);
        for line in headers.get_all(CACHE_CONTROL) {
            control.is_given = true;
            for (name, value) in directives(line.as_bytes()) {
                match name.as_str() {
                    "no-store" | "no-cache" | "private" => control.forbids = true,
                    "public" | "must-revalidate" => control.is_open = true,
                    "max-age" => shorten(&mut for_all, seconds(&value)),
                    "s-maxage" => {
                        control.is_open = true;
                        shorten(&mut for_shared, seconds(&value));
                    }
                    _ => {}
                }
            }
        }
        control.lifetime = for_shared.or(for_all).map(Duration::from_secs);
        control
    }
}

/// Of several times the shortest is meant: who is not sure asks once more.
fn shorten(time: &mut Option<u64>, other: u64) {
    *time = Some(time.map_or(other, |time| time.min(other)));
}

/// A number of seconds. What is none means that the answer is not fresh (RFC 9111, 4.2.1).
pub fn seconds(value: &str) -> u64 {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    value.parse().unwrap_or(FOREVER).min(FOREVER)
}

/// Names in lower case with their values, unquoted.
fn directives(line: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut name, mut value) = (String::new(), String::new());
    let (mut in_value, mut quoted, mut escaped) = (false, false, false);
    for byte in line.iter().copied().chain([b',']) {
        let word = if in_value { &mut value } else { &mut name };
        match byte {
            _ if escaped => {
                word.push(char::from(byte));
                escaped = false;
            }
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                let (name, value) = (std::mem::take(&mut name), std::mem::take(&mut value));
                in_value = false;
                if !name.trim().is_empty() {
                    found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
            b'=' if !in_value => in_value = true,
            _ => word.push(char::from(byte)),
        }
    }
    if quoted {
        // The end of the line closes what was not closed: nothing that stands in it may be lost.
        found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        found.push(("no-store".into(), String::new()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn read(lines: &[&str]) -> Control {
        let lines = lines
            .iter()
            .map(|line| (CACHE_CONTROL, HeaderValue::from_str(line).unwrap()));
        Control::read(&lines.collect())
    }

    fn lifetime(line: &str) -> Option<u64> {
        read(&[line]).lifetime.map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn a_lifetime_is_the_shared_one_or_the_common_one() {
        assert_eq!(lifetime("max-age=60"), Some(60));
        assert_eq!(lifetime("Max-Age=60, public"), Some(60));
        assert_eq!(lifetime("max-age=60, s-maxage=5"), Some(5));
        assert_eq!(lifetime("s-maxage=600, max-age=5"), Some(600));
        assert_eq!(lifetime("max-age=\"60\""), Some(60));
        assert_eq!(lifetime("public"), None);
        assert_eq!(lifetime("extension=\"max-age=9, x\", max-age=3"), Some(3));
    }

    #[test]
    fn a_lifetime_that_is_no_number_is_none() {
        for line in [
            "max-age=",
            "max-age",
            "max-age=1.5",
            "max-age=-1",
            "max-age=1s",
            "max-age=60, max-age=x",
        ] {
            assert_eq!(lifetime(line), Some(0), "{line}");
        }
        assert_eq!(lifetime("max-age=99999999999999999999999"), Some(1 << 31));
    }

    #[test]
    fn what_forbids_is_seen_in_every_form() {
        for line in [
            "no-store",
            "NO-STORE",
            "a=b, private",
            "private=\"set-cookie\"",
            "no-cache=\"x, y\"",
            "a=\"b, no-store",
        ] {
            assert!(read(&["max-age=9", line]).forbids, "{line}");
        }
        assert!(!read(&["no-storeys, x=\"no-store\""]).forbids);
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "[ -~]{0,60}") {
            read(&[&line]);
        }

        #[test]
        fn no_store_is_never_lost_among_other_directives(before in "[a-z=]{0,10}", after in "[ -~]{0,20}") {
            let line = format!("{before}, no-store,{after}");
            prop_assert!(read(&[&line]).forbids);
        }
    }
}
