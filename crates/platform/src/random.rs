//! Random ids and passwords, from the kernel.

use std::{fs::File, io::Read};

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// `length` random lower-case letters and digits: about 5.2 bits each.
///
/// # Panics
/// When `/dev/urandom` cannot be read: a machine on which nothing else works either.
pub fn letters(length: usize) -> String {
    let mut urandom = File::open("/dev/urandom").expect("/dev/urandom exists on every Linux");
    let mut text = String::with_capacity(length);
    let mut bytes = [0u8; 64];
    while text.len() < length {
        urandom.read_exact(&mut bytes).expect("/dev/urandom never ends");
        // Bytes past the last multiple of 36 are dropped, so that every letter is equally likely.
        let letters = bytes
            .iter()
            .filter(|byte| **byte < 252)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 36)]));
        text.extend(letters.take(length - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_have_their_length_and_differ() {
        let (one, other) = (super::letters(56), super::letters(56));
        assert_eq!(one.len(), 56);
        assert_ne!(one, other);
    }
}
