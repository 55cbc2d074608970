//! Certificates of a public authority by ACME (RFC 8555): asked for when a host is first served, renewed before they expire.
//!
//! Until there is one, a host is served with the local authority's. A host that is refused is tried again, less and less
//! often; what the authority said is in the certificate list.

mod account;
mod attempts;
mod order;

use crate::{
    certificates::Certificates,
    config::AcmeConfig,
    edge::{EdgeClient, SecureName},
};
use anyhow::{Context, Result};
use attempts::Attempts;
use guise_certificate::Certified;
use guise_model::ProjectId;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// A certificate is renewed when this little is left of it (spec 3.6), or a third of its life if that is less.
const RENEW: Duration = Duration::from_secs(28 * 24 * 3600);
/// How long nothing is looked at if nothing is to be done and no host comes.
const REST: Duration = Duration::from_secs(3600);
/// Hosts that no public authority knows (RFC 6761, RFC 6762).
const PRIVATE: [&str; 3] = ["localhost", "local", "internal"];

/// The hosts' certificates of an authority.
pub struct Acme {
    config: AcmeConfig,
    certificates: Arc<Certificates>,
    edge: Arc<EdgeClient>,
    attempts: Mutex<Attempts>,
}

/// How a host stands with the authority.
pub struct HostStatus {
    /// The host.
    pub host: String,
    /// Its certificate, if there is one.
    pub certified: Option<Certified>,
    /// Why there is none, or not a newer one, and when it is tried again.
    pub problem: Option<String>,
}

impl Acme {
    /// What was tried before is remembered, so that a restart does not bother the authority.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub fn open(
        config: AcmeConfig,
        certificates: Arc<Certificates>,
        edge: Arc<EdgeClient>,
    ) -> Result<Arc<Self>> {
        let attempts = Mutex::new(Attempts::read(certificates.issued())?);
        Ok(Arc::new(Self {
            config,
            certificates,
            edge,
            attempts,
        }))
    }

    /// Asks for what is missing or expires soon, for as long as the process lives.
    pub async fn run(self: Arc<Self>) {
        loop {
            let rest = match self.work().await {
                Ok(rest) => rest,
                Err(error) => {
                    tracing::error!("certificates are not looked after: {error:#}");
                    REST
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = self.edge.hosts_changed() => {}
            }
        }
    }

    /// How the hosts of a project stand.
    pub fn of_project(&self, project: &ProjectId) -> Vec<HostStatus> {
        let hosts = self.hosts().into_iter();
        let hosts = hosts.filter(|name| name.project == project.as_str());
        let attempts = self.attempts();
        hosts
            .map(|SecureName { host, .. }| HostStatus {
                certified: self.certificates.issued().find(&host).ok().flatten(),
                problem: attempts.problem(&host),
                host,
            })
            .collect()
    }

    /// Does what is due, one host after the other; answers how long nothing else is.
    async fn work(&self) -> Result<Duration> {
        let now = SystemTime::now();
        let mut rest = REST;
        let mut changed = false;
        for SecureName { host, .. } in self.hosts() {
            let wait = self.due(&host)?.duration_since(now).unwrap_or_default();
            if !wait.is_zero() {
                rest = rest.min(wait);
                continue;
            }
            changed |= self.attempt(&host).await?;
            rest = rest.min(self.due(&host)?.duration_since(now).unwrap_or_default());
        }
        if changed {
            let edge = Arc::clone(&self.edge);
            tokio::task::spawn_blocking(move || edge.renew())
                .await?
                .context("giving the edge new certificates")?;
        }
        // A clock that was set, or an authority that issues what has expired, must not keep the processor busy.
        Ok(rest.max(Duration::from_secs(1)))
    }

    /// Those that an authority can know, and for which nobody has brought a certificate.
    fn hosts(&self) -> Vec<SecureName> {
        let mut hosts = self.edge.secure_names();
        hosts.retain(|SecureName { project, host }| {
            is_public(host) && !self.certificates.is_brought(project, host)
        });
        hosts
    }

    /// When a host's certificate is asked for.
    fn due(&self, host: &str) -> Result<SystemTime> {
        let renewal = match self.certificates.issued().find(host)? {
            Some(certified) => renewal(&certified),
            None => SystemTime::UNIX_EPOCH,
        };
        Ok(self.attempts().not_before(host).max(renewal))
    }

    async fn attempt(&self, host: &str) -> Result<bool> {
        tracing::info!("asking {} for a certificate for {host}", self.config.directory);
        match self.issue(host).await {
            Ok(()) => {
                self.attempts().succeeded(host, self.certificates.issued())?;
                tracing::info!("{host} has a certificate");
                Ok(true)
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!("{host} has no new certificate: {reason}");
                self.attempts().failed(host, reason, self.certificates.issued())?;
                Ok(false)
            }
        }
    }

    async fn issue(&self, host: &str) -> Result<()> {
        let account = account::open(&self.config, self.certificates.issued()).await?;
        let (chain, key) = order::certificate(&account, &self.edge, host).await?;
        self.certificates.issued().keep(host, &chain, &key)?;
        Ok(())
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        // Each change is one call on a map.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_public(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    // Who proves by a host's answer proves nothing for a wildcard (RFC 8555, 8.3).
    !host.starts_with("*.") && host.contains('.') && !PRIVATE.contains(&last)
}

fn renewal(certified: &Certified) -> SystemTime {
    let life = certified
        .expires
        .duration_since(certified.begins)
        .unwrap_or_default();
    certified.expires - RENEW.min(life / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_an_authority_can_know_are_asked_for() {
        assert!(is_public("www.example.com"));
        for host in [
            "localhost",
            "main.localhost",
            "a.local",
            "*.example.com",
            "example",
        ] {
            assert!(!is_public(host), "{host}");
        }
    }
}
