//! Connections to containers: kept open between requests, never trusted to be alive.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddrV4,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

/// A container on the same machine answers at once or is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// How long a container may think before its first byte. Its nginx gives up on the app earlier.
const FIRST_BYTE_PATIENCE: Duration = Duration::from_secs(300);
/// Shorter than nginx's keepalive_timeout (75 s), so that it is not the container that closes first.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections kept per container and thread.
const MOST_IDLE: usize = 64;

/// What is sent to a container: the client's own body, or none.
pub type Outgoing = Either<Incoming, Empty<Bytes>>;

/// A container did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("connecting to {address}: {source}")]
    Connect {
        /// Where.
        address: SocketAddrV4,
        /// Why.
        source: std::io::Error,
    },
    /// No connection in time.
    #[error("connecting to {address}: no answer within {CONNECT_PATIENCE:?}")]
    ConnectTooSlow {
        /// Where.
        address: SocketAddrV4,
    },
    /// A connection, but no answer.
    #[error("waiting for {address} to answer: {source}")]
    Answer {
        /// Who.
        address: SocketAddrV4,
        /// Why.
        source: hyper::Error,
    },
    /// A connection, but no answer in time.
    #[error("waiting for {address} to answer: nothing within {FIRST_BYTE_PATIENCE:?}")]
    AnswerTooSlow {
        /// Who.
        address: SocketAddrV4,
    },
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Outgoing>,
    since: Instant,
}

/// Idle connections by address, and by the thread that drives them.
type Idles = HashMap<(SocketAddrV4, ThreadId), Vec<Idle>>;

/// The idle connections to all containers.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Idles>,
}

/// The connection that an answer comes over.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    address: SocketAddrV4,
    sender: SendRequest<Outgoing>,
}

impl Lease {
    /// Keeps the connection for another request. Only after the answer's last byte.
    pub fn give_back(mut self) {
        // The connection's own task has a last step to do before it can take a request.
        tokio::spawn(async move {
            if self.sender.ready().await.is_ok() {
                self.pool.put(self.address, self.sender);
            }
        });
    }
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// A kept connection can turn out to be closed the moment it is used: a container's nginx was reloaded, a keep-alive
    /// limit is reached. So only a request that may be sent twice goes over one, and is then sent once more.
    pub async fn send(
        self: &Arc<Self>,
        address: SocketAddrV4,
        request: Request<Outgoing>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        let Some(copy) = harmless_to_repeat(&request) else {
            return self.send_anew(address, request).await;
        };
        let Some(sender) = self.take(address) else {
            return self.send_anew(address, request).await;
        };
        match self.send_over(sender, address, request).await {
            Err(UpstreamError::Answer { source, .. }) if is_closed(&source) => {
                // Its siblings are as old.
                self.close(&HashSet::from([address]));
                self.send_anew(address, copy).await
            }
            other => other,
        }
    }

    /// Sends a request over a connection of its own.
    pub async fn send_anew(
        self: &Arc<Self>,
        address: SocketAddrV4,
        request: Request<Outgoing>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        let sender = connect(address).await?;
        self.send_over(sender, address, request).await
    }

    async fn send_over(
        self: &Arc<Self>,
        mut sender: SendRequest<Outgoing>,
        address: SocketAddrV4,
        request: Request<Outgoing>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        // A body takes as long as its sender needs; the time without one is the container's alone.
        let patience = if request.body().is_end_stream() {
            FIRST_BYTE_PATIENCE
        } else {
            Duration::MAX
        };
        match timeout(patience, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok((
                response,
                Lease {
                    pool: Arc::clone(self),
                    address,
                    sender,
                },
            )),
            Ok(Err(source)) => Err(UpstreamError::Answer { address, source }),
            Err(_) => Err(UpstreamError::AnswerTooSlow { address }),
        }
    }

    /// Closes the idle connections to these addresses.
    pub fn close(&self, addresses: &HashSet<SocketAddrV4>) {
        self.lock().retain(|(address, _), _| !addresses.contains(address));
    }

    /// Closes what was idle for too long, for as long as the process lives.
    pub async fn close_idle(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(IDLE / 2);
        loop {
            ticks.tick().await;
            self.lock().retain(|_, idle| {
                idle.retain(Idle::is_fresh);
                !idle.is_empty()
            });
        }
    }

    fn take(&self, address: SocketAddrV4) -> Option<SendRequest<Outgoing>> {
        let mut all = self.lock();
        let idle = all.get_mut(&(address, thread::current().id()))?;
        // The youngest first: the others may then grow old and be closed.
        std::iter::from_fn(|| idle.pop())
            .find(Idle::is_fresh)
            .map(|idle| idle.sender)
    }

    fn put(&self, address: SocketAddrV4, sender: SendRequest<Outgoing>) {
        let mut all = self.lock();
        let idle = all.entry((address, thread::current().id())).or_default();
        if idle.len() < MOST_IDLE {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idles> {
        // Each change is one call on the map.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn is_fresh(&self) -> bool {
        self.sender.is_ready() && self.since.elapsed() < IDLE
    }
}

async fn connect(address: SocketAddrV4) -> Result<SendRequest<Outgoing>, UpstreamError> {
    let stream = timeout(CONNECT_PATIENCE, TcpStream::connect(address))
        .await
        .map_err(|_| UpstreamError::ConnectTooSlow { address })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| UpstreamError::Connect { address, source })?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|source| UpstreamError::Answer { address, source })?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!("the connection to {address} ended: {error}");
        }
    });
    Ok(sender)
}

/// A copy of a request that may be sent twice: without a body, and of a method that means the same when repeated
/// (RFC 9110, 9.2.2).
fn harmless_to_repeat(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Either::Right(Empty::new()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether the connection ended before an answer began, as opposed to an answer that makes no sense.
fn is_closed(error: &hyper::Error) -> bool {
    let by_io = || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
    error.is_closed()
        || error.is_canceled()
        || error.is_incomplete_message()
        || (!error.is_parse() && by_io())
}
