//! A bundle's config.json, read and checked for what must be true before anything is made.

use crate::refuse;
use crate::rootfs::is_propagation;
use guise_sys::namespace::Namespaces;
use oci_spec::runtime::{Linux, LinuxIdMapping, LinuxNamespaceType, Process, Spec};
use std::path::{Path, PathBuf};

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what the specification says.
    #[error("parsing {path}: {source}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A required key is missing.
    #[error("config.json: {key} is missing")]
    Missing {
        /// The key, dotted.
        key: &'static str,
    },
    /// A key has a value that cannot be meant.
    #[error("config.json: {key} is {value:?}, but must be {expected}")]
    Invalid {
        /// The key, dotted.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A key asks for something that is not done yet.
    #[error("config.json: {key} is not supported by guise")]
    Unsupported {
        /// The key, dotted.
        key: &'static str,
    },
}

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The directory that relative paths start at.
    pub bundle: PathBuf,
    /// The configuration itself.
    pub spec: Spec,
    /// PID 1.
    pub process: Process,
    /// The Linux part.
    pub linux: Linux,
    /// Namespaces to make.
    pub new: Namespaces,
    /// Namespaces to join.
    pub joined: Vec<JoinedNamespace>,
}

/// A namespace to join instead of making one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedNamespace {
    /// Its kind.
    pub kind: Namespaces,
    /// Where it is.
    pub path: PathBuf,
}

impl Config {
    /// Reads `bundle`/config.json.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(bundle: &Path) -> Result<Self, ConfigError> {
        let bundle = std::fs::canonicalize(bundle).map_err(|source| ConfigError::Read {
            path: bundle.into(),
            source,
        })?;
        let spec = read_json(&bundle.join("config.json"))?;
        Self::check(bundle, spec)
    }

    /// Checks a configuration.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(bundle: PathBuf, spec: Spec) -> Result<Self, ConfigError> {
        let version = spec.version();
        if !version.starts_with("1.") {
            let value = version.clone();
            return Err(ConfigError::Invalid {
                key: "ociVersion",
                value,
                expected: "a 1.x version",
            });
        }
        let process = spec
            .process()
            .clone()
            .ok_or(ConfigError::Missing { key: "process" })?;
        check_process(&process)?;
        refuse::refuse(&spec)?;
        if spec.root().is_none() {
            return Err(ConfigError::Missing { key: "root" });
        }
        let linux = spec.linux().clone().unwrap_or_default();
        let (new, joined) = namespaces(&linux);
        let config = Self {
            bundle,
            spec,
            process,
            linux,
            new,
            joined,
        };
        config.check_namespaces()?;
        Ok(config)
    }

    fn check_namespaces(&self) -> Result<(), ConfigError> {
        if self.joined.iter().any(|joined| joined.kind == Namespaces::MOUNT) {
            return Err(ConfigError::Unsupported {
                key: "linux.namespaces: joining a mount namespace by path",
            });
        }
        let hidden = [self.linux.masked_paths(), self.linux.readonly_paths()];
        let hides = hidden.iter().any(|paths| paths.iter().flatten().next().is_some());
        if !self.new.contains(Namespaces::MOUNT) && (hides || self.linux.rootfs_propagation().is_some()) {
            // It would be hidden from the host as well.
            return Err(ConfigError::Missing {
                key: "linux.namespaces: a new mount namespace for maskedPaths, readonlyPaths and rootfsPropagation",
            });
        }
        if self.joined.iter().any(|joined| joined.kind == Namespaces::USER) {
            return Err(ConfigError::Unsupported {
                key: "linux.namespaces: joining a user namespace by path",
            });
        }
        let maps = [self.linux.uid_mappings(), self.linux.gid_mappings()];
        if self.has_user_namespace() && maps.iter().any(|map| map.iter().flatten().next().is_none()) {
            return Err(ConfigError::Missing {
                key: "linux.uidMappings or linux.gidMappings",
            });
        }
        if !self.has_user_namespace() && maps.iter().any(|map| map.iter().flatten().next().is_some()) {
            return Err(ConfigError::Missing {
                key: "linux.namespaces: a new user namespace for uidMappings and gidMappings",
            });
        }
        let named = self.spec.hostname().is_some() || self.spec.domainname().is_some();
        let own_uts = |joined: &JoinedNamespace| joined.kind == Namespaces::UTS;
        if named && !self.new.contains(Namespaces::UTS) && !self.joined.iter().any(own_uts) {
            return Err(ConfigError::Missing {
                key: "linux.namespaces: a uts namespace for hostname and domainname",
            });
        }
        if self.linux.time_offsets().is_some() && !self.new.contains(Namespaces::TIME) {
            return Err(ConfigError::Missing {
                key: "linux.namespaces: a new time namespace for timeOffsets",
            });
        }
        let propagation = self
            .linux
            .rootfs_propagation()
            .as_deref()
            .filter(|text| !text.is_empty());
        if let Some(value) = propagation.filter(|text| !is_propagation(text)) {
            return Err(ConfigError::Invalid {
                key: "linux.rootfsPropagation",
                value: value.into(),
                expected: "private, slave, shared or unbindable, or one of them with an r before it",
            });
        }
        Ok(())
    }

    /// Whether the container's ids are others than the host's: it has a user namespace of its own, or joins one.
    pub fn in_user_namespace(&self) -> bool {
        self.has_user_namespace() || self.joined.iter().any(|joined| joined.kind == Namespaces::USER)
    }

    /// Whether the container has a new user namespace.
    pub fn has_user_namespace(&self) -> bool {
        self.new.contains(Namespaces::USER)
    }

    /// The root directory on the host, absolute.
    pub fn rootfs(&self) -> PathBuf {
        let path = self
            .spec
            .root()
            .as_ref()
            .map_or_else(PathBuf::new, |root| root.path().clone());
        self.bundle.join(path)
    }

    /// Whether `/` is read-only inside.
    pub fn root_is_read_only(&self) -> bool {
        self.spec
            .root()
            .as_ref()
            .and_then(|root| root.readonly())
            .unwrap_or(false)
    }

    /// The text of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        Some(self.spec.annotations().as_ref()?.get(key)?.as_str())
    }

    /// Whether an annotation says `true`.
    pub fn is_annotated(&self, key: &str) -> bool {
        self.annotation(key) == Some("true")
    }

    /// User and group id maps.
    pub fn id_maps(&self) -> (&[LinuxIdMapping], &[LinuxIdMapping]) {
        (
            self.linux.uid_mappings().as_deref().unwrap_or_default(),
            self.linux.gid_mappings().as_deref().unwrap_or_default(),
        )
    }
}

/// Reads and parses a JSON file.
///
/// # Errors
/// [`ConfigError::Read`], [`ConfigError::Parse`].
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read(path).map_err(|source| ConfigError::Read {
        path: path.into(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| ConfigError::Parse {
        path: path.into(),
        source,
    })
}

/// Checks a process, of a container or to be run in one.
///
/// # Errors
/// [`ConfigError::Missing`], [`ConfigError::Invalid`].
pub fn check_process(process: &Process) -> Result<(), ConfigError> {
    refuse::refuse_process(process)?;
    let arguments = process.args().as_deref().unwrap_or_default();
    if arguments.first().is_none_or(String::is_empty) {
        return Err(ConfigError::Missing { key: "process.args" });
    }
    if !process.cwd().is_absolute() {
        let value = process.cwd().display().to_string();
        return Err(ConfigError::Invalid {
            key: "process.cwd",
            value,
            expected: "an absolute path",
        });
    }
    let texts = arguments.iter().chain(process.env().iter().flatten());
    match texts.into_iter().find(|text| text.contains('\0')) {
        Some(text) => Err(ConfigError::Invalid {
            key: "process.args or process.env",
            value: text.clone(),
            expected: "without NUL bytes",
        }),
        None => Ok(()),
    }
}

fn namespaces(linux: &Linux) -> (Namespaces, Vec<JoinedNamespace>) {
    let (mut new, mut joined) = (Namespaces::NONE, Vec::new());
    for namespace in linux.namespaces().iter().flatten() {
        let kind = match namespace.typ() {
            LinuxNamespaceType::Mount => Namespaces::MOUNT,
            LinuxNamespaceType::Cgroup => Namespaces::CGROUP,
            LinuxNamespaceType::Uts => Namespaces::UTS,
            LinuxNamespaceType::Ipc => Namespaces::IPC,
            LinuxNamespaceType::User => Namespaces::USER,
            LinuxNamespaceType::Pid => Namespaces::PID,
            LinuxNamespaceType::Network => Namespaces::NETWORK,
            LinuxNamespaceType::Time => Namespaces::TIME,
        };
        match namespace.path() {
            Some(path) if !path.as_os_str().is_empty() => joined.push(JoinedNamespace {
                kind,
                path: path.clone(),
            }),
            _ => new = new.with(kind),
        }
    }
    (new, joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut serde_json::Value)) -> Result<Config, ConfigError> {
        let mut value = serde_json::to_value(crate::template::spec()).unwrap();
        change(&mut value);
        Config::check("/bundle".into(), serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_template_is_a_valid_configuration() {
        let config = check(|_| ()).unwrap();
        assert!(config.new.contains(Namespaces::PID.with(Namespaces::MOUNT)));
        assert_eq!(config.rootfs(), Path::new("/bundle/rootfs"));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let refusal = |change: fn(&mut serde_json::Value)| check(change).unwrap_err().to_string();
        assert!(refusal(|c| c["process"]["cwd"] = "app".into()).contains("process.cwd"));
        assert!(refusal(|c| c["process"]["args"] = serde_json::json!([])).contains("process.args"));
        assert!(refusal(|c| c["ociVersion"] = "2.0.0".into()).contains("ociVersion"));
        assert!(refusal(|c| c["linux"]["namespaces"] = serde_json::json!([])).contains("namespaces"));
        assert!(refusal(|c| c["process"]["env"] = serde_json::json!(["A=\u{0}"])).contains("NUL"));
    }
}
