//! Whom a container may talk to outside.

use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv4Addr};

/// A rule for TCP connections that a container opens: to one of the ranges or domains, at one of the ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Address ranges; none when `domains` says whom.
    pub ips: Vec<AddressRange>,
    /// Host names, complete and in lower case.
    pub domains: Vec<String>,
    /// TCP ports; any when empty.
    pub ports: Vec<u16>,
}

/// All IPv4 addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressRange {
    /// The first of them.
    network: Ipv4Addr,
    /// How many bits are the same, 0 to 32.
    bits: u8,
}

impl AddressRange {
    /// The range of `bits` equal bits around an address; `None` for more than 32.
    pub fn new(address: Ipv4Addr, bits: u8) -> Option<Self> {
        let network = Ipv4Addr::from(u32::from(address) & mask(bits));
        (bits <= 32).then_some(Self { network, bits })
    }

    /// One address.
    pub fn only(address: Ipv4Addr) -> Self {
        Self {
            network: address,
            bits: 32,
        }
    }

    /// Its first address.
    pub fn network(self) -> Ipv4Addr {
        self.network
    }

    /// How many bits are the same.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Whether all of another range is in this one.
    pub fn contains(self, other: Self) -> bool {
        self.bits <= other.bits && u32::from(other.network) & mask(self.bits) == u32::from(self.network)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX
        .checked_shl(32_u32.saturating_sub(bits.into()))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_nested_or_apart() {
        let range = |text: &str, bits| AddressRange::new(text.parse().unwrap(), bits).unwrap();
        let all = range("1.2.3.4", 0);
        assert_eq!(all.to_string(), "0.0.0.0/0");
        assert!(all.contains(range("255.0.0.0", 8)));
        assert!(range("192.0.2.0", 24).contains(range("192.0.2.77", 32)));
        assert!(!range("192.0.2.0", 24).contains(range("192.0.3.0", 32)));
        assert!(!range("192.0.2.0", 24).contains(range("192.0.0.0", 16)));
        assert_eq!(AddressRange::new(Ipv4Addr::LOCALHOST, 33), None);
    }
}
