//! The certificate that is shown to an authority to prove that a host is ours (RFC 8737, 3).

use crate::CertificateError;
use rcgen::{CertificateParams, CustomExtension, KeyPair};

/// One for `host` with the digest that the authority expects; chain and key as PEM.
///
/// # Errors
/// [`CertificateError::Make`].
pub fn proof(host: &str, digest: &[u8]) -> Result<(String, String), CertificateError> {
    let make = || {
        let mut parameters = CertificateParams::new([host.to_owned()])?;
        parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        Ok((certificate.pem(), key.serialize_pem()))
    };
    make().map_err(|source| CertificateError::Make {
        host: host.into(),
        source,
    })
}
