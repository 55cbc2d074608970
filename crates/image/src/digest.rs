//! Hashes that name things.

use crate::ImageError;
use guise_model::ImageDigest;
use sha2::{Digest, Sha256, Sha512};
use std::{fs::File, io::Read, path::Path};

/// Large enough that the hash, not the system call, is what takes the time.
const BLOCK: usize = 1 << 18;

/// The digest of a file's content.
pub(crate) fn of_file(file: &mut File, path: &Path) -> Result<ImageDigest, ImageError> {
    Ok(ImageDigest::new(sha256(file, path)?).expect("a SHA-256 is 64 hexadecimal digits"))
}

/// A file's SHA-256.
pub(crate) fn sha256(file: &mut File, path: &Path) -> Result<String, ImageError> {
    hash_file(Sha256::new(), file, path)
}

/// A file's SHA-512.
pub(crate) fn sha512(file: &mut File, path: &Path) -> Result<String, ImageError> {
    hash_file(Sha512::new(), file, path)
}

fn hash_file(mut hash: impl Digest, file: &mut File, path: &Path) -> Result<String, ImageError> {
    let mut block = vec![0; BLOCK];
    loop {
        let length = file.read(&mut block).map_err(ImageError::file("read", path))?;
        if length == 0 {
            break;
        }
        hash.update(&block[..length]);
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// The hash of some texts, none of which can be mistaken for the end of another.
pub(crate) fn of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_be_shifted_into_each_other() {
        assert_ne!(of_texts(["ab", "c"]), of_texts(["a", "bc"]));
        assert_eq!(of_texts(["a"]).len(), 64);
    }
}
