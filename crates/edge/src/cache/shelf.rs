//! Which kept answers are an environment's own, and of its deployment as it is now.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last number that was given out.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A place for an environment's answers. Clearing it is giving it another number.
#[derive(Debug)]
pub struct Shelf(AtomicU64);

impl Default for Shelf {
    fn default() -> Self {
        Self(AtomicU64::new(fresh()))
    }
}

impl Shelf {
    /// The number, which no other shelf has ever had.
    pub fn generation(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Takes another number; answers the former.
    pub fn renew(&self) -> u64 {
        self.0.swap(fresh(), Ordering::SeqCst)
    }
}

fn fresh() -> u64 {
    LAST.fetch_add(1, Ordering::SeqCst) + 1
}
