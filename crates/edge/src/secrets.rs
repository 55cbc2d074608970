//! What each host is served with over TLS: certificates and terms, by host and by environment.

use crate::{index::wildcard, secured::Secured, table_file::TableFile};
use guise_api::edge::SecureHost;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// The hosts of each environment by its key.
type Environments = BTreeMap<String, Vec<SecureHost>>;

/// The hosts. Handshakes read the index; commands change the environments and put a new index in its place.
#[derive(Debug)]
pub struct Secrets {
    environments: Mutex<Environments>,
    index: RwLock<HashMap<String, Arc<Secured>>>,
    file: Option<TableFile>,
}

impl Secrets {
    /// The hosts as `file` has them. A file that cannot be read is no reason not to serve: guised tells everything again.
    pub fn load(file: Option<TableFile>) -> Self {
        let environments = file.as_ref().map_or_else(Environments::new, |file| {
            file.load().unwrap_or_else(|error| {
                tracing::warn!("starting without certificates: {error:#}");
                Environments::new()
            })
        });
        let secrets = Self {
            environments: Mutex::default(),
            index: RwLock::default(),
            file,
        };
        for (environment, hosts) in environments {
            if let Err(error) = secrets.set(&environment, hosts) {
                tracing::warn!("{environment} is not served over TLS: {error}");
            }
        }
        secrets
    }

    /// What a host is served with; the name itself goes before a wildcard.
    pub fn find(&self, host: &str) -> Option<Arc<Secured>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.get(host).or_else(|| index.get(&wildcard(host)?)).cloned()
    }

    /// Replaces an environment's hosts, or changes nothing if one of them cannot be served.
    ///
    /// # Errors
    /// A certificate, key or authority that cannot be used.
    pub fn set(&self, environment: &str, hosts: Vec<SecureHost>) -> Result<(), rustls::Error> {
        let mut environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        if environments.get(environment) == Some(&hosts) {
            return Ok(());
        }
        let fresh: Vec<(String, Secured)> = hosts
            .iter()
            .map(|host| Ok((host.host.clone(), Secured::new(host)?)))
            .collect::<Result<_, rustls::Error>>()?;
        self.unlist(environments.get(environment));
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (host, secured) in fresh {
            index.insert(host, Arc::new(secured));
        }
        drop(index);
        environments.insert(environment.into(), hosts);
        self.store(&environments);
        Ok(())
    }

    /// Forgets the hosts of every environment for which `keep` is false.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        let before = environments.len();
        environments.retain(|key, hosts| {
            let kept = keep(key);
            if !kept {
                self.unlist(Some(hosts));
            }
            kept
        });
        if environments.len() < before {
            self.store(&environments);
        }
    }

    /// Leaves the file to another edge.
    pub fn give_up_file(&self) {
        // Under the lock: nobody is half-way through writing it.
        let _environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            file.give_up();
        }
    }

    fn unlist(&self, hosts: Option<&Vec<SecureHost>>) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for host in hosts.into_iter().flatten() {
            index.remove(&host.host);
        }
    }

    fn store(&self, environments: &Environments) {
        if let Some(file) = &self.file
            && let Err(error) = file.store(environments)
        {
            tracing::warn!("the certificates are in force, but would not survive a restart: {error:#}");
        }
    }
}
