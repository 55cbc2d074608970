//! An environment's gate: open, or holding requests while something behind it is changed, or asleep.

use guise_api::edge::Command;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};

/// How long after a failure to wake a visitor is refused at once: nobody waits for what was just tried in vain.
const AFTER_FAILURE: Duration = Duration::from_secs(15);
/// How long a visitor of a sleeping environment waits for somebody who wakes it: the time of guised's restart.
const ABSENCE: Duration = Duration::from_secs(10);

/// Whether requests may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// They wait, each as long as its patience lasts.
    Held {
        patience: Duration,
    },
    /// They wait in the same way for what wakes the environment.
    Asleep {
        patience: Duration,
        /// When it failed to wake.
        failed: Option<Instant>,
    },
}

/// A gate. Requests enter and leave; whoever holds it can wait until all have left.
#[derive(Debug)]
pub struct Gate {
    state: watch::Sender<State>,
    under_way: AtomicU32,
    left: Notify,
    /// Whether a visitor has come since it fell asleep who is not told of yet.
    knocked: AtomicBool,
    /// Whether one was told of.
    told: AtomicBool,
    tunnels: AtomicU32,
    made: Instant,
    /// When the last request or tunnel ended, in milliseconds since the gate was made.
    last_ms: AtomicU64,
}

/// A request that has passed the gate; dropped when it has ended.
#[derive(Debug)]
pub struct UnderWay(Arc<Gate>);

/// A WebSocket. No change of the environment waits for it, but the environment does not sleep.
#[derive(Debug)]
pub struct Tunnel(Arc<Gate>);

/// Why a request was not let in.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It waited for longer than its patience.
    HeldTooLong,
    /// The environment sleeps, and nobody is there who could wake it.
    NobodyWakes,
    /// The environment has failed to wake.
    WakeFailed,
}

impl Gate {
    /// An open gate.
    pub fn open() -> Arc<Self> {
        Arc::new(Self {
            state: watch::Sender::new(State::Open),
            under_way: AtomicU32::new(0),
            left: Notify::new(),
            knocked: AtomicBool::new(false),
            told: AtomicBool::new(false),
            tunnels: AtomicU32::new(0),
            made: Instant::now(),
            last_ms: AtomicU64::new(0),
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

    /// Waits until the gate is changed, as long as the holder said a request that came at `arrived` should. `watched`:
    /// whether somebody is there who wakes what sleeps.
    pub async fn changed(&self, arrived: Instant, watched: bool) -> Result<(), Refusal> {
        let mut state = self.state.subscribe();
        let (patience, refusal) = match *state.borrow_and_update() {
            State::Open => return Ok(()),
            State::Held { patience } => (patience, Refusal::HeldTooLong),
            State::Asleep {
                failed: Some(failed), ..
            } if failed.elapsed() < AFTER_FAILURE => return Err(Refusal::WakeFailed),
            State::Asleep { patience, .. } if watched => (patience, Refusal::WakeFailed),
            State::Asleep { .. } => (ABSENCE, Refusal::NobodyWakes),
        };
        match timeout_at(arrived + patience, state.changed()).await {
            Err(_) => Err(refusal),
            // The gate itself may be gone: its environment is forgotten, and looking it up again will tell.
            Ok(_) => Ok(()),
        }
    }

    /// Notes a visitor of an environment that sleeps. Answers whether somebody should be told.
    pub fn knock(&self) -> bool {
        let asleep = matches!(*self.state.borrow(), State::Asleep { .. });
        asleep && !self.told.load(Ordering::SeqCst) && !self.knocked.swap(true, Ordering::SeqCst)
    }

    /// Whether a visitor waits of whom nobody was told. From now on somebody was.
    pub fn tell(&self) -> bool {
        let knocked = self.knocked.swap(false, Ordering::SeqCst);
        knocked && !self.told.swap(true, Ordering::SeqCst)
    }

    /// Puts the environment to sleep. `failed`: it has just failed to wake.
    pub fn sleep(&self, patience: Duration, failed: bool) {
        self.told.store(false, Ordering::SeqCst);
        self.knocked.store(false, Ordering::SeqCst);
        let failed = failed.then(Instant::now);
        self.state.send_replace(State::Asleep { patience, failed });
    }

    /// The command that closes another gate as this one is; `None` if it is open.
    pub fn closing(&self, environment: String) -> Option<Command> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match *self.state.borrow() {
            State::Open => None,
            State::Held { patience } => Some(Command::Hold {
                environment,
                drain_ms: 0,
                patience_ms: milliseconds(patience),
            }),
            State::Asleep { patience, failed } => Some(Command::Sleep {
                environment,
                drain_ms: 0,
                patience_ms: milliseconds(patience),
                failed: failed.is_some_and(|failed| failed.elapsed() < AFTER_FAILURE),
            }),
        }
    }

    /// Whether a WebSocket is open.
    pub fn has_tunnels(&self) -> bool {
        self.tunnels.load(Ordering::SeqCst) > 0
    }

    /// Counts a WebSocket for as long as the value lives.
    pub fn tunnel(self: &Arc<Self>) -> Tunnel {
        self.tunnels.fetch_add(1, Ordering::SeqCst);
        Tunnel(Arc::clone(self))
    }

    /// How long nothing has gone through.
    pub fn idle(&self) -> Duration {
        if self.under_way.load(Ordering::SeqCst) + self.tunnels.load(Ordering::SeqCst) > 0 {
            return Duration::ZERO;
        }
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(last)
    }

    fn stamp(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
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

impl UnderWay {
    /// The gate it has passed.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.0
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.0.stamp();
        self.0.tunnels.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.stamp();
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
            async move { gate.changed(Instant::now(), true).await }
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
        assert_eq!(gate.changed(arrived, true).await, Err(Refusal::HeldTooLong));
        assert!(arrived.elapsed() < LONG);
        assert_eq!(
            gate.changed(arrived, true).await,
            Err(Refusal::HeldTooLong),
            "at once"
        );
    }

    #[tokio::test]
    async fn of_many_visitors_one_is_told_of_until_it_sleeps_again() {
        let gate = Gate::open();
        assert!(!gate.knock(), "an open gate needs no knocking");
        gate.sleep(LONG, false);
        assert!(gate.enter().is_none());
        assert!(gate.knock());
        assert!(!gate.knock());
        assert!(gate.tell());
        assert!(!gate.knock());
        assert!(!gate.tell());
        gate.sleep(LONG, false);
        assert!(gate.knock());
    }

    #[tokio::test]
    async fn nobody_waits_for_what_has_just_failed_to_wake() {
        let gate = Gate::open();
        gate.sleep(LONG, true);
        assert_eq!(gate.changed(Instant::now(), true).await, Err(Refusal::WakeFailed));
    }

    #[tokio::test]
    async fn a_visitor_does_not_wait_long_where_nobody_wakes() {
        let gate = Gate::open();
        gate.sleep(LONG, false);
        let arrived = Instant::now() - ABSENCE;
        assert_eq!(gate.changed(arrived, false).await, Err(Refusal::NobodyWakes));
    }

    #[tokio::test]
    async fn a_gate_is_idle_since_its_last_request_and_websocket() {
        const SHORT: Duration = Duration::from_millis(20);
        let gate = Gate::open();
        let tunnel = gate.tunnel();
        tokio::time::sleep(SHORT).await;
        assert_eq!(gate.idle(), Duration::ZERO);
        drop(tunnel);
        assert!(gate.idle() < SHORT);
        tokio::time::sleep(SHORT).await;
        assert!(gate.idle() >= SHORT);
        let request = gate.enter();
        assert_eq!(gate.idle(), Duration::ZERO);
        drop(request);
        assert!(gate.idle() < SHORT);
    }
}
