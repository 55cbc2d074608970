//! The API over the network: TLS 1.2 and 1.3, and nothing before a token is shown.
//!
//! A connection costs little until it has said who it is: handshakes and request heads are bounded in time, connections in
//! number.

use crate::certificates::Certificates;
use anyhow::{Context, Result};
use axum::Router;
use guise_certificate::Certified;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// How long a client may take for the handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 256;

/// Settings: `[api]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The host that clients call it by; for its certificate, unless one is given.
    #[serde(default = "own_host")]
    pub host: String,
    /// File with a certificate and those of its issuers, as PEM. By default one of the local authority.
    pub certificate: Option<PathBuf>,
    /// File with its key, as PEM.
    pub key: Option<PathBuf>,
}

fn own_host() -> String {
    "guise.localhost".into()
}

impl RemoteConfig {
    /// The certificate to show.
    ///
    /// # Errors
    /// When its files cannot be read or do not belong together.
    pub fn certified(&self, certificates: &Certificates) -> Result<Certified> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else {
            return Ok(certificates.authority().certify(&self.host)?);
        };
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Certified::read(&read(certificate)?, &read(key)?)
            .with_context(|| format!("{} cannot be used for the API", certificate.display()))
    }
}

/// The listening socket.
pub struct Remote {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Remote {
    /// Listens; connections wait until [`serve`](Self::serve) is called.
    ///
    /// # Errors
    /// When the address is taken or the certificate not good for TLS.
    pub async fn listen(address: SocketAddr, certified: &Certified) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for the API"))?;
        Ok(Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(tls(certified)?)),
        })
    }

    /// Serves until the process ends.
    pub async fn serve(self, router: Router) {
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = free.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let (acceptor, router) = (self.acceptor.clone(), router.clone());
                    tokio::spawn(async move {
                        let _permit = permit;
                        if let Err(error) = converse(stream, &acceptor, router).await {
                            tracing::debug!(%from, "an API connection ended: {error:#}");
                        }
                    });
                }
                Err(error) => {
                    // No descriptor is free, or the peer went away again: others may still come.
                    tracing::warn!(%error, "cannot accept an API connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, acceptor: &TlsAcceptor, router: Router) -> Result<()> {
    stream.set_nodelay(true)?;
    let stream = timeout(PATIENCE, acceptor.accept(stream))
        .await
        .context("the handshake took too long")??;
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    server
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
        .map_err(|error| anyhow::anyhow!(error))
}

fn tls(certified: &Certified) -> Result<ServerConfig> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certified.chain.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // An exec upgrades its connection, which HTTP/2 cannot.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
