//! The rules of the table: what is dropped, and what the sets open.
//!
//! ```text
//! from a container  to a container   dropped, but for `connections` and answers
//!                   to the host      dropped, but for answers (and name lookups if the host is its own nameserver)
//!                   to the outside   dropped, but for `egress`: TCP except port 25, and name lookups; of it, for those
//!                                    in `restricted`, only `outbound`
//!                   to the relay     port 25 for those in `mail`, wherever the relay is
//! to a container    from the host    allowed
//!                   from the outside dropped, but for answers
//! ```
//!
//! Before anything else a container must send IPv4 from its own address.

use crate::elements::{CONNECTIONS, EGRESS, Elements, LINKS, MAIL, OUTBOUND, RESTRICTED};
use guise_model::Instance;
use serde_json::{Value, json};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::Ipv4Addr,
};

/// The set of the host's nameservers.
const NAMESERVERS: &str = "nameservers";
/// How the chain begins whose name tells which rules are installed.
const MARK: &str = "rules-";

/// The rules for one instance.
#[derive(Debug)]
pub struct Ruleset<'a> {
    /// Whose.
    pub instance: &'a Instance,
    /// Where containers may look up names.
    pub nameservers: &'a [Ipv4Addr],
    /// Who takes the containers' mail, if anybody does.
    pub relay: Option<Ipv4Addr>,
}

impl Ruleset<'_> {
    /// The commands that put these rules and elements in place of whatever the table holds, in one transaction.
    pub fn replacement(&self, elements: &Elements) -> Vec<Value> {
        let mut commands = removal(self.table());
        commands.push(table(self.table(), "add"));
        commands.extend(self.definitions());
        commands.push(json!({"add": {"chain": self.named(json!({"name": self.mark()}))}}));
        commands.extend(elements.commands_from(&Elements::default(), self.table()));
        commands
    }

    /// Whether a listing is of a table with exactly these rules.
    ///
    /// Rules come back from the kernel in another form than they went in, so they are not compared: an empty chain
    /// bears the hash of the definitions in its name. A guise with other rules has another hash.
    pub fn is_installed(&self, listing: &Value) -> bool {
        let objects = listing["nftables"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        objects
            .iter()
            .any(|object| object["chain"]["name"] == self.mark())
    }

    fn table(&self) -> &str {
        &self.instance.name
    }

    fn mark(&self) -> String {
        let mut hasher = DefaultHasher::new();
        for definition in self.definitions() {
            definition.to_string().hash(&mut hasher);
        }
        format!("{MARK}{:016x}", hasher.finish())
    }

    fn definitions(&self) -> Vec<Value> {
        let mut all = vec![
            self.set(LINKS, json!(["ifname", "ipv4_addr"]), &[]),
            self.set(
                CONNECTIONS,
                json!(["ipv4_addr", "ipv4_addr", "inet_service"]),
                &[],
            ),
            self.set(EGRESS, json!("ipv4_addr"), &[]),
            self.set(MAIL, json!("ipv4_addr"), &[]),
            self.set(RESTRICTED, json!("ipv4_addr"), &[]),
            self.ranges(OUTBOUND, json!(["ipv4_addr", "ipv4_addr", "inet_service"])),
            self.set(NAMESERVERS, json!("ipv4_addr"), self.nameservers),
            self.hook("forward", "filter", 0),
            self.hook("input", "filter", 0),
            self.hook("postrouting", "nat", 100),
            self.chain("outbound"),
            self.chain("inbound"),
            self.chain("to-host"),
            self.chain("genuine"),
        ];
        let ours = format!("{}*", self.instance.link_prefix);
        let from_ours = is(meta("iifname"), json!(ours));
        let to_ours = is(meta("oifname"), json!(ours));
        let source = || payload("ip", "saddr");
        let destination = || payload("ip", "daddr");
        all.extend(self.rules(
            "forward",
            vec![
                vec![from_ours.clone(), json!({"goto": {"target": "outbound"}})],
                vec![to_ours.clone(), json!({"goto": {"target": "inbound"}})],
            ],
        ));
        all.extend(self.rules(
            "input",
            vec![vec![from_ours, json!({"goto": {"target": "to-host"}})]],
        ));
        all.extend(self.rules(
            "genuine",
            vec![
                vec![is_not(meta("nfproto"), json!("ipv4")), drop()],
                vec![
                    is_not(concat([meta("iifname"), source()]), reference(LINKS)),
                    drop(),
                ],
                vec![is_in(state(), &["established", "related"]), accept()],
            ],
        ));
        let to_relay = self.relay.map(|relay| {
            vec![
                is(source(), reference(MAIL)),
                is(destination(), json!(relay)),
                is(payload("tcp", "dport"), json!(25)),
                accept(),
            ]
        });
        let genuine = || vec![json!({"jump": {"target": "genuine"}})];
        all.extend(self.rules(
            "outbound",
            std::iter::once(genuine()).chain(to_relay.clone()).collect(),
        ));
        all.extend(self.rules(
            "outbound",
            vec![
                vec![
                    to_ours.clone(),
                    is(
                        concat([source(), destination(), payload("tcp", "dport")]),
                        reference(CONNECTIONS),
                    ),
                    accept(),
                ],
                vec![to_ours.clone(), drop()],
                vec![is_not(source(), reference(EGRESS)), drop()],
                vec![
                    is(destination(), reference(NAMESERVERS)),
                    is(payload("udp", "dport"), json!(53)),
                    accept(),
                ],
                vec![
                    is(destination(), reference(NAMESERVERS)),
                    is(payload("tcp", "dport"), json!(53)),
                    accept(),
                ],
                // Link-local addresses are other containers or a cloud's metadata service (169.254.169.254).
                vec![
                    is(destination(), prefix(Ipv4Addr::new(169, 254, 0, 0), 16)),
                    drop(),
                ],
                vec![is(destination(), self.pool()), drop()],
                vec![is(payload("tcp", "dport"), json!(25)), drop()],
                vec![
                    is(
                        concat([source(), destination(), payload("tcp", "dport")]),
                        reference(OUTBOUND),
                    ),
                    accept(),
                ],
                vec![is(source(), reference(RESTRICTED)), drop()],
                vec![is(meta("l4proto"), json!("tcp")), accept()],
                vec![drop()],
            ],
        ));
        all.extend(self.rules(
            "inbound",
            vec![
                vec![is_in(state(), &["established", "related"]), accept()],
                vec![drop()],
            ],
        ));
        let lookup = |protocol| {
            vec![
                is(source(), reference(EGRESS)),
                is(destination(), reference(NAMESERVERS)),
                is(payload(protocol, "dport"), json!(53)),
                accept(),
            ]
        };
        all.extend(self.rules("to-host", std::iter::once(genuine()).chain(to_relay).collect()));
        all.extend(self.rules("to-host", vec![lookup("udp"), lookup("tcp"), vec![drop()]]));
        all.extend(self.rules(
            "postrouting",
            vec![vec![
                is(source(), reference(EGRESS)),
                is_not(meta("oifname"), json!(ours)),
                json!({"masquerade": null}),
            ]],
        ));
        all
    }

    fn pool(&self) -> Value {
        prefix(self.instance.addresses.network, self.instance.addresses.prefix)
    }

    fn named(&self, mut object: Value) -> Value {
        object["family"] = json!("inet");
        object["table"] = json!(self.table());
        object
    }

    fn set(&self, name: &str, kind: Value, elements: &[Ipv4Addr]) -> Value {
        let mut set = self.named(json!({"name": name, "type": kind}));
        if !elements.is_empty() {
            set["elem"] = json!(elements);
        }
        json!({"add": {"set": set}})
    }

    /// A set whose elements may be ranges.
    fn ranges(&self, name: &str, kind: Value) -> Value {
        let set = json!({"name": name, "type": kind, "flags": ["interval"]});
        json!({"add": {"set": self.named(set)}})
    }

    fn hook(&self, name: &str, kind: &str, priority: i32) -> Value {
        let chain = json!({"name": name, "type": kind, "hook": name, "prio": priority, "policy": "accept"});
        json!({"add": {"chain": self.named(chain)}})
    }

    fn chain(&self, name: &str) -> Value {
        json!({"add": {"chain": self.named(json!({"name": name}))}})
    }

    fn rules(&self, chain: &str, rules: Vec<Vec<Value>>) -> Vec<Value> {
        let rule = |expressions| self.named(json!({"chain": chain, "expr": expressions}));
        rules
            .into_iter()
            .map(|expressions| json!({"add": {"rule": rule(expressions)}}))
            .collect()
    }
}

/// The commands that remove a table whether or not it is there: a table that is added twice is there once.
pub fn removal(name: &str) -> Vec<Value> {
    vec![table(name, "add"), table(name, "delete")]
}

fn table(name: &str, verb: &str) -> Value {
    json!({verb: {"table": {"family": "inet", "name": name}}})
}

fn meta(key: &str) -> Value {
    json!({"meta": {"key": key}})
}

fn payload(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

fn concat<const N: usize>(parts: [Value; N]) -> Value {
    json!({"concat": parts.as_slice()})
}

fn state() -> Value {
    json!({"ct": {"key": "state"}})
}

fn reference(set: &str) -> Value {
    json!(format!("@{set}"))
}

fn prefix(network: Ipv4Addr, length: u8) -> Value {
    json!({"prefix": {"addr": network, "len": length}})
}

fn is(left: Value, right: Value) -> Value {
    json!({"match": {"op": "==", "left": left, "right": right}})
}

fn is_not(left: Value, right: Value) -> Value {
    json!({"match": {"op": "!=", "left": left, "right": right}})
}

fn is_in(left: Value, values: &[&str]) -> Value {
    json!({"match": {"op": "in", "left": left, "right": values}})
}

fn accept() -> Value {
    json!({"accept": null})
}

fn drop() -> Value {
    json!({"drop": null})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_rules_have_another_mark() {
        let instance = Instance::default();
        let one = Ruleset {
            instance: &instance,
            nameservers: &[],
            relay: None,
        };
        let other = Ruleset {
            instance: &instance,
            nameservers: &[Ipv4Addr::new(192, 0, 2, 53)],
            relay: None,
        };
        let listing = json!({"nftables": [{"chain": {"name": one.mark()}}]});
        assert!(one.is_installed(&listing));
        assert!(!other.is_installed(&listing));
        assert!(!one.is_installed(&json!({"nftables": []})));
    }
}
