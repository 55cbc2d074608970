//! A part of a kept body (RFC 9110, 14). Several parts at once are not made: the whole is an answer to that as well.

use super::conditional::time;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE},
};
use std::ops::RangeInclusive;

/// What is sent of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(RangeInclusive<usize>),
    /// It has none of the bytes that were asked for.
    Outside,
}

/// Which part a request asks for; `None` for all of it.
pub fn asked(request: &HeaderMap, kept: &HeaderMap, length: usize) -> Option<Part> {
    let mut lines = request.get_all(RANGE).into_iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let is_same = request.get(IF_RANGE).is_none_or(|same| is_same(same, kept));
    let text = line.to_str().ok()?.trim();
    let (unit, range) = text.split_once('=')?;
    if !is_same || !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    parse(range.trim(), length)
}

/// The tag must be the same and strong, or the time the very same (RFC 9110, 13.1.5).
fn is_same(same: &HeaderValue, kept: &HeaderMap) -> bool {
    let is_tag = same.as_bytes().starts_with(b"\"");
    match is_tag {
        true => kept.get(ETAG) == Some(same),
        false => {
            let modified = kept.get(LAST_MODIFIED).and_then(time);
            modified.is_some() && time(same) == modified
        }
    }
}

fn parse(range: &str, length: usize) -> Option<Part> {
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| -> Option<usize> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(usize::MAX))
    };
    let (from, to) = match (first.is_empty(), last.is_empty()) {
        (true, _) => match number(last)? {
            0 => return Some(Part::Outside),
            count => (length.saturating_sub(count), usize::MAX),
        },
        (false, true) => (number(first)?, usize::MAX),
        (false, false) => (number(first)?, number(last)?),
    };
    if from > to {
        return None;
    }
    if from >= length {
        return Some(Part::Outside);
    }
    Some(Part::Bytes(from..=to.min(length - 1)))
}

impl Part {
    /// Cuts it out and says so in the headers.
    pub fn cut(&self, body: &Bytes, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
        let (status, told, part) = match self {
            Self::Bytes(bytes) => (
                StatusCode::PARTIAL_CONTENT,
                format!("bytes {}-{}/{}", bytes.start(), bytes.end(), body.len()),
                body.slice(bytes.clone()),
            ),
            Self::Outside => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("bytes */{}", body.len()),
                Bytes::new(),
            ),
        };
        if let Ok(told) = HeaderValue::from_str(&told) {
            headers.insert(CONTENT_RANGE, told);
        }
        (status, part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        for (range, expected) in [
            ("0-4", Some(Part::Bytes(0..=4))),
            ("5-", Some(Part::Bytes(5..=9))),
            ("-3", Some(Part::Bytes(7..=9))),
            ("-30", Some(Part::Bytes(0..=9))),
            ("2-99999999999999999999999", Some(Part::Bytes(2..=9))),
            ("10-", Some(Part::Outside)),
            ("-0", Some(Part::Outside)),
            ("4-2", None),
            ("0-1,3-4", None),
            ("-", None),
            ("a-b", None),
            ("+1-2", None),
        ] {
            assert_eq!(parse(range, 10), expected, "{range}");
        }
    }

    #[test]
    fn a_part_is_only_of_the_same_whole() {
        let kept = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("\"a\""))]);
        for (same, part) in [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            ("yesterday", false),
        ] {
            let request = HeaderMap::from_iter([
                (RANGE, HeaderValue::from_static("bytes=0-0")),
                (IF_RANGE, HeaderValue::from_static(same)),
            ]);
            assert_eq!(asked(&request, &kept, 10).is_some(), part, "{same}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_always_inside(range in "[0-9-]{0,25}", length in 0usize..50) {
            if let Some(Part::Bytes(bytes)) = parse(&range, length) {
                prop_assert!(bytes.start() <= bytes.end() && *bytes.end() < length);
            }
        }
    }
}
