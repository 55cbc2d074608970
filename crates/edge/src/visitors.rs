//! Visitors of environments that sleep: rung for at the gate, told to whoever waits on the control socket.

use crate::table::Table;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// The bell, and how many listen for it.
#[derive(Debug, Default)]
pub struct Visitors {
    bell: Notify,
    listening: AtomicU32,
}

/// Somebody listens; dropped when no more.
struct Listening<'a>(&'a AtomicU32);

impl Visitors {
    /// A visitor has knocked.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Whether somebody listens who can wake environments.
    pub fn is_watched(&self) -> bool {
        self.listening.load(Ordering::SeqCst) > 0
    }

    /// Waits for visitors; answers which environments they ask for. Can be dropped at any moment and loses nobody.
    pub async fn next(&self, table: &Table) -> Vec<String> {
        self.listening.fetch_add(1, Ordering::SeqCst);
        let _listening = Listening(&self.listening);
        loop {
            let mut gates = table.gates();
            gates.retain(|(_, gate)| gate.tell());
            if !gates.is_empty() {
                return gates.into_iter().map(|(key, _)| key).collect();
            }
            self.bell.notified().await;
        }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
