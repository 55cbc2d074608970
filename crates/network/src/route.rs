//! The machine's IPv4 routes, as far as guise must know them.

use guise_model::AddressPool;
use std::{fs, net::Ipv4Addr};

/// A row of the main routing table.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The link it leads to.
    pub link: String,
    /// Where it begins.
    pub destination: Ipv4Addr,
    /// How many of the destination's bits count.
    pub prefix: u32,
}

impl Route {
    /// Whether all it leads to is in `pool`. A wider route, such as that of link-local addresses, is none of ours and
    /// in nobody's way: routes to containers are narrower and go first.
    pub fn is_within(&self, pool: &AddressPool) -> bool {
        self.prefix >= u32::from(pool.prefix) && pool.contains(self.destination)
    }
}

/// All of them; none if the kernel has no IPv4.
pub fn all() -> Vec<Route> {
    let table = fs::read_to_string("/proc/net/route").unwrap_or_default();
    table.lines().filter_map(read).collect()
}

/// The kernel's columns: link, destination, gateway, flags, references, use, metric, mask, …, numbers in hexadecimal, of
/// addresses in the machine's order of bytes (`fib_route_seq_show` in net/ipv4/fib_trie.c).
fn read(line: &str) -> Option<Route> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let number = |column: usize| u32::from_str_radix(columns.get(column)?, 16).ok();
    Some(Route {
        link: (*columns.first()?).to_owned(),
        destination: Ipv4Addr::from(number(1)?.to_ne_bytes()),
        prefix: number(7)?.count_ones(),
    })
}

/// The longest packet of the link that the default route goes through; Ethernet's if there is none.
pub fn uplink_mtu() -> u32 {
    const ETHERNET: u32 = 1500;
    all()
        .iter()
        .find(|route| route.prefix == 0)
        .and_then(|route| fs::read_to_string(format!("/sys/class/net/{}/mtu", route.link)).ok())
        .and_then(|mtu| mtu.trim().parse().ok())
        .unwrap_or(ETHERNET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_rows_are_read_and_its_heading_is_not() {
        assert_eq!(
            read("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT"),
            None
        );
        let row = u32::from_ne_bytes([169, 254, 112, 3]);
        let read = read(&format!(
            "gyabc\t{row:08X}\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0"
        ));
        let expected = Route {
            link: "gyabc".into(),
            destination: Ipv4Addr::new(169, 254, 112, 3),
            prefix: 32,
        };
        assert_eq!(read, Some(expected));
    }

    #[test]
    fn only_a_route_that_is_not_wider_is_within_a_pool() {
        let pool = AddressPool {
            network: Ipv4Addr::new(169, 254, 112, 0),
            prefix: 20,
        };
        let within = |destination: [u8; 4], prefix| {
            let destination = destination.into();
            let link = String::new();
            Route {
                link,
                destination,
                prefix,
            }
            .is_within(&pool)
        };
        assert!(within([169, 254, 127, 255], 32));
        assert!(within([169, 254, 112, 0], 20));
        assert!(!within([169, 254, 128, 1], 32));
        assert!(!within([169, 254, 0, 0], 16));
        assert!(!within([0, 0, 0, 0], 0));
    }
}
