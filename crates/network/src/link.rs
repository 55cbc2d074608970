//! A container's link: a veth pair, one end on the host, the other born inside as `eth0`.
//!
//! Nothing is shared: no bridge, no subnet. The host has one /32 route per container; the container has one neighbour,
//! the gateway. Both neighbour entries are static, so no ARP is ever needed and none can be forged.

use crate::{
    message::{self, Scope, Setting},
    netlink::{Refusal, RoutingSocket},
};
use guise_model::ContainerId;
use guise_sys::namespace::{self, Namespaces};
use rustix::io::Errno;
use std::{
    fs::{self, File},
    io,
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
};

/// The link's name inside.
const INSIDE: &str = "eth0";

/// A link could not be made, removed or listed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The container's network namespace.
    #[error("opening the network namespace {}: {source}; has the container's first process ended?", path.display())]
    OpenNamespace {
        /// Its file in /proc.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread must enter it to configure its inside.
    #[error("entering the network namespace of {link}: {source}")]
    EnterNamespace {
        /// The link's name on the host.
        link: String,
        /// `EPERM`: no CAP_SYS_ADMIN.
        source: Errno,
    },
    /// A routing socket.
    #[error("opening a routing socket: {source}")]
    OpenSocket {
        /// Why.
        source: Errno,
    },
    /// The kernel refused a request.
    #[error("link {link}: cannot {operation}: {}", refusal(*.source))]
    Refused {
        /// The link's name on the host.
        link: String,
        /// What was asked for.
        operation: &'static str,
        /// The kernel's answer.
        source: Errno,
    },
    /// A setting in /proc/sys.
    #[error("writing {}: {source}", path.display())]
    Setting {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that works inside the namespace.
    #[error("starting a thread to configure the inside of {link}: {source}")]
    Thread {
        /// The link's name on the host.
        link: String,
        /// Why.
        source: io::Error,
    },
    /// The list of links.
    #[error("listing the links: {source}")]
    List {
        /// Why.
        source: Errno,
    },
}

fn refusal(errno: Errno) -> String {
    let remedy = match errno {
        Errno::PERM => "; root is needed",
        Errno::OPNOTSUPP => "; the kernel has no veth driver (modprobe veth)",
        Errno::EXIST => "; something else on this machine uses the name or the address",
        _ => "",
    };
    format!("{errno}{remedy}")
}

/// What a link is to be.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its name on the host, 15 bytes at most.
    pub name: &'a str,
    /// The container's address.
    pub address: Ipv4Addr,
    /// The host's address on every link.
    pub gateway: Ipv4Addr,
    /// Longest packet, in bytes.
    pub mtu: u32,
}

impl Link<'_> {
    /// Makes the link with one end in the network namespace of process `pid`. Leaves nothing behind on failure.
    pub fn create(&self, pid: u32) -> Result<(), LinkError> {
        let namespace = open_namespace(pid)?;
        let host = open_socket()?;
        self.create_pair(&host, namespace.as_fd())?;
        self.configure_host(&host)
            .and_then(|()| self.configure_inside(namespace.as_fd()))
            .inspect_err(|_| {
                // The first error is the one that says what is wrong.
                let _ = remove_by_name(&host, self.name);
            })
    }

    fn create_pair(&self, host: &RoutingSocket, namespace: BorrowedFd<'_>) -> Result<(), LinkError> {
        let pair = || message::veth(self.name, self.gateway, namespace, INSIDE, self.address, self.mtu);
        let mut answer = host.ask(&[pair()]);
        if matches!(
            answer,
            Err(Refusal {
                errno: Errno::EXIST,
                ..
            })
        ) {
            // Left by a crash before its owner was written down: a container's id is never used for another.
            remove_by_name(host, self.name)?;
            answer = host.ask(&[pair()]);
        }
        answer.map_err(|refusal| refused(self.name, refusal))
    }

    fn configure_host(&self, host: &RoutingSocket) -> Result<(), LinkError> {
        disable_ipv6(self.name)?;
        let index = self.index(host, self.name)?;
        host.ask(&[
            message::settings(
                index,
                &[
                    (Setting::ReversePathFilter, 1),
                    (Setting::AcceptRedirects, 0),
                    (Setting::SendRedirects, 0),
                    (Setting::Forwarding, 1),
                ],
            ),
            message::address("add the gateway's address", index, self.gateway, Scope::Link),
            message::up("set the host's end up", index),
            message::neighbour("add the container as neighbour", index, self.address),
            message::host_route(index, self.address, self.gateway),
        ])
        .map_err(|refusal| refused(self.name, refusal))
    }

    /// A thread enters the namespace for good and ends there: the caller's threads never leave the host's.
    fn configure_inside(&self, namespace: BorrowedFd<'_>) -> Result<(), LinkError> {
        std::thread::scope(|scope| {
            let inside = std::thread::Builder::new()
                .name("network inside".into())
                .spawn_scoped(scope, || {
                    namespace::enter(namespace, Namespaces::NETWORK).map_err(|source| {
                        LinkError::EnterNamespace {
                            link: self.name.into(),
                            source,
                        }
                    })?;
                    self.configure_this_namespace()
                });
            match inside {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(source) => Err(LinkError::Thread {
                    link: self.name.into(),
                    source,
                }),
            }
        })
    }

    fn configure_this_namespace(&self) -> Result<(), LinkError> {
        disable_ipv6("all")?;
        disable_ipv6("default")?;
        let socket = open_socket()?;
        let loopback = self.index(&socket, "lo")?;
        let index = self.index(&socket, INSIDE)?;
        socket
            .ask(&[
                message::up("set the loopback up", loopback),
                message::settings(index, &[(Setting::AcceptRedirects, 0)]),
                message::address(
                    "add the container's address",
                    index,
                    self.address,
                    Scope::Universe,
                ),
                message::up("set the container's end up", index),
                message::neighbour("add the gateway as neighbour", index, self.gateway),
                message::default_route(index, self.gateway),
            ])
            .map_err(|refusal| refused(self.name, refusal))
    }

    fn index(&self, socket: &RoutingSocket, name: &str) -> Result<u32, LinkError> {
        socket.index(name).map_err(|errno| {
            refused(
                self.name,
                Refusal {
                    operation: "find its index",
                    errno,
                },
            )
        })
    }
}

/// Removes a link with both its ends; `false` if there is none.
pub fn remove(name: &str) -> Result<bool, LinkError> {
    remove_by_name(&open_socket()?, name)
}

/// The names of all links of this network namespace.
pub fn list() -> Result<Vec<String>, LinkError> {
    let links = open_socket()?
        .dump(message::RTM_GETLINK, &message::LIST_LINKS)
        .map_err(|source| LinkError::List { source })?;
    Ok(links.iter().filter_map(|link| message::link_name(link)).collect())
}

/// The link name of a container.
pub fn name(prefix: &str, id: &ContainerId) -> String {
    format!("{prefix}{id}")
}

/// The container whose link has this name, if it is one of ours.
pub fn owner(prefix: &str, name: &str) -> Option<ContainerId> {
    name.strip_prefix(prefix).and_then(|id| ContainerId::new(id).ok())
}

fn remove_by_name(socket: &RoutingSocket, name: &str) -> Result<bool, LinkError> {
    match socket.ask(&[message::removal(name)]) {
        Ok(()) => Ok(true),
        Err(Refusal {
            errno: Errno::NODEV, ..
        }) => Ok(false),
        Err(refusal) => Err(refused(name, refusal)),
    }
}

fn refused(link: &str, refusal: Refusal) -> LinkError {
    LinkError::Refused {
        link: link.into(),
        operation: refusal.operation,
        source: refusal.errno,
    }
}

fn open_socket() -> Result<RoutingSocket, LinkError> {
    RoutingSocket::open().map_err(|source| LinkError::OpenSocket { source })
}

fn open_namespace(pid: u32) -> Result<File, LinkError> {
    let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
    File::open(&path).map_err(|source| LinkError::OpenNamespace { path, source })
}

/// Before a link is up, so that it never has a link-local address. A kernel without IPv6 has nothing to disable.
fn disable_ipv6(interface: &str) -> Result<(), LinkError> {
    let path = PathBuf::from(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"));
    match fs::write(&path, "1") {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(LinkError::Setting { path, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_ours_only_with_prefix_and_a_whole_id() {
        let id = ContainerId::new("abcdefgh1234").unwrap();
        assert_eq!(name("gv", &id), "gvabcdefgh1234");
        assert_eq!(owner("gv", "gvabcdefgh1234"), Some(id));
        for foreign in [
            "gvpn0",
            "gx",
            "eth0",
            "gvabcdefgh123",
            "gvABCDEFGH1234",
            "xxabcdefgh1234",
        ] {
            assert_eq!(owner("gv", foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_loopback_is_among_the_links() {
        assert!(list().unwrap().contains(&"lo".to_owned()));
    }
}
