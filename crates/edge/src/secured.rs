//! One host's side of TLS: its certificate, and what it asks of clients.

use guise_api::edge::{ClientAuthentication, SecureHost, Terms, TlsVersion};
use rustls::pki_types::pem::PemObject;
use rustls::{
    ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring, ring::sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, pem},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};
use std::sync::Arc;

/// What a host is served with.
#[derive(Debug)]
pub struct Secured {
    /// What it asks of clients.
    pub terms: Terms,
    /// The rest.
    pub config: Arc<ServerConfig>,
}

impl Secured {
    /// Reads a certificate, its key and its terms.
    ///
    /// # Errors
    /// What of them cannot be used.
    pub fn new(host: &SecureHost) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&host.chain)?;
        let key = PrivateKeyDer::from_pem_slice(host.key.as_bytes()).map_err(unreadable)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions(host.terms.min_version))?;
        let builder = match host.terms.client_authentication {
            None => builder.with_no_client_auth(),
            Some(how) => builder.with_client_cert_verifier(verifier(how, &host.terms, provider)?),
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Tickets of the host's own: one that was given on other terms opens nothing here. Nothing is kept per client.
        config.ticketer = ring::Ticketer::new()?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            terms: host.terms.clone(),
            config: Arc::new(config),
        })
    }
}

/// A certificate and its key, ready for whoever comes. That they belong together is not looked at: rustls would not read
/// a proof, whose extension is a critical one that it does not know.
///
/// # Errors
/// What of them cannot be used.
pub fn ready(chain: &str, key: &str) -> Result<ServerConfig, rustls::Error> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unreadable)?;
    let certified = CertifiedKey::new(certificates(chain)?, any_supported_type(&key)?);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(ALL_VERSIONS)?
        .with_no_client_auth();
    Ok(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
}

/// rustls speaks nothing older than TLS 1.2.
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::Tls12 => ALL_VERSIONS,
        TlsVersion::Tls13 => ONLY_TLS13,
    }
}

fn verifier(
    how: ClientAuthentication,
    terms: &Terms,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let mut authorities = RootCertStore::empty();
    for authority in &terms.client_authorities {
        for certificate in certificates(authority)? {
            authorities.add(certificate)?;
        }
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
    let builder = match how {
        ClientAuthentication::Require => builder,
        ClientAuthentication::Request => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| {
        rustls::Error::General(format!("the authorities of clients cannot be used: {error}"))
    })
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, rustls::Error> {
    CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(unreadable)
}

fn unreadable(error: pem::Error) -> rustls::Error {
    rustls::Error::General(format!("what should be PEM cannot be read: {error}"))
}
