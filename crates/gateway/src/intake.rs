//! What a client has sent to a channel and nobody has taken yet.
//!
//! The SSH library grants a client its next window as soon as data arrives, so only what waits here can slow the client
//! down. It may not be stopped outright: its permission for us to send comes on the same connection, and a program that
//! waits for its output to be taken takes no input. So a full intake takes each further packet later than the one before.

use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};

/// What may wait without any delay, in bytes.
const USUAL: usize = 2 << 20;
/// The delay of a packet doubles with each so many bytes more.
const DOUBLING: usize = 256 << 10;
const FIRST_DELAY: Duration = Duration::from_millis(2);
/// The client's other channels wait as long: an interrupt must still come through.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// What may wait at all, in bytes: reached after an hour of a client that sends and a program that never reads.
const MOST: usize = 64 << 20;

/// The end that the connection puts data into. Dropping it is the end of the data.
#[derive(Debug)]
pub struct Intake {
    queue: mpsc::UnboundedSender<Bytes>,
    level: Arc<Level>,
}

/// The end that the session takes data from.
#[derive(Debug)]
pub struct Outlet {
    queue: mpsc::UnboundedReceiver<Bytes>,
    level: Arc<Level>,
}

#[derive(Debug, Default)]
struct Level {
    bytes: AtomicUsize,
    taken: Notify,
}

/// The client sends on and on to a program that takes nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

/// A new channel's two ends.
pub fn intake() -> (Intake, Outlet) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level::default());
    (
        Intake {
            queue: sender,
            level: level.clone(),
        },
        Outlet {
            queue: receiver,
            level,
        },
    )
}

impl Intake {
    /// Puts data in; returns when the client may send more. When nobody takes it any more it is dropped.
    ///
    /// # Errors
    /// [`Overflow`].
    pub async fn put(&self, data: Bytes) -> Result<(), Overflow> {
        let length = data.len();
        // Before it is sent, or it could be taken before it is counted.
        let level = self.level.bytes.fetch_add(length, Ordering::Relaxed) + length;
        if self.queue.send(data).is_err() {
            return Ok(());
        }
        if level > MOST {
            return Err(Overflow);
        }
        if let Some(delay) = delay(level) {
            let _ = timeout(delay, self.drained()).await;
        }
        Ok(())
    }

    async fn drained(&self) {
        loop {
            let taken = self.level.taken.notified();
            if self.level.bytes.load(Ordering::Relaxed) <= USUAL || self.queue.is_closed() {
                return;
            }
            taken.await;
        }
    }
}

impl Outlet {
    /// The next data; `None` at its end.
    pub async fn take(&mut self) -> Option<Bytes> {
        let data = self.queue.recv().await?;
        self.level.bytes.fetch_sub(data.len(), Ordering::Relaxed);
        self.level.taken.notify_one();
        Some(data)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.queue.close();
        self.level.taken.notify_one();
    }
}

/// How long a packet waits that makes so many bytes wait.
fn delay(level: usize) -> Option<Duration> {
    let over = level.checked_sub(USUAL).filter(|over| *over > 0)?;
    let doublings = u32::try_from(over / DOUBLING).unwrap_or(u32::MAX);
    let delay = 2_u32
        .checked_pow(doublings)
        .map(|factor| FIRST_DELAY.saturating_mul(factor));
    Some(delay.unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const PACKET: Bytes = Bytes::from_static(&[7; 32 << 10]);

    #[test]
    fn the_fuller_the_slower_and_never_slower_than_bearable() {
        assert_eq!(delay(USUAL), None);
        assert_eq!(delay(USUAL + 1), Some(FIRST_DELAY));
        assert_eq!(delay(USUAL + 2 * DOUBLING), Some(FIRST_DELAY * 4));
        assert_eq!(delay(MOST), Some(LONGEST_DELAY));
        assert_eq!(delay(usize::MAX), Some(LONGEST_DELAY));
    }

    #[tokio::test]
    async fn what_is_taken_lets_the_next_in_at_once() {
        let (intake, mut outlet) = intake();
        let take = tokio::spawn(async move {
            let mut bytes = 0;
            while let Some(data) = outlet.take().await {
                bytes += data.len();
            }
            bytes
        });
        let begun = Instant::now();
        for _ in 0..1000 {
            intake.put(PACKET).await.unwrap();
        }
        drop(intake);
        assert_eq!(take.await.unwrap(), 1000 * PACKET.len());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn one_who_takes_nothing_slows_the_sender_and_stops_it_in_the_end() {
        let (intake, outlet) = intake();
        let begun = Instant::now();
        for _ in 0..USUAL / PACKET.len() + 4 {
            intake.put(PACKET).await.unwrap();
        }
        assert!(begun.elapsed() >= FIRST_DELAY * 3);
        intake.level.bytes.store(MOST, Ordering::Relaxed);
        assert_eq!(intake.put(PACKET).await, Err(Overflow));
        drop(outlet);
        assert_eq!(intake.put(PACKET).await, Ok(()));
    }
}
