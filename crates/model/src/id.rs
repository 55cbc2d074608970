//! Identifiers as types, each with the characters it may have.
//!
//! An id ends up in paths, link names, cgroup names and URLs, so every one is checked when it is made and is
//! harmless from then on: no slash, no dot at the start, no upper case, no whitespace.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Text that is not a valid id of the named kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    /// Which kind of id was wanted, as a person would say it (`project id`).
    pub kind: &'static str,
    /// What was given.
    pub given: String,
    /// What is allowed, as a person would say it.
    pub allowed: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a {}: {}", self.given, self.kind, self.allowed)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a text.
            ///
            /// # Errors
            /// [`InvalidId`] says what is allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { kind: $kind, given: text, allowed: $allowed })
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

fn lower_alphanumeric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

id! {
    /// A project: 13 lower-case letters or digits, as on Platform.sh.
    ProjectId, "project id", "13 lower-case letters or digits",
    |t| t.len() == 13 && lower_alphanumeric(t)
}

id! {
    /// A container of one node: 12 lower-case letters or digits, never reused.
    ///
    /// Short enough that a link name (15 bytes at most, `IFNAMSIZ`) can carry it whole after a two-letter prefix.
    ContainerId, "container id", "12 lower-case letters or digits",
    |t| t.len() == 12 && lower_alphanumeric(t)
}

id! {
    /// A volume: a btrfs subvolume of the pool. 1 to 63 of `a-z 0-9 -`, starting with a letter or digit.
    VolumeId, "volume id", "1 to 63 of a-z, 0-9 and -, starting with a letter or digit",
    |t| (1..=63).contains(&t.len()) && !t.starts_with('-')
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

id! {
    /// A frozen image: the SHA-256 of its squashfs file, 64 lower-case hexadecimal digits.
    ImageDigest, "image digest", "64 lower-case hexadecimal digits",
    |t| t.len() == 64 && t.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

id! {
    /// An activity: 13 lower-case letters or digits.
    ActivityId, "activity id", "13 lower-case letters or digits",
    |t| t.len() == 13 && lower_alphanumeric(t)
}

id! {
    /// A deployment: 13 lower-case letters or digits.
    DeploymentId, "deployment id", "13 lower-case letters or digits",
    |t| t.len() == 13 && lower_alphanumeric(t)
}

id! {
    /// A backup: 13 lower-case letters or digits.
    BackupId, "backup id", "13 lower-case letters or digits",
    |t| t.len() == 13 && lower_alphanumeric(t)
}

id! {
    /// The name of an app, worker, service, relationship or endpoint in a configuration file:
    /// `[a-z0-9][a-z0-9_-]*`, 63 bytes at most (spec 0.1).
    Name, "name", "a-z, 0-9, - and _, starting with a letter or digit, 63 at most",
    |t| (1..=63).contains(&t.len())
        && t.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

id! {
    /// A person: 1 to 64 of `a-z 0-9 . _ + @ -`, starting with a letter or digit. A mail address is one.
    UserName, "user name", "1 to 64 of a-z, 0-9 and . _ + @ -, starting with a letter or digit",
    |t| (1..=64).contains(&t.len())
        && t.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._+@-".contains(&b))
}

impl ImageDigest {
    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_a_directory_are_refused() {
        for text in ["", "..", "a/b", "A", "-a", "a b", "a\n", &"a".repeat(64)] {
            assert!(VolumeId::new(text).is_err(), "{text:?}");
            assert!(Name::new(text).is_err(), "{text:?}");
        }
        assert!(ContainerId::new("abcdefgh1234").is_ok());
        assert!(ContainerId::new("abcdefgh123").is_err());
    }

    #[test]
    fn the_refusal_says_what_is_allowed() {
        let refusal = ProjectId::new("My Shop").unwrap_err().to_string();
        assert_eq!(
            refusal,
            "\"My Shop\" is not a project id: 13 lower-case letters or digits"
        );
    }
}
