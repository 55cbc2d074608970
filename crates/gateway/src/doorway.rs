//! Who has not shown a key yet, by address: so many at a time and no more.
//!
//! A stranger costs memory and key exchanges before anything is known of them. One address can use up its own places, and
//! those who come from elsewhere still come in.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Key exchanges at a time of one address. Whoever comes then waits, within the time to show a key.
const AT_WORK: usize = 16;
/// Connections without a key of one address, those that wait among them. More are closed at once.
const MOST_PER_ADDRESS: usize = 256;
/// Connections without a key in all.
const MOST: usize = 1024;

/// All places.
#[derive(Debug, Default)]
pub struct Doorway {
    strangers: Mutex<HashMap<IpAddr, Strangers>>,
}

#[derive(Debug)]
struct Strangers {
    count: usize,
    at_work: Arc<Semaphore>,
}

/// A place of somebody who has not shown a key. Given back when dropped.
#[derive(Debug)]
pub struct Place {
    doorway: Arc<Doorway>,
    address: IpAddr,
    at_work: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Doorway {
    /// A place for a connection from an address; `None` when there are too many.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = strangers.values().map(|those| those.count).sum();
        let those = strangers.entry(address).or_insert_with(|| Strangers {
            count: 0,
            at_work: Arc::new(Semaphore::new(AT_WORK)),
        });
        if those.count >= MOST_PER_ADDRESS || all >= MOST {
            return None;
        }
        those.count += 1;
        Some(Place {
            doorway: self.clone(),
            address,
            at_work: those.at_work.clone(),
            permit: None,
        })
    }
}

impl Place {
    /// Waits until it is this one's turn to exchange keys.
    pub async fn turn(&mut self) {
        // It is never closed, so there is always a permit in the end.
        self.permit = self.at_work.clone().acquire_owned().await.ok();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut strangers = self
            .doorway
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(those) = strangers.get_mut(&self.address) {
            those.count -= 1;
            if those.count == 0 {
                strangers.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_uses_up_its_own_places_only_and_gets_them_back() {
        let doorway = Arc::new(Doorway::default());
        let [here, there] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let places: Vec<_> = (0..MOST_PER_ADDRESS)
            .map(|_| doorway.enter(here).unwrap())
            .collect();
        assert!(doorway.enter(here).is_none());
        assert!(doorway.enter(there).is_some());
        drop(places);
        assert!(doorway.enter(here).is_some());
        assert!(doorway.strangers.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_so_many_exchange_keys_at_a_time() {
        let doorway = Arc::new(Doorway::default());
        let address = IpAddr::from([192, 0, 2, 1]);
        let mut working = Vec::new();
        for _ in 0..AT_WORK {
            let mut place = doorway.enter(address).unwrap();
            place.turn().await;
            working.push(place);
        }
        let mut next = doorway.enter(address).unwrap();
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, next.turn()).await.is_err());
        working.pop();
        tokio::time::timeout(soon, next.turn()).await.unwrap();
    }
}
