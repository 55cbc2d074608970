//! Public SSH keys as people have them in files (authorized_keys(5), RFC 4253 section 6.6).

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest, Sha256};

/// Algorithms that are taken. DSA and RSA below 2048 bits are broken; certificates are not read.
const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];
/// A key of RSA with 16384 bits, the most that OpenSSH makes, has some 2100 bytes.
const LONGEST: usize = 4096;
const LEAST_RSA_BITS: usize = 2048;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    algorithm: &'static str,
    blob: Vec<u8>,
    comment: String,
}

/// Text that is no key that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no public SSH key: {reason}")]
pub struct InvalidSshKey {
    /// Why not.
    pub reason: String,
}

fn invalid(reason: impl Into<String>) -> InvalidSshKey {
    InvalidSshKey {
        reason: reason.into(),
    }
}

impl SshKey {
    /// Reads a line of a `.pub` file: algorithm, key, comment. Options before it are not taken.
    ///
    /// # Errors
    /// [`InvalidSshKey`] says what is wrong.
    pub fn read(text: &str) -> Result<Self, InvalidSshKey> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            return Err(invalid(
                "it is a private one, which belongs to you alone: give the file that ends with .pub",
            ));
        }
        if text.lines().count() != 1 {
            return Err(invalid("one line is wanted: `ssh-ed25519 AAAA… comment`"));
        }
        let mut words = text.splitn(3, [' ', '\t']).map(str::trim);
        let (Some(named), Some(encoded)) = (words.next(), words.next()) else {
            return Err(invalid("one line is wanted: `ssh-ed25519 AAAA… comment`"));
        };
        let algorithm = ALGORITHMS
            .into_iter()
            .find(|known| *known == named)
            .ok_or_else(|| {
                invalid(format!(
                    "its algorithm is {named:?}, not one of {}",
                    ALGORITHMS.join(", ")
                ))
            })?;
        let blob = BASE64_STANDARD
            .decode(encoded)
            .map_err(|error| invalid(format!("its second word is not base64: {error}")))?;
        check(algorithm, &blob)?;
        let comment = words.next().unwrap_or_default();
        Ok(Self {
            algorithm,
            blob,
            comment: comment.chars().filter(|letter| !letter.is_control()).collect(),
        })
    }

    /// What OpenSSH shows of it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        format!(
            "SHA256:{}",
            BASE64_STANDARD_NO_PAD.encode(Sha256::digest(&self.blob))
        )
    }

    /// Whose it says it is.
    pub fn comment(&self) -> &str {
        &self.comment
    }
}

/// Algorithm and key, without the comment.
impl std::fmt::Display for SshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.algorithm, BASE64_STANDARD.encode(&self.blob))
    }
}

/// That a key is what its algorithm says: strings, each with its length in four bytes before it (RFC 4251 section 5).
fn check(algorithm: &str, blob: &[u8]) -> Result<(), InvalidSshKey> {
    let truncated = || invalid("it is cut off");
    if blob.len() > LONGEST {
        return Err(invalid("it is too long"));
    }
    let (name, mut rest) = string(blob).ok_or_else(truncated)?;
    if name != algorithm.as_bytes() {
        return Err(invalid("its two words are of different algorithms"));
    }
    let mut last = name;
    while !rest.is_empty() {
        (last, rest) = string(rest).ok_or_else(truncated)?;
    }
    if last == name {
        return Err(truncated());
    }
    // The last part of a key of RSA is its modulus, with a zero before it where the first bit is set.
    let bits = last.iter().skip_while(|byte| **byte == 0).count() * 8;
    if algorithm == "ssh-rsa" && bits < LEAST_RSA_BITS {
        return Err(invalid(format!(
            "RSA takes {LEAST_RSA_BITS} bits, and it has {bits}"
        )));
    }
    Ok(())
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8ZC2pJmXcD0dYt3cV0lq3RZyQe0u5iV6kq3mFqgQxJ ada@example.org";

    #[test]
    fn a_key_is_read_with_its_comment() {
        let key = SshKey::read(&format!("  {ED25519}\n")).unwrap();
        assert_eq!(key.comment(), "ada@example.org");
        assert_eq!(
            SshKey::read(&key.to_string()).unwrap().fingerprint(),
            key.fingerprint()
        );
    }

    #[test]
    fn what_is_no_usable_key_is_refused_with_the_reason() {
        let small = |bits: usize| {
            let mut blob = Vec::new();
            for part in [b"ssh-rsa".to_vec(), vec![1, 0, 1], vec![0xff; bits / 8]] {
                blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
                blob.extend(part);
            }
            format!("ssh-rsa {}", BASE64_STANDARD.encode(blob))
        };
        assert!(SshKey::read(&small(2048)).is_ok());
        let weak = small(1024);
        for (text, reason) in [
            ("", "one line"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "private"),
            ("ssh-dss AAAA", "algorithm"),
            ("command=\"x\" ssh-ed25519 AAAA", "algorithm"),
            ("ssh-ed25519 %%%", "base64"),
            ("ssh-ed25519 AAAA", "cut off"),
            (&ED25519.replace("ssh-ed25519 ", "ssh-rsa "), "different"),
            (&weak, "2048 bits"),
        ] {
            let error = SshKey::read(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/=]{0,64}.{0,8}") {
            let _ = SshKey::read(&text);
        }
    }
}
