//! Certificates: the local authority that signs for generated hosts, and those that people bring.
//!
//! Knows keys, certificates, the hosts they are for, and the files they are kept in. It
//! must never know projects, routes or the edge: who needs a certificate asks for it by host.

#![forbid(unsafe_code)]

mod authority;
mod brought;
mod certified;
mod file;
mod issued;
mod proof;

pub use authority::Authority;
pub use brought::Brought;
pub use certified::Certified;
pub use issued::Issued;
pub use proof::proof;

use std::{io, path::PathBuf};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file of ours cannot be used.
    #[error("cannot {operation} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What the local authority should have signed, or its own certificate.
    #[error("cannot make a certificate for {host}: {source}")]
    Make {
        /// Its host.
        host: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// Text that holds no certificate.
    #[error("{what} cannot be read: {reason}; give it as PEM, the text that begins with -----BEGIN")]
    Unreadable {
        /// The certificate or the key.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A key that belongs to another certificate.
    #[error(
        "the key does not belong to the certificate: give the key that the certificate was requested with"
    )]
    OtherKey,
    /// A certificate that is for somebody else.
    #[error("the certificate is not for {host}")]
    OtherHost {
        /// The host that it should be for.
        host: String,
    },
    /// A certificate that is for nobody.
    #[error("the certificate names no host (subjectAltName): browsers would refuse it")]
    NoHost,
    /// A certificate that nobody would accept.
    #[error("the certificate has expired: ask its issuer for a new one")]
    Expired,
}
