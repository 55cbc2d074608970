//! Routes to sites outside of the project (spec 3.4): where they lead, and which addresses they may not lead to.
//!
//! The edge is on the machine's own network. A project must not reach through it what its containers cannot reach: the
//! machine itself, its neighbours' containers, the cloud's metadata.

use crate::pool::Outgoing;
use http::{HeaderValue, Request, Response, Uri, uri::PathAndQuery};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long a site may take until a connection to it can be used.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may think before its first byte.
const FIRST_BYTE_PATIENCE: Duration = Duration::from_secs(60);
/// Who is trusted, as Debian keeps it.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A site outside did not answer.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The URL names no host.
    #[error("the proxy route's target {to} names no host")]
    NoHost {
        /// The URL.
        to: String,
    },
    /// All its addresses are of the inside.
    #[error("the proxy route's target {host} is not outside: it has no address that a project may reach")]
    Inside {
        /// Its host.
        host: String,
    },
    /// No connection.
    #[error("connecting to {host}: {source}")]
    Connect {
        /// Its host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// A connection, but no answer.
    #[error("waiting for {host} to answer: {source}")]
    Answer {
        /// Its host.
        host: String,
        /// Why.
        source: hyper::Error,
    },
    /// A connection, but no answer in time.
    #[error("waiting for {host} to answer: nothing within {FIRST_BYTE_PATIENCE:?}")]
    TooSlow {
        /// Its host.
        host: String,
    },
}

/// A network of containers, which proxy routes may not lead to: `169.254.64.0/18`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inner {
    network: u32,
    mask: u32,
}

/// It is no network.
#[derive(Debug, thiserror::Error)]
#[error("write an address and a prefix length, such as 169.254.64.0/18")]
pub struct NotANetwork;

impl FromStr for Inner {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (network, prefix) = text.split_once('/').ok_or(NotANetwork)?;
        let network: Ipv4Addr = network.parse().map_err(|_| NotANetwork)?;
        let prefix: u32 = prefix.parse().map_err(|_| NotANetwork)?;
        let mask = u32::MAX.checked_shl(32_u32.checked_sub(prefix).ok_or(NotANetwork)?);
        let mask = mask.unwrap_or(0);
        Ok(Self {
            network: network.to_bits() & mask,
            mask,
        })
    }
}

impl Inner {
    fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask == self.network
    }
}

/// Where a request to a proxy route goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Outside {
    is_tls: bool,
    host: String,
    port: u16,
    /// As the header `Host` has it.
    pub authority: HeaderValue,
    /// What is asked there.
    pub target: PathAndQuery,
}

impl Outside {
    /// What `asked` is at `to`, of a route with this path: a target with a path stands for the route's own.
    ///
    /// # Errors
    /// When `to` names no host.
    pub fn of(to: &str, route: &str, asked: &Uri) -> Result<Self, OutsideError> {
        let no_host = || OutsideError::NoHost { to: to.into() };
        let (start, path) = match to
            .find("://")
            .and_then(|at| to[at + 3..].find('/').map(|end| at + 3 + end))
        {
            Some(end) => to.split_at(end),
            None => (to, ""),
        };
        let uri: Uri = format!("{start}/").parse().map_err(|_| no_host())?;
        let (authority, is_tls) = (
            uri.authority().ok_or_else(no_host)?,
            uri.scheme_str() == Some("https"),
        );
        let whole = asked.path_and_query().map_or("/", PathAndQuery::as_str);
        let below = whole.strip_prefix(route).unwrap_or_else(|| {
            // `/foo` of the route `/foo/`.
            whole.strip_prefix(route.trim_end_matches('/')).unwrap_or(whole)
        });
        let target = match path {
            "" => whole.to_owned(),
            path => format!("{path}{below}"),
        };
        Ok(Self {
            is_tls,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| no_host())?,
            target: target.parse().map_err(|_| no_host())?,
        })
    }

    /// Asks over a connection of its own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        request: Request<Outgoing>,
        inner: &[Inner],
    ) -> Result<Response<Incoming>, OutsideError> {
        let host = || self.host.clone();
        let connected = timeout(CONNECT_PATIENCE, self.connect(inner)).await;
        let stream = connected.unwrap_or_else(|_| {
            let source = io::ErrorKind::TimedOut.into();
            Err(OutsideError::Connect { host: host(), source })
        })?;
        let answer = |source| OutsideError::Answer { host: host(), source };
        if !self.is_tls {
            return self.exchange(stream, request).await?.map_err(answer);
        }
        let refused = |source| OutsideError::Connect { host: host(), source };
        let name = ServerName::try_from(host())
            .map_err(|error: InvalidDnsNameError| refused(io::Error::other(error)))?;
        let connector = TlsConnector::from(trusting().map_err(refused)?);
        let shaken = timeout(CONNECT_PATIENCE, connector.connect(name, stream)).await;
        let stream = shaken
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(refused)?;
        self.exchange(stream, request).await?.map_err(answer)
    }

    async fn connect(&self, inner: &[Inner]) -> Result<TcpStream, OutsideError> {
        let host = || self.host.clone();
        let refused = |source| OutsideError::Connect { host: host(), source };
        let found = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(refused)?;
        // The addresses that were looked at are those that are connected to: a second look-up could say something else.
        let addresses: Vec<SocketAddr> = found.filter(|address| is_outside(address.ip(), inner)).collect();
        if addresses.is_empty() {
            return Err(OutsideError::Inside { host: host() });
        }
        TcpStream::connect(addresses.as_slice()).await.map_err(refused)
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Outgoing>,
    ) -> Result<hyper::Result<Response<Incoming>>, OutsideError> {
        let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
            Ok(shaken) => shaken,
            Err(error) => return Ok(Err(error)),
        };
        tokio::spawn(connection);
        timeout(FIRST_BYTE_PATIENCE, sender.send_request(request))
            .await
            .map_err(|_| OutsideError::TooSlow {
                host: self.host.clone(),
            })
    }
}

/// Whether a project may reach an address through the edge.
fn is_outside(address: IpAddr, inner: &[Inner]) -> bool {
    let address = address.to_canonical();
    let is_special = match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
                || inner.iter().any(|net| net.contains(v4))
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unique_local(),
    };
    !(is_special
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unspecified()
        || is_own(address))
}

/// Whether an address is one of this machine's: then it would be its own client. Nothing is sent for that.
fn is_own(address: IpAddr) -> bool {
    let unspecified: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let client = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    client.is_ok_and(|client| client.ip() == address)
}

fn trusting() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(AUTHORITIES)
        .map_err(|error| io::Error::other(format!("reading {AUTHORITIES}: {error}")))?;
    // Some that the machine trusts may be of a kind that rustls does not know.
    roots.add_parsable_certificates(certificates.flatten());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_with_a_path_stands_for_the_routes_path() {
        for (to, route, asked, target) in [
            ("https://x.test", "/foo/", "/foo/x?y", "/foo/x?y"),
            ("https://x.test/", "/foo/", "/foo/x?y", "/x?y"),
            ("https://x.test/", "/foo/", "/foo", "/"),
            ("https://x.test/bar/", "/foo/", "/foo/x", "/bar/x"),
            ("http://x.test:81/bar/", "/", "/x", "/bar/x"),
        ] {
            let outside = Outside::of(to, route, &asked.parse().unwrap()).unwrap();
            assert_eq!(outside.target.as_str(), target, "{to} {route} {asked}");
        }
    }

    #[test]
    fn host_and_port_are_the_targets() {
        let outside = Outside::of("http://x.test:81/", "/", &Uri::from_static("/")).unwrap();
        assert_eq!((outside.host.as_str(), outside.port), ("x.test", 81));
        assert_eq!(outside.authority, "x.test:81");
        assert!(Outside::of("https://", "/", &Uri::from_static("/")).is_err());
        assert!(Outside::of("https://a b/", "/", &Uri::from_static("/")).is_err());
    }

    #[test]
    fn nothing_of_the_inside_is_outside() {
        let inner = ["10.9.0.0/16".parse().unwrap()];
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.64.2",
            "224.0.0.1",
            "255.255.255.255",
            "10.9.8.7",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00::1",
            "ff02::1",
        ] {
            assert!(!is_outside(inside.parse().unwrap(), &inner), "{inside}");
        }
        assert!(is_outside("192.0.2.1".parse().unwrap(), &inner));
        assert!(is_outside("10.8.0.1".parse().unwrap(), &inner));
    }

    #[test]
    fn networks_are_written_with_a_prefix() {
        let all: Inner = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(Ipv4Addr::new(1, 2, 3, 4)));
        for wrong in ["", "1.2.3.4", "1.2.3.4/33", "x/8", "1.2.3.4/-1"] {
            assert!(wrong.parse::<Inner>().is_err(), "{wrong}");
        }
    }
}
