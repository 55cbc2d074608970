//! What outbound rules open, in the form that the table's set takes: no two elements may overlap there.

use guise_model::AddressRange;
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Addresses outside and TCP ports that may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// The addresses.
    pub range: AddressRange,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl Opening {
    /// All ports of a range of addresses.
    pub fn of_all_ports(range: AddressRange) -> Self {
        let (first, last) = (0, u16::MAX);
        Self { range, first, last }
    }

    /// One port of a range of addresses.
    pub fn of_port(range: AddressRange, port: u16) -> Self {
        let (first, last) = (port, port);
        Self { range, first, last }
    }

    /// What opens the same and does not overlap: cut where any begins or ends a range of ports, and of the address
    /// ranges there, which are nested or apart, only the outermost.
    pub(crate) fn disjoint(openings: &[Self]) -> BTreeSet<Self> {
        let ends = openings.iter().map(|opening| u32::from(opening.last) + 1);
        let cuts: BTreeSet<u32> = openings
            .iter()
            .map(|opening| u32::from(opening.first))
            .chain(ends)
            .collect();
        let mut all = BTreeSet::new();
        for (first, end) in cuts.iter().zip(cuts.iter().skip(1)) {
            let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(end - 1)) else {
                continue;
            };
            let here = || {
                let open = openings.iter().filter(|o| o.first <= first && last <= o.last);
                open.map(|opening| opening.range)
            };
            let outermost =
                here().filter(|range| !here().any(|other| other != *range && other.contains(*range)));
            all.extend(outermost.map(|range| Self { range, first, last }));
        }
        all
    }

    /// As the second and third part of an element of the set.
    pub(crate) fn to_json(self) -> [Value; 2] {
        let prefix = json!({"prefix": {"addr": self.range.network(), "len": self.range.bits()}});
        [prefix, json!({"range": [self.first, self.last]})]
    }

    /// Reads what nft makes of [`to_json`](Self::to_json): an address or a port alone stands by itself.
    pub(crate) fn from_json(range: &Value, ports: &Value) -> Option<Self> {
        let prefix = &range["prefix"];
        let address = |value: &Value| value.as_str()?.parse::<Ipv4Addr>().ok();
        let range = match address(range) {
            Some(address) => AddressRange::only(address),
            None => AddressRange::new(
                address(&prefix["addr"])?,
                u8::try_from(prefix["len"].as_u64()?).ok()?,
            )?,
        };
        let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
        let (first, last) = match port(ports) {
            Some(port) => (port, port),
            None => (port(&ports["range"][0])?, port(&ports["range"][1])?),
        };
        Some(Self { range, first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(address: [u8; 4], bits: u8) -> AddressRange {
        AddressRange::new(address.into(), bits).unwrap()
    }

    #[test]
    fn what_is_in_another_or_beside_it_is_cut() {
        let (all, net) = (range([0; 4], 0), range([192, 0, 2, 0], 24));
        let web = Opening::of_port(all, 443);
        let any = Opening::of_all_ports(net);
        let found: Vec<Opening> = Opening::disjoint(&[any, web, web]).into_iter().collect();
        let part = |first, last| Opening {
            range: net,
            first,
            last,
        };
        assert_eq!(found, [web, part(0, 442), part(444, u16::MAX)]);
    }

    proptest! {
        #[test]
        fn the_same_is_open_and_nothing_twice(
            openings in prop::collection::vec((0..8_u8, 0..=32_u8, 0..6_u16, 0..6_u16), 0..6),
            address in 0..8_u8,
            port in 0..8_u16,
        ) {
            let openings: Vec<Opening> = openings
                .into_iter()
                .map(|(last, bits, first, more)| Opening {
                    range: range([10, 0, 0, last], bits),
                    first,
                    last: first + more,
                })
                .collect();
            let here = range([10, 0, 0, address], 32);
            let is_open = |o: &&Opening| o.range.contains(here) && o.first <= port && port <= o.last;
            let wanted = openings.iter().any(|opening| is_open(&opening));
            let found = Opening::disjoint(&openings);
            prop_assert_eq!(found.iter().filter(is_open).count(), usize::from(wanted));
        }

        #[test]
        fn what_nft_lists_is_read_back(last: u8, bits in 0..=32_u8, first: u16, more: u16) {
            let opening = Opening {
                range: range([10, 0, 0, last], bits),
                first,
                last: first.saturating_add(more),
            };
            let [range, ports] = opening.to_json();
            prop_assert_eq!(Opening::from_json(&range, &ports), Some(opening));
        }
    }
}
