//! The network of one instance: its table and its links, changed together.

use crate::{
    elements::Elements,
    forwarding::{self, ForwardingError},
    link::{self, Link, LinkError},
    names::{NamesError, host_nameservers},
    nft::{self, NftError},
    opening::Opening,
    route::{self, Route},
    ruleset::{self, Ruleset},
};
use guise_model::{ContainerId, Instance};
use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Something about the network could not be done.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum NetworkError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Nft(#[from] NftError),
    #[error(transparent)]
    Forwarding(#[from] ForwardingError),
    #[error(transparent)]
    Names(#[from] NamesError),
    #[error(
        "the addresses {network}/{prefix} are not free: this machine has a route to {taken} through {link}, which is not \
         this guise's; another guise or network uses them. Choose others in config.toml: [instance.addresses] network, prefix"
    )]
    Taken {
        network: Ipv4Addr,
        prefix: u8,
        taken: Ipv4Addr,
        link: String,
    },
}

/// The network of one instance. Safe to use from many threads; changes of the table happen one after the other.
#[derive(Debug)]
pub struct Network {
    instance: Instance,
    nameservers: Vec<Ipv4Addr>,
    relay: Option<Ipv4Addr>,
    mtu: u32,
    elements: Mutex<Elements>,
}

impl Network {
    /// Makes the instance's table, or adopts the one that is there without a gap, and turns IPv4 forwarding on. `relay`
    /// takes the mail of containers that may send some, on port 25.
    ///
    /// # Errors
    /// When another one's routes lead to its addresses, or the table cannot be listed or made.
    pub fn open(instance: &Instance, relay: Option<Ipv4Addr>) -> Result<Self, NetworkError> {
        if let Some(route) = route::all()
            .into_iter()
            .find(|route| is_anothers(route, instance))
        {
            return Err(NetworkError::Taken {
                network: instance.addresses.network,
                prefix: instance.addresses.prefix,
                taken: route.destination,
                link: route.link,
            });
        }
        let nameservers = host_nameservers()?;
        let ruleset = Ruleset {
            instance,
            nameservers: &nameservers,
            relay,
        };
        let listing = nft::list(&instance.name)?;
        let elements = listing.as_ref().map(Elements::from_listing).unwrap_or_default();
        if !listing.is_some_and(|listing| ruleset.is_installed(&listing)) {
            nft::apply(&instance.name, &ruleset.replacement(&elements))?;
        }
        // Only now: a machine that forwards before the table is there would forward anything.
        forwarding::enable(&instance.name)?;
        Ok(Self {
            instance: instance.clone(),
            mtu: route::uplink_mtu(),
            nameservers,
            relay,
            elements: Mutex::new(elements),
        })
    }

    /// The host's nameservers, which a container that may leave can ask.
    pub fn nameservers(&self) -> &[Ipv4Addr] {
        &self.nameservers
    }

    /// Gives the container whose first process is `pid` its link, with `address` inside, and says whether it may open
    /// connections to the outside. A link that the container already has is replaced.
    ///
    /// # Errors
    /// Nothing is left behind then.
    pub fn attach(
        &self,
        id: &ContainerId,
        pid: u32,
        address: Ipv4Addr,
        egress: bool,
    ) -> Result<(), NetworkError> {
        let name = self.link_name(id);
        self.change(|elements| {
            elements.forget_link(&name);
            elements.links.insert((name.clone(), address));
            set_membership(&mut elements.egress, address, egress);
        })?;
        let link = Link {
            name: &name,
            address,
            gateway: self.instance.addresses.gateway(),
            mtu: self.mtu,
        };
        link.create(pid).or_else(|error| {
            self.change(|elements| elements.forget_link(&name))?;
            Err(error.into())
        })
    }

    /// Takes a container's link away, and all that was allowed to it and towards it. Nothing to do is no error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(&self, id: &ContainerId) -> Result<(), NetworkError> {
        let name = self.link_name(id);
        link::remove(&name)?;
        self.change(|elements| elements.forget_link(&name))
    }

    /// Replaces the connections that `source` may open to other containers: address and TCP port of each.
    /// Connections that are open stay open.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn set_connections(&self, source: Ipv4Addr, connect: &[(Ipv4Addr, u16)]) -> Result<(), NetworkError> {
        self.change(|elements| {
            elements.connections.retain(|(from, ..)| *from != source);
            elements
                .connections
                .extend(connect.iter().map(|(to, port)| (source, *to, *port)));
        })
    }

    /// Says whether `source` may open connections to the outside.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn set_egress(&self, source: Ipv4Addr, allowed: bool) -> Result<(), NetworkError> {
        self.change(|elements| set_membership(&mut elements.egress, source, allowed))
    }

    /// Says whether `source` may hand mail to the relay.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn set_mail(&self, source: Ipv4Addr, allowed: bool) -> Result<(), NetworkError> {
        self.change(|elements| set_membership(&mut elements.mail, source, allowed))
    }

    /// Says what `source` may open to the outside if it may open anything: these, or all if `None`. Connections that
    /// are open stay open.
    ///
    /// # Errors
    /// Nothing is changed then.
    pub fn set_outbound(&self, source: Ipv4Addr, only: Option<&[Opening]>) -> Result<(), NetworkError> {
        self.change(|elements| {
            set_membership(&mut elements.restricted, source, only.is_some());
            elements.outbound.retain(|(from, _)| *from != source);
            let openings = Opening::disjoint(only.unwrap_or_default());
            elements
                .outbound
                .extend(openings.into_iter().map(|opening| (source, opening)));
        })
    }

    /// The containers that have a link.
    ///
    /// # Errors
    /// When the kernel does not list its links.
    pub fn links(&self) -> Result<Vec<ContainerId>, NetworkError> {
        let prefix = &self.instance.link_prefix;
        Ok(link::list()?
            .iter()
            .filter_map(|name| link::owner(prefix, name))
            .collect())
    }

    /// Removes every link of this instance whose container is not in `keep`, and every element that does not belong to
    /// one that is. Answers whose links were removed.
    ///
    /// # Errors
    /// When the kernel refuses; what was removed until then is gone.
    pub fn sweep(&self, keep: &BTreeSet<ContainerId>) -> Result<Vec<ContainerId>, NetworkError> {
        let links = self.links()?;
        let (kept, gone): (Vec<_>, Vec<_>) = links.into_iter().partition(|id| keep.contains(id));
        for id in &gone {
            link::remove(&self.link_name(id))?;
        }
        let names: BTreeSet<String> = kept.iter().map(|id| self.link_name(id)).collect();
        self.change(|elements| {
            elements.links.retain(|(name, _)| names.contains(name));
            let known: BTreeSet<Ipv4Addr> = elements.links.iter().map(|(_, address)| *address).collect();
            elements
                .connections
                .retain(|(from, to, _)| known.contains(from) && known.contains(to));
            elements.egress.retain(|address| known.contains(address));
            elements.mail.retain(|address| known.contains(address));
            elements.restricted.retain(|address| known.contains(address));
            elements.outbound.retain(|(from, _)| known.contains(from));
        })?;
        Ok(gone)
    }

    /// Removes every link and the table, and puts forwarding back to what it was unless another guise needs it.
    ///
    /// # Errors
    /// When the kernel refuses; it can be called again.
    pub fn close(&self) -> Result<(), NetworkError> {
        let mut elements = self.lock();
        for id in self.links()? {
            link::remove(&self.link_name(&id))?;
        }
        nft::apply(&self.instance.name, &ruleset::removal(&self.instance.name))?;
        *elements = Elements::default();
        Ok(forwarding::restore(&self.instance.name)?)
    }

    /// The name of the host's end of a container's link.
    pub fn link_name(&self, id: &ContainerId) -> String {
        link::name(&self.instance.link_prefix, id)
    }

    fn lock(&self) -> MutexGuard<'_, Elements> {
        // The elements are replaced as a whole and only after success: a thread that panicked left them whole.
        self.elements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the table's elements in one transaction.
    fn change(&self, change: impl FnOnce(&mut Elements)) -> Result<(), NetworkError> {
        let mut elements = self.lock();
        let mut wanted = elements.clone();
        change(&mut wanted);
        let commands = wanted.commands_from(&elements, &self.instance.name);
        if commands.is_empty() {
            return Ok(());
        }
        if nft::apply(&self.instance.name, &commands).is_err() {
            // Somebody else changed the table, say `nft flush ruleset` of a reloaded firewall: put all of it back.
            let ruleset = Ruleset {
                instance: &self.instance,
                nameservers: &self.nameservers,
                relay: self.relay,
            };
            nft::apply(&self.instance.name, &ruleset.replacement(&wanted))?;
        }
        *elements = wanted;
        Ok(())
    }
}

/// Whether a route leads to the instance's addresses through a link that no container of it can have.
fn is_anothers(route: &Route, instance: &Instance) -> bool {
    route.is_within(&instance.addresses) && link::owner(&instance.link_prefix, &route.link).is_none()
}

fn set_membership(set: &mut BTreeSet<Ipv4Addr>, address: Ipv4Addr, member: bool) {
    if member {
        set.insert(address);
    } else {
        set.remove(&address);
    }
}
