//! An answer that is kept while it flows to the one who asked first.

use super::{Cache, Flight, LARGEST, Place, kept::Head};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;

/// What has arrived so far. Dropped before its end, nothing is kept, and somebody else may ask.
#[derive(Debug)]
pub struct Recording {
    cache: Arc<Cache>,
    place: Place,
    head: Head,
    body: Vec<u8>,
    flight: Flight,
}

impl Recording {
    /// Begins with an empty body.
    pub fn begin(cache: Arc<Cache>, place: Place, head: Head, flight: Flight) -> Self {
        Self {
            cache,
            place,
            head,
            body: Vec::new(),
            flight,
        }
    }

    /// The headers as clients get them.
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.head = self.head.with_headers(headers);
        self
    }

    /// More of the body has arrived. `None`: it has become too large to be kept.
    pub fn add(mut self, data: &Bytes) -> Option<Self> {
        if self.body.len() + data.len() > LARGEST {
            self.flight.refuse();
            return None;
        }
        self.body.extend_from_slice(data);
        Some(self)
    }

    /// The body is whole: keeps the answer, and then lets those go who wait for it.
    pub fn finish(self) {
        let body = Bytes::from(self.body.into_boxed_slice());
        self.cache.keep(&self.place, self.head.with_body(body));
        self.flight.succeed();
    }
}
