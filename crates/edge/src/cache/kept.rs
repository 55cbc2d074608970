//! One kept answer: which questions it answers, and how.

use super::{Question, Rules, conditional, control::Control, freshness::Freshness, range};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{AGE, CONTENT_LENGTH, CONTENT_RANGE, COOKIE, SET_COOKIE, VARY},
};
use http_body_util::Full;

/// Status codes whose answers may be kept although they say nothing of it (RFC 9110, 15.1), without 206.
const KEPT_BY_DEFAULT: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
/// Those that may be kept if they say so. An error is not worth it: the next try may be better.
const KEPT_IF_SAID: [u16; 3] = [302, 303, 307];
/// What the edge itself tells containers of clients: an answer that varies on it is one client's own.
const PERSONAL: [&str; 9] = [
    "*",
    "x-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-client-ssl",
    "x-client-verify",
    "x-client-dn",
    "x-client-cert",
];
/// What a line of a kept answer takes in memory besides its text, in bytes, and an answer besides its lines.
const LINE_WEIGHT: usize = 64;
const OWN_WEIGHT: usize = 512;

/// A header that an answer varies on, and the value that it is for; `None` for a request without it.
type Varying = (HeaderName, Option<Box<[u8]>>);

/// What is known of an answer before its body.
#[derive(Debug, Clone)]
pub struct Head {
    selection: Box<[u8]>,
    /// The values that a request must have for what the answer varies on.
    varies: Vec<Varying>,
    is_open: bool,
    freshness: Freshness,
    status: StatusCode,
    headers: HeaderMap,
}

/// A kept answer.
#[derive(Debug, Clone)]
pub struct Kept {
    head: Head,
    body: Bytes,
}

impl Head {
    /// Reads an answer that has just arrived; `None` if it must not be kept.
    pub fn read<B>(question: &Question, rules: &Rules, response: &Response<B>) -> Option<Self> {
        let (status, headers) = (response.status(), response.headers());
        let freshness = freshness(rules, status, headers).filter(Freshness::is_fresh)?;
        let is_open = Control::read(headers).is_open;
        let is_personal = question.is_authorized && !is_open;
        if is_personal || headers.contains_key(SET_COOKIE) || headers.contains_key(CONTENT_RANGE) {
            return None;
        }
        Some(Self {
            selection: question.selection.clone(),
            varies: varies(headers, &question.headers)?,
            is_open,
            freshness,
            status,
            headers: HeaderMap::new(),
        })
    }

    /// The same with the headers that clients get.
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.headers = headers.clone();
        self.headers.remove(AGE);
        self
    }

    /// The whole answer.
    pub fn with_body(self, body: Bytes) -> Kept {
        Kept { head: self, body }
    }
}

fn freshness(rules: &Rules, status: StatusCode, headers: &HeaderMap) -> Option<Freshness> {
    let control = Control::read(headers);
    let by_default = KEPT_BY_DEFAULT.contains(&status.as_u16());
    if control.forbids || !(by_default || KEPT_IF_SAID.contains(&status.as_u16())) {
        return None;
    }
    let lifetime = match control.is_given {
        true => control.lifetime?,
        false if by_default => rules.default_ttl,
        false => return None,
    };
    Some(Freshness::begin(lifetime, headers))
}

/// `None`: the answer is one client's own.
fn varies(answer: &HeaderMap, request: &HeaderMap) -> Option<Vec<Varying>> {
    let mut all = Vec::new();
    for line in answer.get_all(VARY) {
        for name in line.to_str().ok()?.split(',').map(str::trim) {
            if PERSONAL
                .iter()
                .any(|personal| name.eq_ignore_ascii_case(personal))
            {
                return None;
            }
            if let Ok(name) = name.parse::<HeaderName>() {
                let value = joined(request, &name);
                all.push((name, value));
            }
        }
    }
    all.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    all.dedup();
    Some(all)
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Box<[u8]>> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    // HTTP/2 sends cookies one by one.
    let between = if *name == COOKIE { &b"; "[..] } else { b", " };
    (!values.is_empty()).then(|| values.join(between).into())
}

impl Kept {
    /// Whether it answers a question.
    pub fn is_answer_to(&self, question: &Question) -> bool {
        self.head.selection == question.selection
            && (self.head.is_open || !question.is_authorized)
            && self
                .head
                .varies
                .iter()
                .all(|(name, value)| joined(&question.headers, name) == *value)
    }

    /// Whether it answers the questions that `other` answers.
    pub fn replaces(&self, other: &Self) -> bool {
        self.head.selection == other.head.selection && self.head.varies == other.head.varies
    }

    /// Whether it may be given without asking.
    pub fn is_fresh(&self) -> bool {
        self.head.freshness.is_fresh()
    }

    /// The headers with which the container is asked whether it has changed; `None` if it cannot be told.
    pub fn validators(&self) -> Option<HeaderMap> {
        conditional::validators(&self.head.headers)
    }

    /// The same after the container has said that it has not changed: with the headers of that answer (RFC 9111, 3.2).
    pub fn freshened<B>(&self, rules: &Rules, response: &Response<B>) -> Option<Self> {
        let mut head = self.head.clone();
        let told = response.headers();
        for name in told.keys() {
            if !conditional::is_of_body(name) && *name != SET_COOKIE {
                head.headers.remove(name);
                for value in told.get_all(name) {
                    head.headers.append(name, value.clone());
                }
            }
        }
        head.freshness = freshness(rules, head.status, &head.headers)?;
        head.headers.remove(AGE);
        Some(head.with_body(self.body.clone()))
    }

    /// Answers a request with it.
    pub fn answer(&self, method: &Method, request: &HeaderMap) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.headers_mut() = self.head.headers.clone();
        let headers = response.headers_mut();
        headers.insert(AGE, HeaderValue::from(self.head.freshness.age().as_secs()));
        headers.insert("x-platform-cache", HeaderValue::from_static("HIT"));
        if self.head.status == StatusCode::OK && conditional::is_unchanged(request, headers) {
            conditional::strip(headers);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let part = (self.head.status == StatusCode::OK && method == Method::GET)
            .then(|| range::asked(request, headers, self.body.len()))
            .flatten();
        let (status, body) = match part {
            None => (self.head.status, self.body.clone()),
            Some(part) => part.cut(&self.body, headers),
        };
        *response.status_mut() = status;
        if status != StatusCode::NO_CONTENT {
            headers_of_length(response.headers_mut(), body.len());
        }
        if method != Method::HEAD {
            *response.body_mut() = Full::new(body);
        }
        response
    }

    /// Memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        let lines = self.head.headers.iter();
        let lines: usize = lines
            .map(|(name, value)| name.as_str().len() + value.len() + LINE_WEIGHT)
            .sum();
        OWN_WEIGHT + self.body.len() + lines + self.head.selection.len()
    }
}

fn headers_of_length(headers: &mut HeaderMap, length: usize) {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
}
