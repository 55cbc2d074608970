//! Settings: `<state>/config.toml`, every key optional.

use crate::remote::RemoteConfig;
use anyhow::{Context, Result};
use guise_model::Instance;
use guise_platform::{CronLimits, Retention, Sizes, SleepDefaults};
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// Settings of a daemon.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What sets this guise apart from another on the machine.
    pub instance: Instance,
    /// Where the edge listens.
    pub edge_listen: SocketAddr,
    /// Where the edge listens for TLS. By default on port 443 if it listens on port 80, else nowhere.
    pub edge_listen_tls: Option<SocketAddr>,
    /// Where the SSH gateway listens; nowhere with port 0.
    pub ssh_listen: SocketAddr,
    /// Memory of a new edge for answers that it keeps, in bytes; 0 to keep none.
    pub edge_cache_bytes: u64,
    /// Where the API listens besides its socket, by TLS and for those with tokens. By default nowhere.
    pub api: Option<RemoteConfig>,
    /// The certificate authority that hosts get certificates from; none if the section is not there.
    pub acme: Option<AcmeConfig>,
    /// Domain of generated URLs.
    pub domain: String,
    /// Directories with image recipes besides the shipped ones; later ones win.
    pub recipes: Vec<PathBuf>,
    /// Built base images by recipe hash, shared between guises.
    pub image_cache: PathBuf,
    /// Size of that cache, packages included: what was used longest ago makes room. All versions of all recipes fit into the
    /// default.
    pub image_cache_bytes: u64,
    /// Size of a new data pool, in bytes. Its file is sparse.
    pub pool_bytes: u64,
    /// How many automated backups of production are kept.
    pub backups: Retention,
    /// What crons are held to.
    pub crons: CronLimits,
    /// What sizes stand for where it is not what the table says: `S = { cpu = 0.5, memory = 512 }`, in processors and
    /// megabytes.
    pub sizes: Sizes,
    /// After how long without a visitor environments sleep, by their type: `development = "2h"`, or `"off"`.
    pub sleep: SleepDefaults,
    /// Who takes environments' mail.
    pub mail: Mail,
}

/// Outgoing mail.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Address of a server that takes mail from this machine on port 25. One on this machine listens on the first address
    /// of the containers' range, which they know it by. Without it no environment sends mail.
    pub relay: Option<Ipv4Addr>,
}

/// A certificate authority that speaks ACME. Naming it is agreeing to its terms.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeConfig {
    /// URL of its directory.
    pub directory: String,
    /// Whom it tells of certificates that expire.
    pub email: Option<String>,
    /// The certificate that it is trusted by, as a PEM file; those of the machine if there is none.
    pub ca: Option<PathBuf>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        Self {
            directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
            email: None,
            ca: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instance: Instance::default(),
            edge_listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            edge_listen_tls: None,
            edge_cache_bytes: 64 << 20,
            acme: None,
            ssh_listen: SocketAddr::from(([127, 0, 0, 1], 2222)),
            api: None,
            domain: "localhost".into(),
            recipes: Vec::new(),
            image_cache: "/var/cache/guise/images".into(),
            image_cache_bytes: 20_000_000_000,
            pool_bytes: 20_000_000_000,
            backups: Retention::default(),
            crons: CronLimits::default(),
            sizes: Sizes::default(),
            sleep: SleepDefaults::default(),
            mail: Mail::default(),
        }
    }
}

impl Config {
    /// The port of the SSH gateway, if there is one.
    pub fn ssh_port(&self) -> Option<u16> {
        Some(self.ssh_listen.port()).filter(|port| *port != 0)
    }

    /// Reads `<state>/config.toml`; the defaults when there is none.
    ///
    /// # Errors
    /// When it cannot be read or has a key or value that is not understood; the message shows the line.
    pub fn read(state: &Path) -> Result<Self> {
        let path = state.join("config.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("{} is not understood", path.display()))?;
        if config.edge_listen.port() == 80 && config.edge_listen_tls.is_none() {
            config.edge_listen_tls = Some(SocketAddr::new(config.edge_listen.ip(), 443));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_have_their_defaults_and_unknown_ones_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Config::read(directory.path()).unwrap().domain, "localhost");
        let file = directory.path().join("config.toml");
        std::fs::write(
            &file,
            "domain = \"sites.example\"\n[instance]\nname = \"other\"\n",
        )
        .unwrap();
        let config = Config::read(directory.path()).unwrap();
        assert_eq!(
            (config.domain.as_str(), config.instance.name.as_str()),
            ("sites.example", "other")
        );
        assert_eq!(config.instance.link_prefix, "gv");
        std::fs::write(&file, "edge_listen = \"127.0.0.1:80\"\n").unwrap();
        let config = Config::read(directory.path()).unwrap();
        assert_eq!(config.edge_listen_tls, Some(([127, 0, 0, 1], 443).into()));
        std::fs::write(&file, "domian = \"x\"\n").unwrap();
        let error = format!("{:#}", Config::read(directory.path()).unwrap_err());
        assert!(
            error.contains("domian") && error.contains("config.toml"),
            "{error}"
        );
    }
}
