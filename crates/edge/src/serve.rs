//! Connections of clients: taken, limited, and ended in good order.

use crate::{edge::Edge, headers::Origin, proxy};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

/// Connections at a time, per listening address. Each takes two descriptors and, with a request under way, some 30 KB.
const MOST_CONNECTIONS: u32 = 8192;
/// How long a client may take to send a request's head, and how long a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Most headers of a request.
const MOST_HEADERS: usize = 100;
/// Longest head, and most that is buffered of a body, in bytes.
const LONGEST_HEAD: usize = 64 << 10;
/// How long requests under way may take after the edge was told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Takes connections until the edge is to stop, then waits for those there are.
pub async fn connections(edge: Arc<Edge>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    let mut stopped = pin!(edge.stopped());
    loop {
        // A place first: those for whom there is none wait in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let edge = Arc::clone(&edge);
                tokio::spawn(async move {
                    connection(edge, stream, client).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, say; they come back as connections end.
                tracing::warn!("accepting a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if timeout(FAREWELL, places.acquire_many(MOST_CONNECTIONS))
        .await
        .is_err()
    {
        tracing::warn!("stopping although requests are under way");
    }
}

async fn connection(edge: Arc<Edge>, stream: TcpStream, client: SocketAddr) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let origin = Origin {
        client: client.ip(),
        scheme: "http",
    };
    let service = service_fn({
        let edge = Arc::clone(&edge);
        move |request| {
            let edge = Arc::clone(&edge);
            async move { Ok::<_, Infallible>(proxy::answer(edge, origin, request).await) }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(MOST_HEADERS)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = edge.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("the connection of {client} ended: {error}");
    }
}
