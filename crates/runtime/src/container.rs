//! Names of containers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A container's name, harmless as one component of a path: letters, digits and `_ + - .`, as runc allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName(String);

/// A text that is no container name.
#[derive(Debug, thiserror::Error)]
#[error("{given:?} is not a container id: 1 to 255 letters, digits or any of _ + - ., and not . or ..")]
pub struct InvalidName {
    given: String,
}

impl ContainerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its directory in the state directory `root`.
    pub fn directory(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ContainerName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
        let valid =
            (1..=255).contains(&text.len()) && text.bytes().all(allowed) && text != "." && text != "..";
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName {
                given: text.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_the_state_directory() {
        for text in ["", ".", "..", "a/b", "a\0", "a b"] {
            assert!(text.parse::<ContainerName>().is_err(), "{text:?}");
        }
        assert!("ctr-1_2+3.4".parse::<ContainerName>().is_ok());
    }
}
