//! Connections of clients: taken, limited, and ended in good order.

use crate::{connection, edge::Edge, handshake::shake_hands, headers::Origin};
use guise_api::edge::Scheme;
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// Connections at a time, per listening address. Each takes two descriptors and, with a request under way, some 30 KB.
const MOST_CONNECTIONS: u32 = 16384;

/// Takes connections until the edge is to stop, then waits for those there are.
pub async fn connections(edge: Arc<Edge>, scheme: Scheme, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    let mut left = pin!(edge.left());
    loop {
        // A place first: those for whom there is none wait in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut left => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let edge = Arc::clone(&edge);
                tokio::spawn(async move {
                    connection(edge, scheme, stream, client).await;
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
    tokio::select! {
        _ = places.acquire_many(MOST_CONNECTIONS) => {}
        () = edge.farewell() => tracing::warn!("stopping although requests are under way"),
    }
}

async fn connection(edge: Arc<Edge>, scheme: Scheme, stream: TcpStream, client: SocketAddr) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let client_ip = client.ip();
    let ended = match scheme {
        Scheme::Http => {
            let origin = Origin::plain(client_ip);
            connection::http1(edge, stream, Arc::new(origin)).await
        }
        Scheme::Https => {
            // Boxed, so that a plain connection is not as large as what these need.
            let shaken = match Box::pin(shake_hands(&edge, stream)).await {
                Ok(shaken) => shaken,
                Err(error) => return tracing::debug!("{client} did not shake hands: {error}"),
            };
            let origin = Arc::new(Origin::secure(client_ip, shaken.session));
            if shaken.is_http2 {
                Box::pin(connection::http2(edge, shaken.stream, origin)).await
            } else {
                Box::pin(connection::http1(edge, shaken.stream, origin)).await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("the connection of {client} ended: {error}");
    }
}
