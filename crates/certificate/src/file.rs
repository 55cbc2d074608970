//! Files that only root reads, written whole or not at all.

use crate::CertificateError;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Names the operation and the file of an I/O error.
pub fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CertificateError {
    move |source| CertificateError::File {
        operation,
        path: path.into(),
        source,
    }
}

/// The file's text; `None` if there is none.
pub fn read(path: &Path) -> Result<Option<String>, CertificateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Puts `text` in the file's place: a reader finds the former text or this.
pub fn write(path: &Path, text: &str) -> Result<(), CertificateError> {
    let fresh = path.with_extension("new");
    let put = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    put().map_err(failed("write", path))
}

/// Makes a directory that is closed to others.
pub fn make_directory(path: &Path) -> Result<(), CertificateError> {
    let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
    made.map_err(failed("make", path))
}
