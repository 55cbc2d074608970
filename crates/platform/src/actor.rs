//! On whose behalf the current thread works, for records of who did what.
//!
//! A request is one call on one thread from its arrival to the record of what it sets off; a name passed through every
//! signature between would be the same on each of them.

use std::cell::RefCell;

/// The name of whoever has the machine's root: it is nobody's in the database.
pub const ROOT: &str = "root";

thread_local! {
    static ACTOR: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs something on behalf of somebody.
pub fn on_behalf_of<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let former = ACTOR.replace(Some(name.into()));
    let _restore = Restore(former);
    run()
}

/// Whoever the thread works for; `None` for guise itself.
pub(crate) fn current() -> Option<String> {
    ACTOR.with_borrow(Clone::clone)
}

/// Puts the former name back, after a panic too: threads are used again.
struct Restore(Option<String>);

impl Drop for Restore {
    fn drop(&mut self) {
        ACTOR.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acts_within_acts_no_longer_afterwards_even_after_a_panic() {
        on_behalf_of("ada", || {
            let panicked = std::panic::catch_unwind(|| on_behalf_of("bob", || panic!("as the test wants")));
            assert!(panicked.is_err());
            assert_eq!(current().as_deref(), Some("ada"));
        });
        assert_eq!(current(), None);
    }
}
