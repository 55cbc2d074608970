//! What sets one guise on a machine apart from another.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The names and ranges that mark what one guise owns on a machine. Two guises (say a production one and a
/// test run) live side by side when all of these differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Name of the nftables table and of the cgroup below each hierarchy's root.
    pub name: String,
    /// Two letters at the start of every network link's name.
    pub link_prefix: String,
    /// Addresses for containers.
    pub addresses: AddressPool,
    /// Host id that slot 0's id range starts at. Slot 0 belongs to guise's own unprivileged processes.
    pub id_base: u32,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            name: "guise".into(),
            link_prefix: "gv".into(),
            addresses: AddressPool {
                network: Ipv4Addr::new(169, 254, 64, 0),
                prefix: 18,
            },
            id_base: 0x2000_0000,
        }
    }
}

/// A range of IPv4 addresses from which containers get theirs.
///
/// The default lies in 169.254.0.0/16 as on Platform.sh (spec 2.2), clear of 169.254.169.254 where clouds keep
/// their metadata service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPool {
    /// First address of the range.
    pub network: Ipv4Addr,
    /// Prefix length, 8 to 30.
    pub prefix: u8,
}

impl AddressPool {
    /// How many addresses containers can have: all but the network's, the gateway's and the last.
    pub fn capacity(&self) -> u32 {
        (1u32 << (32 - u32::from(self.prefix))).saturating_sub(3)
    }

    /// The address on the host's side of every container's link.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() + 1)
    }

    /// The address of slot `slot` (from 0); `None` past the end.
    pub fn address(&self, slot: u32) -> Option<Ipv4Addr> {
        (slot < self.capacity()).then(|| Ipv4Addr::from_bits(self.network.to_bits() + 2 + slot))
    }

    /// Whether an address lies in the range.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX << (32 - u32::from(self.prefix));
        address.to_bits() & mask == self.network.to_bits() & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pool_stays_clear_of_cloud_metadata() {
        let pool = Instance::default().addresses;
        assert!(!pool.contains(Ipv4Addr::new(169, 254, 169, 254)));
        assert_eq!(pool.gateway(), Ipv4Addr::new(169, 254, 64, 1));
        assert_eq!(pool.address(0), Some(Ipv4Addr::new(169, 254, 64, 2)));
        let last = pool.address(pool.capacity() - 1).unwrap();
        assert!(pool.contains(last));
        assert_eq!(pool.address(pool.capacity()), None);
    }
}
