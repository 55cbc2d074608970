//! Container sizes and the limits they stand for (spec 1.18).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A container size as written in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Size {
    #[default]
    #[serde(rename = "AUTO")]
    Auto,
    S,
    M,
    L,
    XL,
    #[serde(rename = "2XL")]
    XL2,
    #[serde(rename = "4XL")]
    XL4,
}

/// What a container needs most, which picks the column of the size table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Profile {
    /// Language runtimes.
    #[default]
    HighCpu,
    /// Caches.
    Balanced,
    /// Databases, search, Java.
    HighMemory,
}

/// What the kernel holds a container to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time, in thousandths of one processor.
    pub cpu_millis: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
}

/// Text that is no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSize(pub String);

impl fmt::Display for UnknownSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a size: AUTO, S, M, L, XL, 2XL or 4XL", self.0)
    }
}

impl std::error::Error for UnknownSize {}

impl FromStr for Size {
    type Err = UnknownSize;
    fn from_str(text: &str) -> Result<Self, UnknownSize> {
        Ok(match text {
            "AUTO" => Self::Auto,
            "S" => Self::S,
            "M" => Self::M,
            "L" => Self::L,
            "XL" => Self::XL,
            "2XL" => Self::XL2,
            "4XL" => Self::XL4,
            _ => return Err(UnknownSize(text.into())),
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "AUTO",
            Self::S => "S",
            Self::M => "M",
            Self::L => "L",
            Self::XL => "XL",
            Self::XL2 => "2XL",
            Self::XL4 => "4XL",
        })
    }
}

impl Size {
    /// The limits of this size for a container of `profile`.
    ///
    /// The table is Platform.sh's, with two decisions of our own (spec 1.18 [D]): `AUTO` is one processor and
    /// 512 MB, and no container gets less than a tenth of a processor and 256 MB, since a real application or
    /// database does not start in the published S. Process limits are ours.
    pub fn limits(self, profile: Profile) -> Limits {
        const FLOOR_MILLIS: u32 = 100;
        const FLOOR_MB: u64 = 256;
        let (cpu_millis, megabytes, pids) = match (self, profile) {
            (Self::Auto, _) => (1000, 512, 1024),
            (Self::S, Profile::HighCpu) => (400, 128, 512),
            (Self::S, Profile::Balanced) => (50, 32, 512),
            (Self::S, Profile::HighMemory) => (250, 128, 512),
            (Self::M, Profile::HighCpu) => (400, 128, 512),
            (Self::M, Profile::Balanced) => (50, 64, 512),
            (Self::M, Profile::HighMemory) => (250, 288, 512),
            (Self::L, Profile::HighCpu) => (1200, 256, 1024),
            (Self::L, Profile::Balanced) => (80, 256, 1024),
            (Self::L, Profile::HighMemory) => (400, 1280, 1024),
            (Self::XL, Profile::HighCpu) => (2500, 384, 2048),
            (Self::XL, Profile::Balanced) => (100, 512, 2048),
            (Self::XL, Profile::HighMemory) => (750, 2624, 2048),
            (Self::XL2, Profile::HighCpu) => (5000, 768, 4096),
            (Self::XL2, Profile::Balanced) => (200, 1024, 4096),
            (Self::XL2, Profile::HighMemory) => (1500, 5248, 4096),
            (Self::XL4, Profile::HighCpu) => (10_000, 1536, 8192),
            (Self::XL4, Profile::Balanced) => (400, 2048, 8192),
            (Self::XL4, Profile::HighMemory) => (3000, 10_496, 8192),
        };
        Limits {
            cpu_millis: cpu_millis.max(FLOOR_MILLIS),
            memory_bytes: megabytes.max(FLOOR_MB) * 1_000_000,
            pids,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in ["AUTO", "S", "M", "L", "XL", "2XL", "4XL"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert!("XXL".parse::<Size>().is_err());
    }

    #[test]
    fn no_size_is_below_the_floor() {
        assert_eq!(Size::S.limits(Profile::Balanced).memory_bytes, 256_000_000);
        assert_eq!(Size::XL.limits(Profile::HighMemory).memory_bytes, 2_624_000_000);
    }
}
