//! Answers that are kept to be given again: RFC 9111 by the rules of each route (spec 3.5), in bounded memory.
//!
//! What a container says is asked for in `cached`; here is only what may be kept, for whom, and for how long.

mod conditional;
mod control;
mod flight;
mod freshness;
mod kept;
mod place;
mod question;
mod range;
mod recording;
mod rules;
mod shelf;
mod store;

pub use flight::{Flight, Turn};
pub use kept::Kept;
pub use place::Place;
pub use question::Question;
pub use recording::Recording;
pub use rules::Rules;
pub use shelf::Shelf;

use flight::Flights;
use http::Response;
use hyper::body::{Body, Incoming};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;
use tokio::time::Instant;

/// What is kept by default, in bytes.
pub const DEFAULT_BYTES: usize = 64 << 20;
/// The largest answer that is kept, in bytes. Larger ones are files, which a container's nginx sends as well.
const LARGEST: usize = 4 << 20;

/// The answers of all environments.
#[derive(Debug)]
pub struct Cache {
    store: Mutex<Store>,
    flights: Flights,
}

impl Cache {
    /// An empty one for so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(Store::new(bytes)),
            flights: Flights::default(),
        })
    }

    /// The kept answer to a question, fresh or not.
    pub fn find(&self, question: &Question) -> Option<Arc<Kept>> {
        self.lock()
            .find(&question.place, |kept| kept.is_answer_to(question))
    }

    /// Whose turn it is to ask the container. Waits for one who has asked already.
    pub async fn turn(self: &Arc<Self>, question: &Question, deadline: Instant) -> Turn {
        Flights::turn(self, question, deadline).await
    }

    /// Keeps an answer.
    pub fn keep(&self, place: &Place, kept: Kept) {
        self.lock().put(place, kept);
    }

    /// Forgets all answers of a URL.
    pub fn forget(&self, place: &Place) {
        self.lock().remove(place);
    }

    /// From now on no answer on the shelf is found.
    pub fn clear(&self, shelf: &Shelf) {
        let old = shelf.renew();
        self.lock().retain(|place| place.generation() != old);
    }

    /// How an answer is recorded to be kept; `None` if it must not be. Whoever waits for it is told.
    pub fn record(
        self: &Arc<Self>,
        question: Question,
        rules: &Rules,
        response: &Response<Incoming>,
        flight: Flight,
    ) -> Option<Recording> {
        let is_framed = response.body().is_end_stream()
            || response.headers().contains_key(http::header::CONTENT_LENGTH)
            || response.headers().contains_key(http::header::TRANSFER_ENCODING);
        let length = response.body().size_hint().lower();
        // An answer that ends with its connection may have been broken off (RFC 9111, 3.3).
        let fits = is_framed && length <= LARGEST as u64;
        match fits
            .then(|| kept::Head::read(&question, rules, response))
            .flatten()
        {
            Some(head) => Some(Recording::begin(Arc::clone(self), question.place, head, flight)),
            None => {
                flight.refuse();
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // No change panics half-way.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
