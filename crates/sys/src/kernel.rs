//! Which kernel this is.

use std::fmt;

/// A kernel version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelVersion {
    /// 6 in 6.18.2.
    pub major: u32,
    /// 18 in 6.18.2.
    pub minor: u32,
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl KernelVersion {
    /// The running kernel's; 0.0 if its release does not begin with two numbers.
    pub fn running() -> Self {
        Self::parse(&release())
    }

    fn parse(release: &str) -> Self {
        let mut numbers = release
            .split(|c: char| !c.is_ascii_digit())
            .map(|number| number.parse().unwrap_or(0));
        Self {
            major: numbers.next().unwrap_or(0),
            minor: numbers.next().unwrap_or(0),
        }
    }
}

/// The running kernel's release, as `uname -r` says it.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let debian = KernelVersion::parse("6.1.0-28-amd64");
        assert_eq!(debian, KernelVersion { major: 6, minor: 1 });
        assert!(debian < KernelVersion::parse("6.18.2"));
        assert_eq!(KernelVersion::parse("strange").to_string(), "0.0");
    }
}
