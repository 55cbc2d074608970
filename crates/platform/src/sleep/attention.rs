//! When somebody last did something with an environment besides asking its site: deployed, ran a command in it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// By the key of the environment. Not kept: a guised that starts counts from its start.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    paid: Mutex<HashMap<String, Paid>>,
}

#[derive(Debug)]
struct Paid {
    last: Instant,
    under_way: usize,
}

/// Something is being done with an environment: it does not sleep as long as the value lives.
#[derive(Debug)]
#[must_use]
pub struct Busy {
    attention: Arc<Attention>,
    environment: String,
}

impl Attention {
    /// Something is being done from now on.
    pub(crate) fn busy(self: &Arc<Self>, environment: &str) -> Busy {
        self.change(environment, |paid| paid.under_way += 1);
        Busy {
            attention: self.clone(),
            environment: environment.into(),
        }
    }

    /// How long nothing was done; of an environment never heard of, nothing from now on.
    pub(crate) fn idle(&self, environment: &str) -> Duration {
        let mut all = self.lock();
        let paid = all.entry(environment.into()).or_insert_with(Paid::now);
        if paid.under_way > 0 {
            return Duration::ZERO;
        }
        paid.last.elapsed()
    }

    fn change(&self, environment: &str, change: impl FnOnce(&mut Paid)) {
        let mut all = self.lock();
        change(all.entry(environment.into()).or_insert_with(Paid::now));
    }

    /// A poisoned lock guards numbers that are whole after each statement.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Paid>> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paid {
    fn now() -> Self {
        Self {
            last: Instant::now(),
            under_way: 0,
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.attention.change(&self.environment, |paid| {
            paid.last = Instant::now();
            paid.under_way -= 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idleness_begins_with_the_end_of_the_last_that_is_done() {
        const SHORT: Duration = Duration::from_millis(10);
        let attention = Arc::new(Attention::default());
        let (first, second) = (attention.busy("p/main"), attention.busy("p/main"));
        std::thread::sleep(SHORT);
        drop(first);
        assert_eq!(attention.idle("p/main"), Duration::ZERO);
        drop(second);
        let idle = attention.idle("p/main");
        assert!(idle > Duration::ZERO && idle < SHORT);
        std::thread::sleep(SHORT);
        assert!(attention.idle("p/main") >= SHORT);
    }
}
