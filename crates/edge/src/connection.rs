//! One connection of a client: HTTP/1.1 or HTTP/2 within limits, ended in good order.

use crate::{edge::Edge, headers::Origin, proxy};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a client may take to send a request's head, and how long a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Most headers of a request.
const MOST_HEADERS: usize = 100;
/// Longest head, and most that is buffered of a body, in bytes.
const LONGEST_HEAD: u32 = 64 << 10;
/// Requests at a time on an HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// Requests that a client may begin and take back before they were looked at (CVE-2023-44487).
const MOST_TAKEN_BACK: usize = 20;
/// How much of a body a client may send before the container takes it, in bytes: the streams of one connection share
/// the second.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How long a client may take to answer a ping.
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Serves HTTP/1.1 until the client or the edge is done. An edge that was succeeded says so with its next answer, and
/// closes no connection on which a request may be on its way.
pub async fn http1(
    edge: Arc<Edge>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Arc<Origin>,
) -> hyper::Result<()> {
    let service = service_fn({
        let edge = Arc::clone(&edge);
        move |request| {
            let (edge, origin) = (Arc::clone(&edge), Arc::clone(&origin));
            // Boxed, because most connections are idle and need no room for a request.
            Box::pin(async move { Ok::<_, Infallible>(proxy::answer(edge, origin, request).await) })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(MOST_HEADERS)
        .max_header_size(LONGEST_HEAD as usize)
        .max_buf_size(LONGEST_HEAD as usize)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    until_told(connection, edge.stopped(), |connection| {
        connection.graceful_shutdown()
    })
    .await
}

/// Serves HTTP/2 until the client or the edge is done, or the connection is idle for too long.
pub async fn http2(
    edge: Arc<Edge>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Arc<Origin>,
) -> hyper::Result<()> {
    let requests = Arc::new(Requests::default());
    let service = service_fn({
        let (edge, requests) = (Arc::clone(&edge), Arc::clone(&requests));
        move |request| {
            let (edge, origin) = (Arc::clone(&edge), Arc::clone(&origin));
            let requests = Arc::clone(&requests);
            requests.begun.fetch_add(1, Ordering::Relaxed);
            async move {
                let answer = proxy::answer(edge, origin, request).await;
                requests.answered.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_pending_accept_reset_streams(MOST_TAKEN_BACK)
        .max_header_list_size(LONGEST_HEAD)
        .max_send_buf_size(LONGEST_HEAD as usize)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(HEAD_PATIENCE)
        .keep_alive_timeout(PING_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let done = async {
        tokio::select! {
            () = edge.left() => {}
            () = requests.cease() => {}
        }
    };
    until_told(connection, done, |connection| connection.graceful_shutdown()).await
}

/// Requests of an HTTP/2 connection, which has no patience of its own: a client that answers pings could stay for ever.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicU32,
    answered: AtomicU32,
}

impl Requests {
    /// Ends when for a whole patience none has begun and none was unanswered. Answers that still flow are finished
    /// after that all the same: only new requests need another connection.
    async fn cease(&self) {
        let count = || {
            (
                self.begun.load(Ordering::Relaxed),
                self.answered.load(Ordering::Relaxed),
            )
        };
        let mut before = count();
        loop {
            tokio::time::sleep(HEAD_PATIENCE).await;
            let now = count();
            if now == before && now.0 == now.1 {
                return;
            }
            before = now;
        }
    }
}

/// Runs a connection; once `told` ends, lets it finish what it has begun.
async fn until_told<C: Future>(
    connection: C,
    told: impl Future<Output = ()>,
    end: fn(Pin<&mut C>),
) -> C::Output {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        () = told => {}
    }
    end(connection.as_mut());
    connection.await
}
