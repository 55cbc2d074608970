//! What of a password is kept: PBKDF2 with HMAC-SHA-256 (RFC 8018), salted.

use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive, verify};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// How often it is hashed. A few milliseconds: the edge does it once per user, and one guess at a time.
const ROUNDS: NonZeroU32 = NonZeroU32::new(20_000).expect("it is not zero");

/// A password's salted hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    rounds: NonZeroU32,
    salt: String,
    hash: [u8; 32],
}

impl PasswordHash {
    /// Hashes a password. The salt is a random text, another one for each password.
    pub fn new(password: &str, salt: String) -> Self {
        let mut hash = [0; 32];
        derive(
            PBKDF2_HMAC_SHA256,
            ROUNDS,
            salt.as_bytes(),
            password.as_bytes(),
            &mut hash,
        );
        Self {
            rounds: ROUNDS,
            salt,
            hash,
        }
    }

    /// Whether it is this password's. Takes milliseconds, and as long for a wrong one.
    pub fn is_of(&self, password: &str) -> bool {
        verify(
            PBKDF2_HMAC_SHA256,
            self.rounds,
            self.salt.as_bytes(),
            password.as_bytes(),
            &self.hash,
        )
        .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_opens() {
        let hash = PasswordHash::new("opensesame", "salt".into());
        assert!(hash.is_of("opensesame"));
        assert!(!hash.is_of("opensesam") && !hash.is_of(""));
    }

    #[test]
    fn the_same_password_is_kept_in_another_way_each_time() {
        assert_ne!(
            PasswordHash::new("a", "1".into()),
            PasswordHash::new("a", "2".into())
        );
        let kept = serde_json::to_string(&PasswordHash::new("opensesame", "1".into())).unwrap();
        assert!(!kept.contains("opensesame"));
    }
}
