//! The beginning of a connection over TLS: which host is meant decides how it goes on.

use crate::{
    edge::Edge,
    headers::{ClientCertificate, Session},
    proofs::is_authority,
};
use rustls::server::Acceptor;
use std::{io, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, server::TlsStream};

/// How long a client may take for a handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// A fatal alert, unrecognized_name (RFC 6066, 3): the edge has no certificate that the client would accept.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A connection after its handshake.
pub struct Shaken {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// What it is known by.
    pub session: Session,
    /// Whether HTTP/2 was agreed on.
    pub is_http2: bool,
}

/// Shakes hands.
///
/// # Errors
/// Another protocol, a host that is not served, a client that does not agree, or takes too long.
pub async fn shake_hands(edge: &Edge, stream: TcpStream) -> io::Result<Shaken> {
    timeout(PATIENCE, agree(edge, stream))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn agree(edge: &Edge, stream: TcpStream) -> io::Result<Shaken> {
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let host = hello.server_name().map(str::to_ascii_lowercase);
    if is_authority(&hello) {
        return show_proof(edge, start, host.as_deref()).await;
    }
    let Some(secured) = host.as_deref().and_then(|host| edge.secrets.find(host)) else {
        start.io.write_all(&UNRECOGNIZED_NAME).await?;
        return Err(io::Error::other(format!("no certificate for {host:?}")));
    };
    let stream = start.into_stream(Arc::clone(&secured.config)).await?;
    let (_, tls) = stream.get_ref();
    let certificate = tls.peer_certificates().and_then(|chain| chain.first());
    let session = Session {
        terms: secured.terms.clone(),
        certificate: certificate.map(|certificate| ClientCertificate::read(certificate)),
    };
    let is_http2 = tls.alpn_protocol() == Some(b"h2");
    Ok(Shaken {
        session,
        is_http2,
        stream,
    })
}

/// An authority sees a certificate and goes: nothing else is said over its connection (RFC 8737, 3).
async fn show_proof(
    edge: &Edge,
    mut start: StartHandshake<TcpStream>,
    host: Option<&str>,
) -> io::Result<Shaken> {
    let Some(config) = host.and_then(|host| edge.proofs.config(host)) else {
        start.io.write_all(&UNRECOGNIZED_NAME).await?;
        return Err(io::Error::other(format!("nothing to prove for {host:?}")));
    };
    start.into_stream(config).await?.shutdown().await?;
    Err(io::Error::other(
        "it was a certificate authority, which has seen what it came for",
    ))
}
