//! An environment's gate: open, or holding requests while something behind it is changed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};

/// Whether requests may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// They wait, each as long as its patience lasts.
    Held {
        patience: Duration,
    },
}

/// A gate. Requests enter and leave; whoever holds it can wait until all have left.
#[derive(Debug)]
pub struct Gate {
    state: watch::Sender<State>,
    under_way: AtomicU32,
    left: Notify,
}

/// A request that has passed the gate; dropped when it has ended.
#[derive(Debug)]
pub struct UnderWay(Arc<Gate>);

/// A request waited for longer than its patience.
#[derive(Debug, PartialEq, Eq)]
pub struct HeldTooLong;

impl Gate {
    /// An open gate.
    pub fn open() -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::Open),
            under_way: AtomicU32::new(0),
            left: Notify::new(),
        })
    }

    /// Passes the gate if it is open.
    ///
    /// The request counts as under way before the gate is looked at, so that between holding the gate and counting
    /// none slips through.
    pub fn enter(self: &Arc<Self>) -> Option<UnderWay> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let entered = UnderWay(Arc::clone(self));
        (*self.state.borrow() == State::Open).then_some(entered)
    }

    /// Waits until the gate is open, as long as the holder said a request that came at `arrived` should.
    pub async fn opened(&self, arrived: Instant) -> Result<(), HeldTooLong> {
        let mut state = self.state.subscribe();
        loop {
            let State::Held { patience } = *state.borrow_and_update() else {
                return Ok(());
            };
            match timeout_at(arrived + patience, state.changed()).await {
                Err(_) => return Err(HeldTooLong),
                // The gate itself is gone: its environment is forgotten, and looking it up again will tell.
                Ok(Err(_)) => return Ok(()),
                Ok(Ok(())) => {}
            }
        }
    }

    /// From now on requests wait.
    pub fn hold(&self, patience: Duration) {
        self.state.send_replace(State::Held { patience });
    }

    /// Lets them go.
    pub fn release(&self) {
        self.state.send_replace(State::Open);
    }

    /// Waits until no request is under way, `patience` at most; answers how many still are.
    pub async fn drained(&self, patience: Duration) -> u32 {
        let deadline = Instant::now() + patience;
        loop {
            let left = self.left.notified();
            let under_way = self.under_way.load(Ordering::SeqCst);
            if under_way == 0 || timeout_at(deadline, left).await.is_err() {
                return under_way;
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_held_request_goes_on_when_the_gate_opens() {
        let gate = Gate::open();
        gate.hold(LONG);
        assert!(gate.enter().is_none());
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.opened(Instant::now()).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        gate.release();
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert!(gate.enter().is_some());
    }

    #[tokio::test]
    async fn patience_counts_from_the_requests_arrival() {
        let gate = Gate::open();
        gate.hold(Duration::from_millis(20));
        let arrived = Instant::now();
        assert_eq!(gate.opened(arrived).await, Err(HeldTooLong));
        assert!(arrived.elapsed() < LONG);
        assert_eq!(gate.opened(arrived).await, Err(HeldTooLong), "at once");
    }

    #[tokio::test]
    async fn draining_counts_those_that_do_not_end_and_not_those_that_wait() {
        let gate = Gate::open();
        let (slow, quick) = (gate.enter().unwrap(), gate.enter().unwrap());
        gate.hold(LONG);
        assert!(gate.enter().is_none());
        drop(quick);
        assert_eq!(gate.drained(Duration::from_millis(5)).await, 1);
        let drained = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.drained(LONG).await }
        });
        tokio::task::yield_now().await;
        drop(slow);
        assert_eq!(drained.await.unwrap(), 0);
    }
}
