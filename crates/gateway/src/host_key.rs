//! The key by which clients know this machine again. Made once, kept for good: a new one would look like an attack.

use anyhow::Context;
use russh::keys::{Algorithm, PrivateKey, ssh_key::LineEnding};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Reads the key of a file, or makes one.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn load(path: &Path) -> anyhow::Result<PrivateKey> {
    match fs::read_to_string(path) {
        Ok(text) => PrivateKey::from_openssh(&text).with_context(|| {
            format!(
                "{} holds no host key: restore it, or remove it for a new one",
                path.display()
            )
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("reading the host key {}", path.display())),
    }
}

fn make(path: &Path) -> anyhow::Result<PrivateKey> {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)?;
    let text = key.to_openssh(LineEnding::LF)?;
    let new = path.with_extension("new");
    let written = || {
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The public half is what one compares at the first connection.
        fs::write(
            path.with_extension("pub"),
            key.public_key().to_openssh().unwrap_or_default() + "\n",
        )?;
        fs::rename(&new, path)
    };
    written().with_context(|| format!("keeping the host key {}", path.display()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_key_is_the_same_the_second_time_and_nobody_elses_to_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host_key");
        let first = load(&path).unwrap();
        let second = load(&path).unwrap();
        assert_eq!(first.public_key(), second.public_key());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, "garbage").unwrap();
        let error = format!("{:#}", load(&path).unwrap_err());
        assert!(error.contains("host_key"), "{error}");
    }
}
