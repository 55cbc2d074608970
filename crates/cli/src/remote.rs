//! A daemon of another machine: reached by TLS, and told by a token who comes.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Where a daemon is and what it is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The token that tells who comes.
    pub token: String,
    /// Certificates to trust besides the machine's, as PEM.
    #[serde(default)]
    pub authority: Option<String>,
}

/// The token is nobody's to print.
impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Reads `https://HOST[:PORT]`; `None` when it is something else.
    pub fn at(url: &str, token: String, authority: Option<String>) -> Option<Self> {
        let uri: http::Uri = url.parse().ok()?;
        let is_bare = uri.path() == "/" && uri.query().is_none();
        if uri.scheme_str() != Some("https") || !is_bare {
            return None;
        }
        Some(Self {
            host: uri.host()?.to_owned(),
            port: uri.port_u16().unwrap_or(443),
            token,
            authority,
        })
    }

    /// As it is written.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.host, self.port)
    }

    /// Connects.
    ///
    /// # Errors
    /// With `InvalidData` inside when the daemon's certificate is not trusted.
    pub async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        // These names are one's own machine (RFC 6761, 6.3), which not every resolver knows.
        let address = if bare.ends_with(".localhost") {
            "localhost"
        } else {
            bare
        };
        let stream = TcpStream::connect((address, self.port)).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::new(self.tls()?));
        connector.connect(name, stream).await
    }

    fn tls(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        // A machine without certificates can still trust those that it was given.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in
            CertificateDer::pem_slice_iter(self.authority.as_deref().unwrap_or_default().as_bytes())
        {
            roots
                .add(certificate.map_err(io::Error::other)?)
                .map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_https_url_names_a_daemon() {
        let at = |url| Remote::at(url, "secret".into(), None).map(|remote| remote.url());
        assert_eq!(
            at("https://guise.example.org").as_deref(),
            Some("https://guise.example.org:443")
        );
        assert_eq!(
            at("https://10.0.0.1:8443/").as_deref(),
            Some("https://10.0.0.1:8443")
        );
        for url in [
            "http://guise.example.org",
            "https://a/b",
            "https://a/?b",
            "guise.example.org",
            "",
        ] {
            assert_eq!(at(url), None, "{url}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let remote = Remote::at("https://a", "secret".into(), None).unwrap();
        assert!(!format!("{remote:?}").contains("secret"));
    }
}
