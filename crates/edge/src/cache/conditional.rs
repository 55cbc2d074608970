//! Asking whether something has changed, and answering that (RFC 9110, 13).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, LAST_MODIFIED, TRANSFER_ENCODING,
    },
};
use std::time::SystemTime;

/// The conditions under which a container need not send the answer again; `None` if it gave nothing to tell it by.
pub fn validators(kept: &HeaderMap) -> Option<HeaderMap> {
    let pairs = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
    let conditions: HeaderMap = pairs
        .into_iter()
        .filter_map(|(told, asked)| Some((asked, kept.get(told)?.clone())))
        .collect();
    (!conditions.is_empty()).then_some(conditions)
}

/// Whether a client has what is kept. Where it names tags, times do not count (RFC 9110, 13.2.2).
pub fn is_unchanged(request: &HeaderMap, kept: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let lines = request.get_all(IF_NONE_MATCH).iter();
        return lines
            .into_iter()
            .any(|line| names(line.as_bytes(), kept.get(ETAG)));
    }
    let since = request.get(IF_MODIFIED_SINCE).and_then(time);
    let modified = kept.get(LAST_MODIFIED).and_then(time);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// Whether a list of tags has `tag`; weak ones are as good here (RFC 9110, 13.1.2).
fn names(list: &[u8], tag: Option<&HeaderValue>) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(tag) = tag.map(|tag| opaque(tag.as_bytes())) else {
        return false;
    };
    tags(list).any(|listed| opaque(listed) == tag)
}

/// A tag may have a comma in it, so a list is cut at quotes.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    list.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// A time of a header.
pub fn time(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Whether a header describes the very bytes of a body, so that it goes where they go (RFC 9110, 15.4.5; RFC 9111, 3.2).
pub fn is_of_body(name: &HeaderName) -> bool {
    const BODYS: [HeaderName; 5] = [
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
        TRANSFER_ENCODING,
    ];
    BODYS.contains(name)
}

/// Takes away what describes a body that is not sent.
pub fn strip(headers: &mut HeaderMap) {
    let bodys: Vec<HeaderName> = headers.keys().filter(|name| is_of_body(name)).cloned().collect();
    for name in bodys {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    const EARLIER: &str = "Tue, 15 Nov 1994 12:45:26 GMT";
    const LATER: &str = "Wed, 16 Nov 1994 12:45:26 GMT";

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_not() {
        let kept = headers(&[(ETAG, "\"a,b\"")]);
        for (list, found) in [
            ("\"a,b\"", true),
            ("W/\"a,b\"", true),
            ("\"x\", \"a,b\"", true),
            ("*", true),
            ("\"a\", b\"", false),
            ("a,b", false),
            ("\"A,B\"", false),
        ] {
            let request = headers(&[(IF_NONE_MATCH, list)]);
            assert_eq!(is_unchanged(&request, &kept), found, "{list}");
        }
    }

    #[test]
    fn a_time_counts_only_without_tags() {
        let kept = headers(&[(LAST_MODIFIED, EARLIER), (ETAG, "\"a\"")]);
        assert!(is_unchanged(&headers(&[(IF_MODIFIED_SINCE, EARLIER)]), &kept));
        assert!(is_unchanged(&headers(&[(IF_MODIFIED_SINCE, LATER)]), &kept));
        assert!(!is_unchanged(
            &headers(&[(IF_MODIFIED_SINCE, LATER), (IF_NONE_MATCH, "\"b\"")]),
            &kept
        ));
        let newer = headers(&[(LAST_MODIFIED, LATER)]);
        assert!(!is_unchanged(&headers(&[(IF_MODIFIED_SINCE, EARLIER)]), &newer));
        assert!(!is_unchanged(&headers(&[(IF_MODIFIED_SINCE, "0")]), &newer));
    }
}
