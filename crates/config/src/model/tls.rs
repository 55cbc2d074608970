//! What a route asks of TLS (spec 3.6).

use serde::{Deserialize, Serialize};

/// TLS settings of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteTls {
    /// The oldest version that is spoken.
    pub min_version: Option<TlsVersion>,
    /// Whether browsers shall never ask by plain HTTP again.
    pub strict_transport_security: StrictTransportSecurity,
    /// Whether clients show a certificate.
    pub client_authentication: Option<ClientAuthentication>,
    /// Who may have issued it, as PEM.
    pub client_certificate_authorities: Vec<String>,
}

impl RouteTls {
    /// Whether it asks for the same handshake: all routes of a host share it.
    pub fn shakes_hands_like(&self, other: &Self) -> bool {
        self.min_version == other.min_version
            && self.client_authentication == other.client_authentication
            && self.client_certificate_authorities == other.client_certificate_authorities
    }
}

/// The header `Strict-Transport-Security` (RFC 6797). What is absent was not written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrictTransportSecurity {
    /// Whether it is sent.
    pub enabled: Option<bool>,
    /// Whether it is for all hosts below, too.
    pub include_subdomains: Option<bool>,
    /// Whether browsers may know the host beforehand.
    pub preload: Option<bool>,
}

/// A version of TLS. Older ones are not spoken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    /// The number that stands for it in TLS itself, and in `PLATFORM_ROUTES`.
    pub fn number(self) -> u16 {
        match self {
            Self::Tls12 => 0x303,
            Self::Tls13 => 0x304,
        }
    }
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// They may.
    Request,
    /// They must.
    Require,
}
