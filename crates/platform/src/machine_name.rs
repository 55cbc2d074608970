//! The name of an environment in URLs: `<sanitised branch>-<hash>` (spec 3.2).

use sha2::{Digest, Sha256};

/// Longest sanitised branch part, so that `<machine name>-<project id>` stays within a DNS label (63 bytes):
/// 63 − 1 − 13 (project id) − 1 − 7 (hash).
const LONGEST_BRANCH_PART: usize = 41;

/// The machine name of a branch: lower case, runs of other characters as one `-`, then seven base32 digits of
/// the branch name's SHA-256, which keep `a/b` and `a-b` apart.
pub fn machine_name(branch: &str) -> String {
    let mut part = String::with_capacity(branch.len());
    for character in branch.chars() {
        if character.is_ascii_alphanumeric() {
            part.push(character.to_ascii_lowercase());
        } else if !part.is_empty() && !part.ends_with('-') {
            part.push('-');
        }
    }
    part.truncate(LONGEST_BRANCH_PART);
    let part = part.trim_end_matches('-');
    let hash = hash(branch);
    if part.is_empty() {
        hash
    } else {
        format!("{part}-{hash}")
    }
}

/// The first four bytes of the SHA-256, as lower-case base32 (RFC 4648) without padding: seven digits.
fn hash(branch: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(branch.as_bytes());
    let bits = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let bits = u64::from(bits) << 3; // 32 bits padded to the 35 of seven digits
    (0..7)
        .rev()
        .map(|digit| char::from(ALPHABET[(bits >> (digit * 5) & 31) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_published_hosts() {
        for (branch, expected) in [
            ("master", "master-7rqtwti"),
            ("main", "main-bvxea6i"),
            ("staging", "staging-5em2ouy"),
            ("develop", "develop-sr3snxi"),
            ("dev", "dev-54ta5gq"),
        ] {
            assert_eq!(machine_name(branch), expected);
        }
    }

    #[test]
    fn any_branch_gives_a_part_of_a_dns_label() {
        for branch in [
            "feature/Überweisung 2",
            "---",
            "ß",
            &"very-long-".repeat(20),
            "a/b",
        ] {
            let name = machine_name(branch);
            assert!(name.len() <= 49, "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert!(!name.starts_with('-') && !name.contains("--"), "{name}");
        }
        assert_ne!(machine_name("a/b"), machine_name("a-b"));
    }
}
