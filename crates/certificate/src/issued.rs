//! Certificates that an authority has issued to this guise, one for each host, and what was agreed with the authority.

use crate::{
    CertificateError, Certified,
    file::{CLOSED, ROOTS, make_directory, read, write},
};
use std::path::{Path, PathBuf};

/// The certificates in one directory.
#[derive(Debug)]
pub struct Issued {
    directory: PathBuf,
}

impl Issued {
    /// Those in `directory`, which need not be there.
    pub fn at(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The one for `host`, expired or not.
    ///
    /// # Errors
    /// [`CertificateError::File`], and those of [`Certified::read`].
    pub fn find(&self, host: &str) -> Result<Option<Certified>, CertificateError> {
        let text = read(&self.file(host))?;
        text.map(|text| Certified::read(&text, &text)).transpose()
    }

    /// Keeps the one for `host` in the place of the former.
    ///
    /// # Errors
    /// [`CertificateError::OtherHost`], [`CertificateError::File`], and those of [`Certified::read`].
    pub fn keep(&self, host: &str, chain: &str, key: &str) -> Result<Certified, CertificateError> {
        let certified = Certified::read(chain, key)?;
        if !certified.covers(host) {
            return Err(CertificateError::OtherHost { host: host.into() });
        }
        self.write(&self.file(host), &format!("{}\n{key}", chain.trim_end()))?;
        Ok(certified)
    }

    /// What was noted under a name: an account, say.
    ///
    /// # Errors
    /// [`CertificateError::File`].
    pub fn note(&self, name: &str) -> Result<Option<String>, CertificateError> {
        read(&self.directory.join(format!("{name}.json")))
    }

    /// Notes something, for root alone.
    ///
    /// # Errors
    /// [`CertificateError::File`].
    pub fn keep_note(&self, name: &str, text: &str) -> Result<(), CertificateError> {
        self.write(&self.directory.join(format!("{name}.json")), text)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), CertificateError> {
        make_directory(&self.directory, CLOSED)?;
        write(path, text, ROOTS)
    }

    /// Hosts have no slash, as URLs go.
    fn file(&self, host: &str) -> PathBuf {
        self.directory.join(format!("{}.pem", host.replace('/', "_")))
    }
}
