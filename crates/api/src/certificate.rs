//! Certificates.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A certificate that was brought for a project. Its key is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// The beginning of its SHA-256.
    pub id: String,
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// Who has issued it.
    pub issuer: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
    /// The certificate and the chain to its issuer, as PEM.
    pub chain: String,
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
