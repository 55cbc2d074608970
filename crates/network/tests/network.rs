//! The network as containers find it: namespaces of sleeping processes are the containers, another is the outside.

#![allow(clippy::unwrap_used)]

mod namespace;

use guise_model::{AddressPool, AddressRange, ContainerId, Instance};
use guise_network::{Network, Opening};
use namespace::{Namespace, Outside, allowed_to_run, shell};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
    time::Instant,
};

/// A network with containers, all removed when dropped.
struct Site {
    network: Network,
    instance: Instance,
    containers: Vec<(ContainerId, Namespace)>,
}

impl Site {
    /// Each test has an instance of its own: `number` sets table, prefix and pool apart.
    fn new(number: u8) -> Self {
        let instance = Instance {
            name: format!("guise-t3-{number}"),
            link_prefix: format!("{}t", char::from(b'p' + number)),
            addresses: AddressPool {
                network: Ipv4Addr::new(169, 254, 128 + number, 0),
                prefix: 24,
            },
            ..Instance::default()
        };
        let network = Network::open(&instance, None).unwrap();
        Self {
            network,
            instance,
            containers: Vec::new(),
        }
    }

    /// The same with somebody who takes mail.
    fn with_relay(number: u8, relay: Ipv4Addr) -> Self {
        let mut site = Self::new(number);
        site.network = Network::open(&site.instance, Some(relay)).unwrap();
        site
    }

    fn container(&mut self, egress: bool) -> usize {
        let slot = self.containers.len();
        let id = ContainerId::new(format!("container{slot:03}")).unwrap();
        let namespace = Namespace::new();
        self.network
            .attach(&id, namespace.pid(), self.address(slot), egress)
            .unwrap();
        self.containers.push((id, namespace));
        slot
    }

    fn address(&self, slot: usize) -> Ipv4Addr {
        self.instance.addresses.address(slot as u32).unwrap()
    }

    fn inside(&self, slot: usize) -> &Namespace {
        &self.containers[slot].1
    }

    fn link(&self, slot: usize) -> String {
        format!("{}{}", self.instance.link_prefix, self.containers[slot].0)
    }

    /// What is left on the machine that bears this instance's marks.
    fn traces(&self) -> String {
        let links = shell(&format!(
            "ip -o link | grep ': {}' || true",
            self.instance.link_prefix
        ));
        let tables = shell(&format!(
            "nft list tables | grep '{}$' || true",
            self.instance.name
        ));
        let pool = format!("169.254.{}.", self.instance.addresses.network.octets()[2]);
        let routes = shell(&format!("(ip route; ip neigh) | grep -F '{pool}' || true"));
        links + &tables + &routes
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let closed = self.network.close();
        if !std::thread::panicking() {
            closed.unwrap();
        }
    }
}

#[test]
fn only_the_listed_port_of_a_neighbour_can_be_reached() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(0);
    let (app, database) = (site.container(false), site.container(false));
    let (from, to) = (site.address(app), site.address(database));
    let _listed = site.inside(database).listen(to, 3306);
    let _unlisted = site.inside(database).listen(to, 3307);
    let _reverse = site.inside(app).listen(from, 3306);
    assert!(!site.inside(app).reaches(to, 3306), "nothing is listed yet");
    site.network.set_connections(from, &[(to, 3306)]).unwrap();
    assert!(site.inside(app).reaches(to, 3306));
    assert!(!site.inside(app).reaches(to, 3307), "another port");
    assert!(!site.inside(database).reaches(from, 3306), "the other direction");
    site.network.set_connections(from, &[(to, 3307)]).unwrap();
    assert!(!site.inside(app).reaches(to, 3306), "no longer listed");
    assert!(site.inside(app).reaches(to, 3307));
}

#[test]
fn addresses_that_another_one_uses_are_refused() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(11);
    site.container(false);
    let other = Instance {
        name: "guise-t3-other".into(),
        link_prefix: "zo".into(),
        ..site.instance.clone()
    };
    let refused = Network::open(&other, None).unwrap_err().to_string();
    let link = site.link(0);
    assert!(
        refused.contains("169.254.139.0/24") && refused.contains(&link),
        "{refused}"
    );
    assert!(!shell("nft list tables").contains("guise-t3-other"));
    // Opened while nobody had a container yet, it meets the other one when it makes its first.
    site.network.detach(&site.containers[0].0).unwrap();
    let network = Network::open(&other, None).unwrap();
    let id = &site.containers[0].0;
    let pid = site.inside(0).pid();
    site.network.attach(id, pid, site.address(0), false).unwrap();
    let (stranger, elsewhere) = (ContainerId::new("stranger0000").unwrap(), Namespace::new());
    let refused = network.attach(&stranger, elsewhere.pid(), site.address(0), false);
    network.close().unwrap();
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("something else on this machine uses"),
        "{refused}"
    );
    assert!(shell("ip route").contains(&link), "the first one keeps its route");
}

#[test]
fn the_host_reaches_a_container_and_not_the_other_way_round() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(1);
    let app = site.container(true);
    let _nginx = site.inside(app).listen(site.address(app), 80);
    assert!(Namespace::host().reaches(site.address(app), 80));
    let gateway = site.instance.addresses.gateway();
    let _daemon = Namespace::host().listen(gateway, 8081);
    assert!(Namespace::host().reaches(gateway, 8081), "the listener works");
    assert!(!site.inside(app).reaches(gateway, 8081));
}

#[test]
fn a_container_cannot_send_from_an_address_that_is_not_its_own() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(2);
    let (app, database, thief) = (
        site.container(false),
        site.container(false),
        site.container(false),
    );
    let to = site.address(database);
    site.network
        .set_connections(site.address(app), &[(to, 3306)])
        .unwrap();
    let stolen = site.address(app);
    site.inside(thief)
        .shell(&format!("ip addr add {stolen}/32 dev eth0"));
    let arrived = || {
        let before = site.inside(database).received_packets();
        site.inside(thief).reaches_from(stolen, to, 3306);
        site.inside(database).received_packets() > before
    };
    assert!(!arrived(), "with reverse path filter and table");
    shell(&format!(
        "echo 0 > /proc/sys/net/ipv4/conf/{}/rp_filter",
        site.link(thief)
    ));
    assert!(!arrived(), "with the table alone");
    shell(&format!("nft delete table inet {}", site.instance.name));
    // A busy machine may take longer than one try to deliver a packet.
    assert!(
        (0..10).any(|_| arrived()),
        "without both, so that this test can fail"
    );
}

#[test]
fn mail_reaches_the_relay_and_nobody_else() {
    if !allowed_to_run() {
        return;
    }
    let world = Outside::new("gtmail0", 12);
    let mut site = Site::with_relay(12, world.address);
    let (sender, other) = (site.container(true), site.container(true));
    let _relay = world.namespace.listen(world.address, 25);
    world.namespace.shell("ip addr add 198.18.12.4/24 dev eth0");
    let stranger = Ipv4Addr::new(198, 18, 12, 4);
    let _stranger = world.namespace.listen(stranger, 25);
    assert!(
        !site.inside(sender).reaches(world.address, 25),
        "nothing is allowed yet"
    );
    site.network.set_mail(site.address(sender), true).unwrap();
    assert!(site.inside(sender).reaches(world.address, 25));
    assert!(!site.inside(sender).reaches(stranger, 25), "another host");
    assert!(
        !site.inside(other).reaches(world.address, 25),
        "another container"
    );
    // One on this machine, at the address that containers know it by.
    let gateway = site.instance.addresses.gateway();
    site.network = Network::open(&site.instance, Some(gateway)).unwrap();
    let _relay = Namespace::host().listen(gateway, 25);
    assert!(
        site.inside(sender).reaches(gateway, 25),
        "what was allowed holds on"
    );
    assert!(!site.inside(other).reaches(gateway, 25));
    assert!(
        !site.inside(sender).reaches(world.address, 25),
        "no longer the relay"
    );
}

#[test]
fn there_is_no_ipv6_inside_and_none_comes_out() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(3);
    let app = site.container(true);
    assert_eq!(site.inside(app).shell("ip -6 -o addr | wc -l").trim(), "0");
    let host_end = shell(&format!("ip -6 -o addr show dev {} | wc -l", site.link(app)));
    assert_eq!(host_end.trim(), "0");
    // One who gets the power to turn it on inside still reaches nobody: the host's end answers nothing.
    site.inside(app).shell(
        "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip addr add fd00:77::2/64 dev eth0 nodad",
    );
    shell(&format!(
        "echo 0 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6; ip addr add fd00:77::1/64 dev {0} nodad",
        site.link(app)
    ));
    let host = Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, 1);
    let _daemon = Namespace::host().listen(host, 8082);
    assert!(!site.inside(app).reaches(host, 8082));
    shell(&format!("nft delete table inet {}", site.instance.name));
    // The kernel asks for a neighbour that did not answer only once a second.
    let reached = (0..20).any(|_| site.inside(app).reaches(host, 8082));
    assert!(reached, "without the table, so that this test can fail");
}

#[test]
fn the_outside_is_open_only_to_those_that_may_leave() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(4);
    let outside = Outside::new("t3o4", 4);
    let (app, service) = (site.container(true), site.container(false));
    let _web = outside.namespace.listen(outside.address, 443);
    let _mail = outside.namespace.listen(outside.address, 25);
    let _entry = site.inside(app).listen(site.address(app), 80);
    assert!(site.inside(app).reaches(outside.address, 443));
    assert!(!site.inside(app).reaches(outside.address, 25), "mail");
    assert!(!site.inside(service).reaches(outside.address, 443), "a service");
    // The answer to a masqueraded connection came back, yet nobody outside can begin one.
    outside.namespace.shell(&format!(
        "ip route add {}/32 via {}",
        site.address(app),
        outside.host_address
    ));
    assert!(!outside.namespace.reaches(site.address(app), 80));
    site.network.set_egress(site.address(app), false).unwrap();
    site.network.set_egress(site.address(service), true).unwrap();
    assert!(!site.inside(app).reaches(outside.address, 443), "no longer");
    assert!(site.inside(service).reaches(outside.address, 443));
}

#[test]
fn an_adopted_network_keeps_what_was_allowed_without_touching_the_rules() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(5);
    let (app, database) = (site.container(true), site.container(false));
    let (from, to) = (site.address(app), site.address(database));
    site.network.set_connections(from, &[(to, 3306)]).unwrap();
    let _listed = site.inside(database).listen(to, 3306);
    let before = shell(&format!("nft -a list table inet {}", site.instance.name));
    let adopted = Network::open(&site.instance, None).unwrap();
    assert_eq!(
        shell(&format!("nft -a list table inet {}", site.instance.name)),
        before
    );
    assert!(site.inside(app).reaches(to, 3306));
    // Another process's firewall reload takes everything away; the next change brings all of it back.
    shell(&format!("nft delete table inet {}", site.instance.name));
    adopted.set_connections(from, &[(to, 3306), (to, 3307)]).unwrap();
    assert!(site.inside(app).reaches(to, 3306));
    let _unlisted = site.inside(database).listen(to, 3308);
    assert!(!site.inside(app).reaches(to, 3308));
}

#[test]
fn a_sweep_removes_what_nobody_keeps_and_nothing_else() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(6);
    let (kept, lost) = (site.container(true), site.container(true));
    let addresses = (site.address(kept), site.address(lost));
    site.network
        .set_connections(addresses.0, &[(addresses.1, 80)])
        .unwrap();
    let keep = BTreeSet::from([site.containers[kept].0.clone()]);
    assert_eq!(
        site.network.sweep(&keep).unwrap(),
        [site.containers[lost].0.clone()]
    );
    assert_eq!(site.network.links().unwrap(), [site.containers[kept].0.clone()]);
    let listing = shell(&format!("nft list table inet {}", site.instance.name));
    assert!(listing.contains(&site.link(kept)), "{listing}");
    assert!(!listing.contains(&addresses.1.to_string()), "{listing}");
    site.network.detach(&site.containers[lost].0).unwrap();
}

#[test]
fn nothing_is_left_after_close() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(7);
    site.container(true);
    assert!(!site.traces().is_empty());
    site.network.close().unwrap();
    assert_eq!(site.traces(), "");
}

#[test]
fn a_container_whose_process_has_ended_is_refused_and_leaves_nothing() {
    if !allowed_to_run() {
        return;
    }
    let site = Site::new(8);
    let before = site.traces();
    let id = ContainerId::new("container000").unwrap();
    let refusal = site
        .network
        .attach(&id, u32::MAX, site.address(0), true)
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("opening the network namespace /proc/4294967295/ns/net"),
        "{refusal}"
    );
    assert_eq!(site.traces(), before);
    let listing = shell(&format!("nft list table inet {}", site.instance.name));
    assert!(!listing.contains("container000"), "{listing}");
}

/// Not a promise, a figure to look at: `cargo test -p guise-network -- --nocapture --ignored`.
#[test]
#[ignore = "a measurement"]
fn attaching_takes_milliseconds() {
    let mut site = Site::new(9);
    for slot in 0..10 {
        let namespace = Namespace::new();
        let id = ContainerId::new(format!("container{slot:03}")).unwrap();
        let begun = Instant::now();
        site.network
            .attach(&id, namespace.pid(), site.address(slot), true)
            .unwrap();
        println!("attach {:?}", begun.elapsed());
        site.containers.push((id, namespace));
    }
    let begun = Instant::now();
    site.network.detach(&site.containers[0].0).unwrap();
    println!("detach {:?}", begun.elapsed());
}

#[test]
fn a_restricted_container_reaches_only_what_is_open_to_it() {
    if !allowed_to_run() {
        return;
    }
    let mut site = Site::new(10);
    let app = site.container(true);
    let outside = Outside::new("t3o10", 10);
    let (from, to) = (site.address(app), outside.address);
    let _web = outside.namespace.listen(to, 443);
    let _other = outside.namespace.listen(to, 8443);
    let _mail = outside.namespace.listen(to, 25);
    assert!(site.inside(app).reaches(to, 8443), "nothing is restricted yet");
    let host = AddressRange::only(to);
    let nets = [
        Opening::of_port(AddressRange::new(to, 24).unwrap(), 443),
        Opening::of_port(host, 25),
        Opening::of_port(host, 443),
    ];
    site.network.set_outbound(from, Some(&nets)).unwrap();
    assert!(site.inside(app).reaches(to, 443));
    assert!(!site.inside(app).reaches(to, 8443), "another port");
    assert!(
        !site.inside(app).reaches(to, 25),
        "port 25 is closed whatever the rules say"
    );
    // Another guised finds what this one has set.
    drop(Network::open(&site.instance, None).unwrap());
    assert!(site.inside(app).reaches(to, 443));
    site.network
        .set_outbound(from, Some(&[Opening::of_all_ports(host)]))
        .unwrap();
    assert!(site.inside(app).reaches(to, 8443));
    site.network.set_outbound(from, Some(&[])).unwrap();
    assert!(
        !site.inside(app).reaches(to, 443),
        "without a rule nothing is open"
    );
    site.network.set_outbound(from, None).unwrap();
    assert!(site.inside(app).reaches(to, 8443));
}
