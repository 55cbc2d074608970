//! Certificates that people bring: a file for each, chain and key together, in a directory of one owner.

use crate::{
    CertificateError, Certified,
    file::{CLOSED, ROOTS, failed, make_directory, read, write},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The certificates in one directory.
#[derive(Debug)]
pub struct Brought {
    directory: PathBuf,
}

impl Brought {
    /// Those in `directory`, which need not be there.
    pub fn at(directory: &Path) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Keeps a chain and its key. The same once more changes nothing.
    ///
    /// # Errors
    /// Those of [`Certified::read`], [`CertificateError::Expired`], [`CertificateError::File`].
    pub fn add(&self, chain: &str, key: &str) -> Result<Certified, CertificateError> {
        let certified = Certified::read(chain, key)?;
        if certified.remaining().is_zero() {
            return Err(CertificateError::Expired);
        }
        make_directory(&self.directory, CLOSED)?;
        let whole = format!("{}\n{key}", chain.trim_end());
        write(&self.file(&certified.id), &whole, ROOTS)?;
        Ok(certified)
    }

    /// All of them, by id.
    ///
    /// # Errors
    /// [`CertificateError::File`], and those of [`Certified::read`].
    pub fn list(&self) -> Result<Vec<Certified>, CertificateError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &self.directory)(error)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed("list", &self.directory))?.path();
            if path.extension().is_some_and(|extension| extension == "pem")
                && let Some(text) = read(&path)?
            {
                all.push(Certified::read(&text, &text)?);
            }
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    /// The one for `host` that is valid for longest.
    ///
    /// # Errors
    /// Those of [`list`](Self::list).
    pub fn find(&self, host: &str) -> Result<Option<Certified>, CertificateError> {
        let all = self.list()?.into_iter();
        Ok(all
            .filter(|certified| certified.covers(host) && !certified.remaining().is_zero())
            .max_by_key(|certified| certified.expires))
    }

    /// Forgets one; answers it, if there was one.
    ///
    /// # Errors
    /// [`CertificateError::File`].
    pub fn delete(&self, id: &str) -> Result<Option<Certified>, CertificateError> {
        let found = self.list()?.into_iter().find(|certified| certified.id == id);
        if let Some(certified) = &found {
            let path = self.file(&certified.id);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(found)
    }

    fn file(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.pem"))
    }
}
