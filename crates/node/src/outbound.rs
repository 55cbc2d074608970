//! Outbound rules by address and by name. The packet filter knows no names: a thread keeps the addresses of those that
//! rules name, and opens them to the containers that have the rule.
//!
//! A container asks the same nameservers, but not at the same moment, and a name with many addresses has others each
//! time: an address that was seen stays open for a while after its time to live.

use crate::{Egress, Link, Node, NodeError, node::Inner};
use guise_model::{AddressRange, Outbound};
use guise_network::{Answer, Opening, lookup};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

/// How long an address stays open beyond its time to live.
const GRACE: Duration = Duration::from_secs(600);
/// A name is looked up no more often, whatever its nameserver says.
const LEAST: Duration = Duration::from_secs(5);
/// A name is looked up no less often.
const MOST: Duration = Duration::from_secs(300);
/// How often it is seen which names are due.
const LOOK: Duration = Duration::from_secs(1);
/// The port of nameservers.
const DNS: u16 = 53;

/// The addresses of names that rules name.
#[derive(Debug, Default)]
pub(crate) struct Domains(Mutex<BTreeMap<String, Domain>>);

#[derive(Debug, Default)]
struct Domain {
    /// Until when each address stays open.
    addresses: BTreeMap<Ipv4Addr, Instant>,
    /// When it is to be looked up again; at once if `None`.
    due: Option<Instant>,
}

impl Domain {
    fn learn(&mut self, answer: &Answer, now: Instant) {
        let ttl = answer.ttl.min(MOST);
        for address in &answer.addresses {
            self.addresses.insert(*address, now + ttl + GRACE);
        }
        self.addresses.retain(|_, until| *until > now);
        self.due = Some(now + ttl.max(LEAST));
    }
}

impl Domains {
    /// What rules open as far as their names are known.
    fn openings(&self, rules: &[Outbound]) -> Vec<Opening> {
        let domains = self.lock();
        let mut all = Vec::new();
        for rule in rules {
            let known = rule.domains.iter().filter_map(|name| domains.get(name));
            let named = known.flat_map(|domain| domain.addresses.keys().copied().map(AddressRange::only));
            for range in rule.ips.iter().copied().chain(named) {
                match rule.ports.as_slice() {
                    [] => all.push(Opening::of_all_ports(range)),
                    ports => all.extend(ports.iter().map(|port| Opening::of_port(range, *port))),
                }
            }
        }
        all
    }

    /// Those of `names` that are to be looked up now.
    fn due<'a>(&self, names: impl Iterator<Item = &'a String>, now: Instant) -> BTreeSet<String> {
        let domains = self.lock();
        let is_due = |name: &&String| {
            let due = domains.get(*name).and_then(|domain| domain.due);
            due.is_none_or(|due| due <= now)
        };
        names.filter(is_due).cloned().collect()
    }

    /// Looks a name up. A nameserver that does not answer is asked again soon; what was known holds on.
    fn look_up(&self, name: &str, nameservers: &[Ipv4Addr]) {
        let answers = nameservers
            .iter()
            .map(|server| lookup((*server, DNS).into(), name));
        let answer = answers
            .inspect(|answer| {
                if let Err(error) = answer {
                    tracing::debug!(%error, "a nameserver does not help");
                }
            })
            .find_map(Result::ok);
        let now = Instant::now();
        let mut domains = self.lock();
        let domain = domains.entry(name.into()).or_default();
        match answer {
            Some(answer) => domain.learn(&answer, now),
            None => domain.due = Some(now + LEAST),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Domain>> {
        // A domain is changed as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// Opens to a container what its link says it may open outside.
    pub(crate) fn open_outbound(&self, link: &Link) -> Result<(), NodeError> {
        let network = &self.inner.network;
        network.set_mail(link.address, link.mail)?;
        let Egress::Only(rules) = &link.egress else {
            return Ok(network.set_outbound(link.address, None)?);
        };
        let domains = &self.inner.domains;
        let names = rules.iter().flat_map(|rule| &rule.domains);
        for name in domains.due(names, Instant::now()) {
            domains.look_up(&name, network.nameservers());
        }
        Ok(network.set_outbound(link.address, Some(&domains.openings(rules)))?)
    }

    /// Starts the thread that follows names. It ends with the node.
    pub(crate) fn follow_names(&self) {
        let inner = Arc::downgrade(&self.inner);
        thread::spawn(move || {
            while let Some(node) = revive(&inner) {
                node.look_names_up();
                drop(node);
                thread::sleep(LOOK);
            }
        });
    }

    /// Looks up what is due, and opens it to the containers whose rules name it.
    fn look_names_up(&self) {
        let entries = self.entries();
        let links: Vec<Link> = entries.iter().map(|entry| entry.record().spec.link).collect();
        let due = self
            .inner
            .domains
            .due(links.iter().flat_map(named), Instant::now());
        for name in &due {
            self.inner.domains.look_up(name, self.inner.network.nameservers());
        }
        for (entry, link) in entries.iter().zip(&links) {
            if !named(link).any(|name| due.contains(name)) {
                continue;
            }
            let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
            // Its rules may be others by now, and its address another container's.
            let record = entry.record();
            if self.entry(&record.spec.id).is_none() {
                continue;
            }
            if let Err(error) = self.open_outbound(&record.spec.link) {
                tracing::warn!(%error, container = %record.spec.id, "cannot open what names lead to");
            }
        }
    }
}

fn named(link: &Link) -> impl Iterator<Item = &String> {
    let rules = match &link.egress {
        Egress::Only(rules) => rules.as_slice(),
        Egress::Allow | Egress::Deny => &[],
    };
    rules.iter().flat_map(|rule| &rule.domains)
}

fn revive(inner: &Weak<Inner>) -> Option<Node> {
    inner.upgrade().map(|inner| Node { inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const SECOND: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    fn answer(address: Ipv4Addr, seconds: u64) -> Answer {
        Answer {
            addresses: vec![address],
            ttl: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn an_address_that_was_seen_stays_open_for_a_while() {
        let (mut domain, now) = (Domain::default(), Instant::now());
        domain.learn(&answer(FIRST, 60), now);
        assert_eq!(domain.due, Some(now + Duration::from_secs(60)));
        let later = now + Duration::from_secs(60);
        domain.learn(&answer(SECOND, 0), later);
        assert_eq!(
            domain.addresses.keys().copied().collect::<Vec<_>>(),
            [FIRST, SECOND]
        );
        assert_eq!(domain.due, Some(later + LEAST));
        domain.learn(&answer(SECOND, 60), now + Duration::from_secs(60) + GRACE);
        assert_eq!(domain.addresses.keys().copied().collect::<Vec<_>>(), [SECOND]);
    }

    #[test]
    fn rules_open_their_ranges_and_what_their_names_lead_to() {
        let domains = Domains::default();
        let mut domain = Domain::default();
        domain.learn(&answer(FIRST, 60), Instant::now());
        domains.lock().insert("api.example".into(), domain);
        let range = AddressRange::new(SECOND, 24).unwrap();
        let rules = [
            Outbound {
                ips: Vec::new(),
                domains: vec!["api.example".into(), "unknown.example".into()],
                ports: vec![443],
            },
            Outbound {
                ips: vec![range],
                domains: Vec::new(),
                ports: Vec::new(),
            },
        ];
        let wanted = [
            Opening::of_port(AddressRange::only(FIRST), 443),
            Opening::of_all_ports(range),
        ];
        assert_eq!(domains.openings(&rules), wanted);
        let names = rules.iter().flat_map(|rule| &rule.domains);
        let due = domains.due(names, Instant::now());
        assert_eq!(due.into_iter().collect::<Vec<_>>(), ["unknown.example"]);
    }
}
