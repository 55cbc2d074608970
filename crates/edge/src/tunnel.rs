//! WebSockets: after a container has answered 101, bytes go both ways as they come.

use crate::gate::Tunnel;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONNECTION, UPGRADE},
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;

const WEBSOCKET: &str = "websocket";

/// Whether a request asks for a WebSocket. No other protocol is passed on: with `h2c` a client could talk to a
/// container past every rule of the edge.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let lists = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|listed| listed.trim().eq_ignore_ascii_case(token))
    };
    lists(CONNECTION, "upgrade") && lists(UPGRADE, WEBSOCKET)
}

/// Puts back what was removed as hop-by-hop.
pub fn ask_for(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

/// Whether a container has agreed.
pub fn is_agreed(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Joins both connections once the client has its 101. They end when either side does.
pub fn join(client: OnUpgrade, container: OnUpgrade, open: Tunnel) {
    tokio::spawn(async move {
        let _open = open;
        match tokio::try_join!(client, container) {
            Ok((client, container)) => {
                let (mut client, mut container) = (TokioIo::new(client), TokioIo::new(container));
                if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut container).await {
                    tracing::debug!("a WebSocket broke off: {error}");
                }
            }
            Err(error) => tracing::debug!("a WebSocket was not begun: {error}"),
        }
    });
}
