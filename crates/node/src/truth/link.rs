//! What is behind a container's network.

use super::Lie;
use crate::{Egress, Link};

/// Its address, the names it knows, and where it gets to. `link` is the host's end of its veth pair.
pub(super) fn lies(of: &Link, link: &str) -> Vec<Lie> {
    let mut lies = vec![
        Lie::new(
            "eth0",
            format!("{}, its only link", of.address),
            format!("one end of a veth pair; the other is {link}"),
        ),
        Lie::new(
            "localhost",
            "127.0.0.1",
            "its own: neither the machine's nor another's",
        ),
    ];
    lies.extend(of.hosts.iter().map(|host| {
        let reachable: Vec<String> = of
            .connect
            .iter()
            .filter(|(address, _)| *address == host.address)
            .map(|(_, port)| port.to_string())
            .collect();
        let so = match reachable.as_slice() {
            [] => format!("{}, which drops what comes from here", host.address),
            [port] => format!("{}, open at port {port} only", host.address),
            ports => format!("{}, open at ports {} only", host.address, ports.join(", ")),
        };
        Lie::new(&host.name, "a host of its network", so)
    }));
    let egress = match &of.egress {
        Egress::Deny => "nothing: the packet filter drops it".into(),
        Egress::Allow => "TCP but for port 25, and name lookups".into(),
        Egress::Only(rules) => format!("what {} firewall rules allow, and name lookups", rules.len()),
    };
    if of.mail {
        lies.push(Lie::new(
            "mail",
            "a server that takes it",
            "the operator's relay, port 25 only",
        ));
    }
    lies.push(Lie::new("the outside", "a route to everywhere", egress));
    lies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_name_says_which_ports_are_open() {
        let mut link = testing::spec().link;
        let host = link.hosts[0].clone();
        link.connect = vec![(host.address, 3306)];
        let so = |link: &Link| {
            let found = lies(link, "gs1");
            let lie = found.iter().find(|lie| lie.about == host.name).unwrap();
            lie.outside.clone()
        };
        assert!(so(&link).contains("port 3306 only"), "{}", so(&link));
        link.connect.clear();
        assert!(so(&link).contains("drops"), "{}", so(&link));
    }
}
