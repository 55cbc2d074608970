//! Where an answer is kept: environment, deployment and URL, as the client wrote it.

use guise_api::edge::Scheme;
use http::{HeaderValue, Uri};

/// The name of a kept answer, together with what of the request makes a difference.
///
/// Host and port are as they were written, since an application sees them so and makes links of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    generation: u64,
    url: Box<[u8]>,
}

impl Place {
    /// The place of a request's answer.
    pub fn new(generation: u64, scheme: Scheme, authority: &HeaderValue, uri: &Uri) -> Self {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let parts = [
            scheme.as_str().as_bytes(),
            b"://",
            authority.as_bytes(),
            target.as_bytes(),
        ];
        Self {
            generation,
            url: parts.concat().into(),
        }
    }

    /// The number of its shelf.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.url.len()
    }
}
