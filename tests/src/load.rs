//! Constant load on one site, every answer checked: what visitors notice of a deployment is counted here.
//!
//! The site must answer GET with a page that begins with `page`, POST with the body it got (on `/slow` only after
//! a while), and messages on a WebSocket at `/socket` with themselves.

use crate::{
    http::{self, Connection},
    websocket::WebSocket,
};
use anyhow::{Context, Result, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Visitors of each kind, and the time from one request of a visitor to the next.
const VISITORS: [(Kind, usize, Duration); 4] = [
    (Kind::Get, 8, Duration::from_millis(16)),
    (Kind::Post, 4, Duration::from_millis(32)),
    // One that is always under way, so that every deployment has something to wait for.
    (Kind::SlowPost, 2, Duration::from_millis(50)),
    (Kind::Socket, 2, Duration::from_millis(50)),
];
/// Requests over one connection; then the visitor opens another, so that accepting is tried too.
const PER_CONNECTION: u64 = 200;
/// Failures that are told in words; all are counted.
const TOLD: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Get,
    Post,
    SlowPost,
    Socket,
}

/// What the visitors saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests with the right answer; a WebSocket's messages are none.
    pub answered: u64,
    /// Messages that came back on a WebSocket.
    pub messages: u64,
    /// Times a WebSocket ended and was opened again.
    pub reopened: u64,
    /// Requests without the right answer, and WebSockets that could not be opened.
    pub failed: u64,
    /// The first failures, in words.
    pub failures: Vec<String>,
    /// The longest time that a request took.
    pub longest: Duration,
}

/// Visitors at work; each is a thread.
#[derive(Debug)]
pub struct Load {
    begun: Instant,
    ended: Arc<AtomicBool>,
    visitors: Vec<JoinHandle<Seen>>,
}

impl Load {
    /// Lets the visitors come.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn on(url: &str) -> Result<Self> {
        let (authority, _) = http::parts(url)?;
        let begun = Instant::now();
        let ended = Arc::new(AtomicBool::new(false));
        let kinds = VISITORS
            .into_iter()
            .flat_map(|(kind, count, pause)| (0..count).map(move |n| (kind, pause, n)));
        let visitors = kinds.map(|(kind, pause, n)| {
            let visitor = Visitor {
                kind,
                pause,
                authority: authority.into(),
                // Not all at once.
                next: begun + pause * n as u32 / 8,
                turn: n as u64,
                connection: None,
                socket: None,
                seen: Seen::default(),
            };
            let ended = Arc::clone(&ended);
            thread::spawn(move || visitor.visit_until(&ended))
        });
        Ok(Self {
            begun,
            visitors: visitors.collect(),
            ended,
        })
    }

    /// How long they have been at work.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends them home and answers what they saw together.
    ///
    /// # Errors
    /// When one did not survive.
    pub fn end(self) -> Result<Seen> {
        self.ended.store(true, Ordering::Relaxed);
        let mut seen = Seen::default();
        for visitor in self.visitors {
            seen.add(visitor.join().ok().context("a visitor panicked")?);
        }
        Ok(seen)
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.messages += other.messages;
        self.reopened += other.reopened;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.truncate(TOLD);
        self.longest = self.longest.max(other.longest);
    }
}

struct Visitor {
    kind: Kind,
    pause: Duration,
    authority: String,
    /// When the next request is due. A visitor who had to wait is late then, and makes up for it.
    next: Instant,
    turn: u64,
    connection: Option<Connection>,
    socket: Option<WebSocket>,
    seen: Seen,
}

impl Visitor {
    fn visit_until(mut self, ended: &AtomicBool) -> Seen {
        while !ended.load(Ordering::Relaxed) {
            thread::sleep(self.next.saturating_duration_since(Instant::now()));
            self.next += self.pause;
            self.turn += 1;
            let begun = Instant::now();
            let outcome = match self.kind {
                Kind::Get => self.get(),
                Kind::Post => self.post("/echo"),
                Kind::SlowPost => self.post("/slow"),
                Kind::Socket => self.exchange_message(),
            };
            let took = begun.elapsed();
            self.seen.longest = self.seen.longest.max(took);
            match outcome {
                Ok(()) if self.kind != Kind::Socket => self.seen.answered += 1,
                Ok(()) => {}
                Err(error) => self.fail(&error, took),
            }
        }
        self.seen
    }

    fn fail(&mut self, error: &anyhow::Error, took: Duration) {
        self.seen.failed += 1;
        if self.seen.failures.len() < TOLD {
            let kind = self.kind;
            self.seen
                .failures
                .push(format!("{kind:?} after {took:?}: {error:#}"));
        }
        self.connection = None;
        self.socket = None;
    }

    fn get(&mut self) -> Result<()> {
        let body = self.request("GET", "/", None)?;
        ensure!(
            body.starts_with(b"page"),
            "the page is {:?}",
            String::from_utf8_lossy(&body)
        );
        Ok(())
    }

    fn post(&mut self, path: &str) -> Result<()> {
        // Up to 13 KB, different each time: a body that was mixed up with another is noticed.
        let line = format!("{:?} {} ", self.kind, self.turn).into_bytes();
        let sent = line.repeat(1 + (self.turn % 1000) as usize);
        let body = self.request("POST", path, Some(&sent))?;
        ensure!(
            body == sent,
            "{} bytes were sent, {} others came back",
            sent.len(),
            body.len()
        );
        Ok(())
    }

    fn request(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>> {
        let kept = self
            .connection
            .take()
            .filter(|_| !self.turn.is_multiple_of(PER_CONNECTION));
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&self.authority)?,
        };
        let body = body.map(|body| ("application/octet-stream", body));
        connection.send(method, path, &[], body)?;
        let answer = connection.answer()?;
        ensure!(
            answer.status == 200,
            "status {}: {}",
            answer.status,
            answer.text()
        );
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer.body)
    }

    /// A WebSocket that ends is no failure: what is behind it was restarted. That it cannot be opened again is one.
    fn exchange_message(&mut self) -> Result<()> {
        let message = format!("message {}", self.turn);
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => WebSocket::open(&self.authority, "/socket")?,
        };
        let answer = socket.send(message.as_bytes()).and_then(|()| socket.receive());
        match answer {
            Ok(answer) => {
                ensure!(
                    answer == message.as_bytes(),
                    "{message:?} is answered by {:?}",
                    String::from_utf8_lossy(&answer)
                );
                self.seen.messages += 1;
                self.socket = Some(socket);
            }
            Err(_) => self.seen.reopened += 1,
        }
        Ok(())
    }
}
