//! Of many who ask for the same at once, one asks the container and the others wait for his answer.

use super::{Cache, Place, Question};
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How long nobody waits for an answer that could not be kept: the next ones ask at once, side by side.
const REFUSAL: Duration = Duration::from_secs(120);
/// Refusals that are remembered.
const MOST_REFUSALS: usize = 1 << 16;

/// Questions under way, and those for whose answers it is not worth waiting.
#[derive(Debug, Default)]
pub struct Flights(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    under_way: HashMap<Key, watch::Receiver<()>>,
    /// By hash: two that share one only wait less.
    refused: HashMap<u64, Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    place: Place,
    selection: Box<[u8]>,
}

impl Key {
    fn hash_value(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// This one's: others wait until the flight has landed.
    First(Flight),
    /// Another's, whose answer has arrived: look again.
    Again,
}

/// A question under way; dropped when others may look, or ask.
#[derive(Debug)]
pub struct Flight {
    cache: Arc<Cache>,
    /// `None` if nobody waits for it.
    key: Option<Key>,
    hash: u64,
    /// Dropping it wakes all that wait.
    _landed: Option<watch::Sender<()>>,
}

impl Flights {
    /// See [`Cache::turn`].
    pub async fn turn(cache: &Arc<Cache>, question: &Question, deadline: Instant) -> Turn {
        let key = Key {
            place: question.place.clone(),
            selection: question.selection.clone(),
        };
        let hash = key.hash_value();
        let alone = |cache: &Arc<Cache>| {
            Turn::First(Flight {
                cache: Arc::clone(cache),
                key: None,
                hash,
                _landed: None,
            })
        };
        let mut landing = {
            let mut known = cache.flights.lock();
            if known
                .refused
                .get(&hash)
                .is_some_and(|since| since.elapsed() < REFUSAL)
            {
                return alone(cache);
            }
            match known.under_way.entry(key.clone()) {
                Entry::Occupied(flight) => flight.get().clone(),
                Entry::Vacant(place) => {
                    let (sender, receiver) = watch::channel(());
                    place.insert(receiver);
                    return Turn::First(Flight {
                        cache: Arc::clone(cache),
                        key: Some(key),
                        hash,
                        _landed: Some(sender),
                    });
                }
            }
        };
        match timeout_at(deadline, landing.changed()).await {
            Ok(_) => Turn::Again,
            Err(_) => alone(cache),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each change is one call on a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// The answer is not kept: whoever asks for it in the near future need not wait for another's.
    pub fn refuse(self) {
        let mut known = self.cache.flights.lock();
        if known.refused.len() >= MOST_REFUSALS {
            known.refused.clear();
        }
        known.refused.insert(self.hash, Instant::now());
    }

    /// The answer is kept: waiting for it is worth it again.
    pub fn succeed(self) {
        self.cache.flights.lock().refused.remove(&self.hash);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.cache.flights.lock().under_way.remove(key);
        }
    }
}
