//! What the table's sets hold: who has which link, who may talk to whom, who may leave.

use crate::opening::Opening;
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// The content of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elements {
    /// Link names with the one address that may send from there.
    pub links: BTreeSet<(String, Ipv4Addr)>,
    /// Source, destination and TCP port of allowed connections between containers.
    pub connections: BTreeSet<(Ipv4Addr, Ipv4Addr, u16)>,
    /// Addresses that may open connections to the outside.
    pub egress: BTreeSet<Ipv4Addr>,
    /// Addresses that may hand mail to the relay.
    pub mail: BTreeSet<Ipv4Addr>,
    /// Those of `egress` that may open only what `outbound` has for them.
    pub restricted: BTreeSet<Ipv4Addr>,
    /// What a restricted address may connect to.
    pub outbound: BTreeSet<(Ipv4Addr, Opening)>,
}

/// The names of the sets.
pub const LINKS: &str = "links";
/// See [`Elements::connections`].
pub const CONNECTIONS: &str = "connections";
/// See [`Elements::egress`].
pub const EGRESS: &str = "egress";
/// See [`Elements::mail`].
pub const MAIL: &str = "mail";
/// See [`Elements::restricted`].
pub const RESTRICTED: &str = "restricted";
/// See [`Elements::outbound`].
pub const OUTBOUND: &str = "outbound";

impl Elements {
    /// Reads the sets from nft's JSON listing of a table. What is not of the expected form is not ours and left out.
    pub fn from_listing(listing: &Value) -> Self {
        let elements = |set: &str| {
            let objects = listing["nftables"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let found = objects
                .iter()
                .map(|object| &object["set"])
                .find(|found| found["name"] == set);
            found
                .and_then(|found| found["elem"].as_array())
                .cloned()
                .unwrap_or_default()
        };
        Self {
            links: elements(LINKS)
                .iter()
                .filter_map(|element| {
                    let parts = element["concat"].as_array()?;
                    Some((parts.first()?.as_str()?.to_owned(), address(parts.get(1)?)?))
                })
                .collect(),
            connections: elements(CONNECTIONS)
                .iter()
                .filter_map(|element| {
                    let parts = element["concat"].as_array()?;
                    let port = u16::try_from(parts.get(2)?.as_u64()?).ok()?;
                    Some((address(parts.first()?)?, address(parts.get(1)?)?, port))
                })
                .collect(),
            egress: elements(EGRESS).iter().filter_map(address).collect(),
            mail: elements(MAIL).iter().filter_map(address).collect(),
            restricted: elements(RESTRICTED).iter().filter_map(address).collect(),
            outbound: elements(OUTBOUND)
                .iter()
                .filter_map(|element| {
                    let parts = element["concat"].as_array()?;
                    let opening = Opening::from_json(parts.get(1)?, parts.get(2)?)?;
                    Some((address(parts.first()?)?, opening))
                })
                .collect(),
        }
    }

    /// The nft commands that make this of `former`.
    pub fn commands_from(&self, former: &Self, table: &str) -> Vec<Value> {
        let link = |(name, address): &(String, Ipv4Addr)| json!({"concat": [name, address]});
        let connection = |(from, to, port): &(Ipv4Addr, Ipv4Addr, u16)| json!({"concat": [from, to, port]});
        let source = |address: &Ipv4Addr| json!(address);
        let outbound = |(from, opening): &(Ipv4Addr, Opening)| {
            let [range, ports] = opening.to_json();
            json!({"concat": [from, range, ports]})
        };
        [
            change(table, LINKS, &former.links, &self.links, link),
            change(
                table,
                CONNECTIONS,
                &former.connections,
                &self.connections,
                connection,
            ),
            change(table, EGRESS, &former.egress, &self.egress, source),
            change(table, MAIL, &former.mail, &self.mail, source),
            change(table, RESTRICTED, &former.restricted, &self.restricted, source),
            change(table, OUTBOUND, &former.outbound, &self.outbound, outbound),
        ]
        .concat()
    }

    /// Takes away all that an address may do and all that may be done to it.
    pub fn forget_address(&mut self, address: Ipv4Addr) {
        self.egress.remove(&address);
        self.mail.remove(&address);
        self.restricted.remove(&address);
        self.outbound.retain(|(from, _)| *from != address);
        self.connections
            .retain(|(from, to, _)| *from != address && *to != address);
    }

    /// Takes away a link and all that its address may do.
    pub fn forget_link(&mut self, name: &str) {
        let addresses: Vec<_> = self
            .links
            .iter()
            .filter(|(link, _)| link == name)
            .map(|(_, address)| *address)
            .collect();
        self.links.retain(|(link, _)| link != name);
        for address in addresses {
            self.forget_address(address);
        }
    }
}

fn address(value: &Value) -> Option<Ipv4Addr> {
    value.as_str()?.parse().ok()
}

fn change<T: Ord>(
    table: &str,
    set: &str,
    former: &BTreeSet<T>,
    wanted: &BTreeSet<T>,
    element: impl Fn(&T) -> Value,
) -> Vec<Value> {
    let command = |verb: &str, elements: Vec<Value>| {
        let object = json!({"family": "inet", "table": table, "name": set, "elem": elements});
        (!elements.is_empty()).then(|| json!({verb: {"element": object}}))
    };
    let gone = former.difference(wanted).map(&element).collect();
    let new = wanted.difference(former).map(&element).collect();
    command("delete", gone)
        .into_iter()
        .chain(command("add", new))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guise_model::AddressRange;

    const A: Ipv4Addr = Ipv4Addr::new(169, 254, 128, 2);
    const B: Ipv4Addr = Ipv4Addr::new(169, 254, 128, 3);

    fn some() -> Elements {
        Elements {
            links: BTreeSet::from([("gvabcdefgh1234".into(), A)]),
            connections: BTreeSet::from([(A, B, 80), (B, A, 3306)]),
            egress: BTreeSet::from([A]),
            mail: BTreeSet::from([A]),
            restricted: BTreeSet::from([A]),
            outbound: BTreeSet::from([(A, Opening::of_all_ports(AddressRange::only(B)))]),
        }
    }

    #[test]
    fn only_the_difference_becomes_commands() {
        let mut wanted = some();
        assert_eq!(wanted.commands_from(&some(), "guise"), Vec::<Value>::new());
        wanted.connections.remove(&(A, B, 80));
        wanted.connections.insert((A, B, 81));
        let commands = serde_json::to_string(&wanted.commands_from(&some(), "guise")).unwrap();
        assert_eq!(
            commands,
            concat!(
                r#"[{"delete":{"element":{"family":"inet","table":"guise","name":"connections","elem":[{"concat":["169.254.128.2","169.254.128.3",80]}]}}},"#,
                r#"{"add":{"element":{"family":"inet","table":"guise","name":"connections","elem":[{"concat":["169.254.128.2","169.254.128.3",81]}]}}}]"#
            )
        );
    }

    #[test]
    fn a_forgotten_link_leaves_nobody_a_way_to_its_address() {
        let mut elements = some();
        elements.forget_link("gvabcdefgh1234");
        assert_eq!(elements, Elements::default());
    }

    #[test]
    fn a_listing_of_another_form_is_read_as_empty() {
        for listing in [
            json!(null),
            json!({"nftables": 3}),
            json!({"nftables": [{"set": {"name": "links", "elem": [7]}}]}),
        ] {
            assert_eq!(Elements::from_listing(&listing), Elements::default());
        }
    }
}
