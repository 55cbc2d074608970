//! A certificate with its key, read and found to belong together.

use crate::CertificateError;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time};

/// A certificate, the chain to its issuer, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Certified {
    /// The chain as PEM, its own certificate first.
    pub chain: String,
    /// The key as PEM.
    pub key: String,
    /// The hosts it is for, in lower case; a wildcard is `*.example.com`.
    pub hosts: Vec<String>,
    /// Who has issued it.
    pub issuer: String,
    /// Since when it is valid.
    pub begins: SystemTime,
    /// When it expires.
    pub expires: SystemTime,
    /// The beginning of its SHA-256, in hexadecimal: what people call it by.
    pub id: String,
}

/// The key is nobody's to print.
impl std::fmt::Debug for Certified {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Certified")
            .field("id", &self.id)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl Certified {
    /// Reads a chain and a key.
    ///
    /// # Errors
    /// [`CertificateError::Unreadable`], [`CertificateError::OtherKey`], [`CertificateError::NoHost`].
    pub fn read(chain: &str, key: &str) -> Result<Self, CertificateError> {
        let certificates = certificates(chain)?;
        let private = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| unreadable("the key", &error))
            .and_then(|key| any_supported_type(&key).map_err(|error| unreadable("the key", &error)))?;
        let leaf = certificates
            .first()
            .cloned()
            .ok_or_else(|| unreadable("the certificate", &"it is empty"))?;
        CertifiedKey::new(certificates, private)
            .keys_match()
            .map_err(|_| CertificateError::OtherKey)?;
        let (_, parsed) =
            X509Certificate::from_der(&leaf).map_err(|error| unreadable("the certificate", &error))?;
        let hosts = hosts(&parsed);
        if hosts.is_empty() {
            return Err(CertificateError::NoHost);
        }
        let validity = parsed.validity();
        let digest = Sha256::digest(&leaf);
        Ok(Self {
            chain: chain.into(),
            key: key.into(),
            hosts,
            issuer: parsed.issuer().to_string(),
            begins: time(&validity.not_before),
            expires: time(&validity.not_after),
            id: digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// Whether it is for `host`. A wildcard stands for exactly one label (RFC 9525, 6.3).
    pub fn covers(&self, host: &str) -> bool {
        let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let named = |known: &String| known == host || Some(known) == wildcard.as_ref();
        self.hosts.iter().any(named)
    }

    /// How long it is still valid; zero if it no longer is.
    pub fn remaining(&self) -> Duration {
        self.expires.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

fn time(time: &ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn certificates(chain: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable("the certificate", &error))
}

/// Only names of the extension: clients have not looked at the subject for years.
fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let dns = names.unwrap_or_default().iter().filter_map(|name| match name {
        GeneralName::DNSName(host) => Some(host.to_lowercase()),
        _ => None,
    });
    dns.collect()
}

fn unreadable(what: &'static str, reason: &dyn std::fmt::Display) -> CertificateError {
    CertificateError::Unreadable {
        what,
        reason: reason.to_string(),
    }
}
