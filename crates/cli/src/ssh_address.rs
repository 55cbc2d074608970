//! Where an app is over SSH, and the `ssh` program that goes there.

use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use guise_api::{App, paths};
use std::process::Command;

/// An address as the daemon gives it: `ssh://user@host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAddress {
    /// `user@host`.
    pub destination: String,
    /// The port.
    pub port: u16,
}

impl SshAddress {
    /// Reads a URL without a path.
    pub fn read(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("ssh://")?;
        let (user, host) = rest.split_once('@')?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (host, 22),
        };
        Some(Self {
            destination: format!("{user}@{host}"),
            port,
        })
    }

    /// `ssh` with the options and then the destination; what to run comes after.
    pub fn command(&self, options: &[String]) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-p", &self.port.to_string()])
            .args(options)
            .args(["--", &self.destination]);
        command
    }
}

/// An app or worker with its address: the one that is named, or the environment's first app.
pub async fn find(
    context: &Context,
    place: &Place,
    app: Option<&str>,
    worker: Option<&str>,
) -> Result<(App, SshAddress), Error> {
    let container = match (app, worker) {
        (app, None) => app.map(String::from),
        (Some(app), Some(worker)) => Some(format!("{app}--{worker}")),
        (None, Some(worker)) => {
            let first: App = context.client.get(&place.path(paths::APP)).await?;
            Some(format!("{}--{worker}", first.name))
        }
    };
    let path = crate::client::with_query(&place.path(paths::APP), &[("container", container.as_deref())]);
    let app: App = context.client.get(&path).await?;
    let address = app.ssh_url.as_deref().and_then(SshAddress::read);
    let address = address.ok_or(Error::NoGateway)?;
    Ok((app, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_of_its_own_or_the_usual_one() {
        let read = |url| SshAddress::read(url).map(|address| (address.destination, address.port));
        assert_eq!(
            read("ssh://abc-main--app@localhost:2222"),
            Some(("abc-main--app@localhost".into(), 2222))
        );
        assert_eq!(
            read("ssh://abc@example.org"),
            Some(("abc@example.org".into(), 22))
        );
        assert_eq!(read("https://example.org"), None);
    }
}
