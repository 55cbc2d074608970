//! What is asked, as far as it makes a difference to the answer.

use super::{Place, Rules};
use http::{
    HeaderMap, HeaderName, Method, Request,
    header::{
        AUTHORIZATION, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE, UPGRADE,
    },
};
use hyper::body::Body;

/// Headers that frameworks take for the request's line or address although no key has them: a stranger's request with
/// one must not become the answer of others.
const MISLEADING: [HeaderName; 7] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-server"),
];

/// A request that the cache can answer.
#[derive(Debug)]
pub struct Question {
    /// Where its answer is.
    pub place: Place,
    /// What else makes a difference, by the route's rules.
    pub selection: Box<[u8]>,
    /// Its headers, for what answers vary on.
    pub headers: HeaderMap,
    /// Somebody has shown who he is, and the rules do not tell such apart.
    pub is_authorized: bool,
    /// Its answer can be kept, if the answer allows it.
    pub is_whole: bool,
    /// `GET`, not `HEAD`.
    pub is_get: bool,
}

impl Question {
    /// Reads a request. `None`: the container is asked, and nothing is kept.
    pub fn read<B: Body>(rules: &Rules, place: Place, request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let is_get = request.method() == Method::GET;
        let has = |name: HeaderName| headers.contains_key(name);
        let is_apart = !(is_get || request.method() == Method::HEAD)
            || !request.body().is_end_stream()
            || [UPGRADE, IF_MATCH, IF_UNMODIFIED_SINCE].into_iter().any(has)
            || MISLEADING.into_iter().any(has);
        if is_apart {
            return None;
        }
        let selection = rules.select(headers)?;
        Some(Self {
            place,
            selection,
            is_authorized: has(AUTHORIZATION) && !rules.headers.contains(&AUTHORIZATION),
            is_whole: is_get && ![RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE].into_iter().any(has),
            is_get,
            headers: headers.clone(),
        })
    }
}
