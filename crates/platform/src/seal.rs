//! What the database must not show: sealed with a key that is not in the database.
//!
//! The key is a file beside the database, which only root reads. So a copy of the database alone (a backup of it, a
//! support bundle) shows no secret; whoever reads the state directory as root has both. XChaCha20-Poly1305, whose nonce
//! is long enough to be drawn at random each time.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why something cannot be sealed or read.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key cannot be read or made.
    #[error("cannot {operation} the key {path} of what the database seals: {source}")]
    KeyFile {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The key has another length: it is cut off, or no key.
    #[error("the key {path} has {found} bytes, not 32: put back the one that the database was written with")]
    KeyLength {
        /// The file.
        path: PathBuf,
        /// How long it is.
        found: usize,
    },
    /// What is sealed was sealed with another key, for something else, or was changed.
    #[error("the sealed {about} cannot be opened with this key: put back the one that it was sealed with")]
    Broken {
        /// What it is of.
        about: String,
    },
}

/// The key.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
}

impl Seal {
    /// Reads the key, or makes one where there is none.
    ///
    /// # Errors
    /// [`SealError::KeyFile`], [`SealError::KeyLength`].
    pub(crate) fn open(path: &Path) -> Result<Self, SealError> {
        let failed = |operation| {
            move |source| SealError::KeyFile {
                operation,
                path: path.into(),
                source,
            }
        };
        let key = match File::open(path) {
            Ok(mut file) => {
                let mut key = Vec::new();
                file.read_to_end(&mut key).map_err(failed("read"))?;
                key
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = random::<KEY_BYTES>().map_err(failed("draw"))?;
                write_whole(path, &key).map_err(failed("make"))?;
                key.to_vec()
            }
            Err(error) => return Err(failed("read")(error)),
        };
        let cipher = XChaCha20Poly1305::new_from_slice(&key).map_err(|_| SealError::KeyLength {
            path: path.into(),
            found: key.len(),
        })?;
        Ok(Self { cipher })
    }

    /// Seals a value. Only with the same `about` is it opened again, so no sealed value can take another's place.
    ///
    /// # Panics
    /// When `/dev/urandom` cannot be read, or for a value of more than 256 GB.
    pub(crate) fn seal(&self, about: &str, value: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE_BYTES>().expect("/dev/urandom exists on every Linux");
        let payload = Payload {
            msg: value,
            aad: about.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("the cipher takes values of up to 256 GB");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`SealError::Broken`].
    pub(crate) fn unseal(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let open = || {
            let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
            let aad = about.as_bytes();
            self.cipher
                .decrypt(&XNonce::from(*nonce), Payload { msg, aad })
                .ok()
        };
        open().ok_or_else(|| SealError::Broken { about: about.into() })
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that is there only once it is whole, for its owner only. Its directory is synced too: a key that a
/// power cut takes away after something was sealed with it would be a loss for good.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_for_what_it_is_of() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let seal = Seal::open(&path).unwrap();
        let sealed = seal.seal("a", b"secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(
            Seal::open(&path).unwrap().unseal("a", &sealed).unwrap(),
            b"secret"
        );
        assert!(seal.unseal("b", &sealed).is_err());
        assert!(seal.unseal("a", &sealed[..10]).is_err());
        let other = Seal::open(&directory.path().join("other")).unwrap();
        assert!(other.unseal("a", &sealed).is_err());
    }

    #[test]
    fn the_key_is_for_its_owner_only_and_a_cut_off_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        drop(Seal::open(&path).unwrap());
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(
            (metadata.permissions().mode() & 0o777, metadata.len()),
            (0o600, 32)
        );
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(
            Seal::open(&path),
            Err(SealError::KeyLength { found: 5, .. })
        ));
    }
}
