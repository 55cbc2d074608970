//! Certificates.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A certificate of a project's hosts, or one that an authority is asked for. Its key is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// The beginning of its SHA-256; empty as long as there is none.
    pub id: String,
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// Where it comes from.
    pub source: CertificateSource,
    /// Who has issued it; empty as long as there is none.
    pub issuer: String,
    /// When it expires, RFC 3339; empty as long as there is none.
    pub expires_at: String,
    /// What is wrong, and when it is tried again.
    pub problem: Option<String>,
    /// The certificate and the chain to its issuer, as PEM.
    pub chain: String,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// Somebody has brought it.
    Brought,
    /// An authority has issued it to this guise, or will (ACME).
    Acme,
}

impl CertificateSource {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Brought => "brought",
            Self::Acme => "acme",
        }
    }
}

/// Bring a certificate.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AddCertificate {
    /// The certificate and the chain to its issuer, as PEM.
    pub chain: String,
    /// Its key, as PEM.
    pub key: String,
}

/// The key is nobody's to print.
impl std::fmt::Debug for AddCertificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AddCertificate").finish_non_exhaustive()
    }
}

/// The local certificate authority, which signs for generated hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Authority {
    /// The domain that it signs for, and no other.
    pub domain: String,
    /// Where its certificate is, on the daemon's machine.
    pub path: String,
    /// Its certificate, as PEM.
    pub certificate: String,
    /// Whether the edge speaks TLS at all.
    pub is_used: bool,
}
