//! Files written whole or not at all, by default for root alone.

use crate::CertificateError;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// Mode of a file with a key.
pub const ROOTS: u32 = 0o600;
/// Mode of a file that whoever wants to trust it reads.
pub const EVERYBODYS: u32 = 0o644;
/// Mode of a directory with keys.
pub const CLOSED: u32 = 0o700;
/// Mode of a directory with a file for everybody.
pub const PASSABLE: u32 = 0o711;

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
pub fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let fresh = path.with_extension("new");
    let put = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    put().map_err(failed("write", path))
}

/// Makes a directory that is not there yet.
pub fn make_directory(path: &Path, mode: u32) -> Result<(), CertificateError> {
    let made = DirBuilder::new().mode(mode).recursive(true).create(path);
    made.map_err(failed("make", path))
}
