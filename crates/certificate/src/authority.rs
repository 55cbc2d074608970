//! The local authority: signs for the hosts of one domain, and is trusted by whoever was told to.
//!
//! Its key never leaves the state directory, and a name constraint (RFC 5280, 4.2.1.10) keeps it from signing for any
//! other domain: who trusts it risks no more than these hosts.

use crate::{
    CertificateError, Certified,
    file::{EVERYBODYS, PASSABLE, ROOTS, make_directory, read, write},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How long a leaf is valid; browsers accept 825 days at most from an authority that a person has added.
const LEAF_DAYS: u64 = 397;
/// A leaf is made anew this long before it expires.
const RENEW: Duration = Duration::from_secs(30 * 24 * 3600);

/// A local authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    path: PathBuf,
    /// What was signed since the start, by host: signing anew would make every start look like a change.
    leaves: Mutex<HashMap<String, Certified>>,
}

impl Authority {
    /// Reads the authority for `domain` in `directory`, or makes it.
    ///
    /// # Errors
    /// [`CertificateError::File`], [`CertificateError::Make`], [`CertificateError::Unreadable`].
    pub fn open(directory: &Path, domain: &str) -> Result<Self, CertificateError> {
        make_directory(directory, PASSABLE)?;
        let path = directory.join(format!("{domain}.pem"));
        let key_path = directory.join(format!("{domain}.key"));
        let (certificate, key) = match (read(&path)?, read(&key_path)?) {
            (Some(certificate), Some(key)) => (certificate, key),
            _ => {
                let made = make(domain).map_err(failed(domain))?;
                // The key first: a certificate without its key would be taken for half of an authority.
                write(&key_path, &made.1, ROOTS)?;
                write(&path, &made.0, EVERYBODYS)?;
                made
            }
        };
        let key = KeyPair::from_pem(&key).map_err(failed(domain))?;
        Ok(Self {
            issuer: Issuer::new(parameters(domain).map_err(failed(domain))?, key),
            certificate,
            path,
            leaves: Mutex::default(),
        })
    }

    /// Its certificate as PEM: what is to be trusted.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Where its certificate is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A certificate for `host`: the one it was given before, unless that expires soon.
    ///
    /// # Errors
    /// [`CertificateError::Make`].
    pub fn certify(&self, host: &str) -> Result<Certified, CertificateError> {
        // Each change is one call on the map.
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(host).filter(|leaf| leaf.remaining() > RENEW) {
            return Ok(leaf.clone());
        }
        let (chain, key) = self.sign(host).map_err(failed(host))?;
        let leaf = Certified::read(&chain, &key)?;
        leaves.insert(host.into(), leaf.clone());
        Ok(leaf)
    }

    fn sign(&self, host: &str) -> Result<(String, String), rcgen::Error> {
        let mut parameters = CertificateParams::new([host.to_owned()])?;
        parameters.distinguished_name.push(DnType::CommonName, "guise");
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let now = std::time::SystemTime::now();
        // A day back, for clients whose clock is late.
        parameters.not_before = (now - Duration::from_secs(24 * 3600)).into();
        parameters.not_after = (now + Duration::from_secs(LEAF_DAYS * 24 * 3600)).into();
        let key = KeyPair::generate()?;
        let leaf = parameters.signed_by(&key, &self.issuer)?;
        Ok((leaf.pem(), key.serialize_pem()))
    }
}

fn failed(host: &str) -> impl FnOnce(rcgen::Error) -> CertificateError {
    move |source| CertificateError::Make {
        host: host.into(),
        source,
    }
}

fn make(domain: &str) -> Result<(String, String), rcgen::Error> {
    let issuer = CertifiedIssuer::self_signed(parameters(domain)?, KeyPair::generate()?)?;
    Ok((issuer.pem(), issuer.key().serialize_pem()))
}

/// The same each time, so that what is signed names the authority as its certificate does.
fn parameters(domain: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.into())],
        excluded_subtrees: Vec::new(),
    });
    let name = format!("guise, for {domain} on this machine");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2060, 1, 1);
    Ok(parameters)
}
