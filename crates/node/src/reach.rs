//! Connections out of a container's network, made for somebody outside.

use crate::{Node, NodeError};
use guise_model::ContainerId;
use guise_sys::{
    namespace::{self, Namespaces},
    process,
};
use rustix::process::Pid;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

impl Node {
    /// Connects from inside a container's network: to what it may reach, by the names that it knows, and to nothing else.
    ///
    /// # Errors
    /// When the container does not run, the name is none of its own, or nobody answers.
    pub fn reach(&self, id: &ContainerId, host: &str, port: u16) -> Result<TcpStream, NodeError> {
        let failed = |source| NodeError::Connect {
            id: id.clone(),
            to: format!("{host}:{port}"),
            source,
        };
        let (entry, init) = self.running(id)?;
        let known = entry.record().spec.link.hosts;
        let address = address(host, |name| {
            known
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| entry.address)
        });
        let Some(address) = address else {
            let unknown = "it knows no such name; addresses and the names of its relationships are known";
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, unknown)));
        };
        let pid = i32::try_from(init.pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| NodeError::NotRunning { id: id.clone() })?;
        let pidfd = process::open(pid).map_err(|errno| failed(errno.into()))?;
        if !init.lives() {
            // The number may be another process's by now, and so the network another one.
            return Err(NodeError::NotRunning { id: id.clone() });
        }
        let connect = || {
            namespace::enter_process(pidfd.as_fd(), Namespaces::NETWORK)?;
            TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE)
        };
        // Namespaces are per thread: this one ends inside, and no other ever was there.
        let connected = std::thread::scope(|scope| scope.spawn(connect).join());
        let connected =
            connected.unwrap_or_else(|_| Err(io::Error::other("the thread that connects failed")));
        connected.map_err(failed)
    }
}

fn address(host: &str, known: impl Fn(&str) -> Option<Ipv4Addr>) -> Option<IpAddr> {
    if host == "localhost" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().ok().or_else(|| known(host).map(IpAddr::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_and_addresses_lead_somewhere() {
        let known = |name: &str| (name == "database.internal").then_some(Ipv4Addr::new(10, 0, 0, 7));
        let lead = |host| address(host, known).map(|address| address.to_string());
        assert_eq!(lead("database.internal").as_deref(), Some("10.0.0.7"));
        assert_eq!(lead("localhost").as_deref(), Some("127.0.0.1"));
        assert_eq!(lead("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(lead("example.org"), None);
        assert_eq!(lead("/run/app.sock"), None);
    }
}
