//! Which languages and services there are images for: plain knowledge given by the caller.

use guise_model::Profile;
use std::collections::BTreeMap;

/// The type of service that is a disk and nothing else: apps mount it, no container runs it.
pub const NETWORK_STORAGE: &str = "network-storage";

/// Which images there are.
pub trait Types {
    /// The image for a language's version; an empty version means the newest.
    fn runtime(&self, name: &str, version: &str) -> Resolution;
    /// The image for a service's version.
    fn service(&self, name: &str, version: &str) -> Resolution;
    /// All languages.
    fn runtime_names(&self) -> Vec<String>;
    /// All types of services.
    fn service_names(&self) -> Vec<String>;
    /// The endpoint that a service has without being configured: `mysql`.
    fn default_endpoint(&self, service_type: &str) -> Option<String>;
    /// What `runtime.extensions` of a language's version may name; `None` where there is no such thing.
    fn extensions(&self, name: &str, version: &str) -> Option<&[String]>;
    /// Least disk of a service in megabytes; `None` for services that keep nothing on a disk.
    fn min_disk_mb(&self, service_type: &str) -> Option<u64>;
}

/// Which image a written version stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Just that one.
    Exact {
        /// The image's version.
        version: String,
    },
    /// There is none of that version; this is the nearest newer one.
    Newer {
        /// The image's version.
        version: String,
    },
    /// There is no image of that name.
    UnknownName,
    /// There is neither that version nor a newer one that can stand in.
    UnknownVersion {
        /// The versions there are.
        versions: Vec<String>,
    },
}

/// Types kept in memory.
#[derive(Debug, Clone, Default)]
pub struct TypeList {
    /// Language to versions.
    pub runtimes: BTreeMap<String, Vec<String>>,
    /// Language to version to its extensions.
    pub extensions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Type to service.
    pub services: BTreeMap<String, ServiceType>,
}

/// What is known of a type of service.
#[derive(Debug, Clone, Default)]
pub struct ServiceType {
    /// The versions there are images for.
    pub versions: Vec<String>,
    /// See [`Types::default_endpoint`].
    pub default_endpoint: Option<String>,
    /// See [`Types::min_disk_mb`].
    pub min_disk_mb: Option<u64>,
}

impl Types for TypeList {
    fn runtime(&self, name: &str, version: &str) -> Resolution {
        self.runtimes
            .get(name)
            .map_or(Resolution::UnknownName, |versions| {
                resolve(name, version, versions)
            })
    }

    fn service(&self, name: &str, version: &str) -> Resolution {
        self.services
            .get(name)
            .map_or(Resolution::UnknownName, |service| {
                resolve(name, version, &service.versions)
            })
    }

    fn runtime_names(&self) -> Vec<String> {
        self.runtimes.keys().cloned().collect()
    }

    fn service_names(&self) -> Vec<String> {
        self.services.keys().cloned().collect()
    }

    fn default_endpoint(&self, service_type: &str) -> Option<String> {
        self.services.get(service_type)?.default_endpoint.clone()
    }

    fn extensions(&self, name: &str, version: &str) -> Option<&[String]> {
        Some(self.extensions.get(name)?.get(version)?)
    }

    fn min_disk_mb(&self, service_type: &str) -> Option<u64> {
        self.services.get(service_type)?.min_disk_mb
    }
}

/// The version of `available` that `wanted` stands for: the same, else the nearest newer one (spec 2.5), never an
/// older one. PHP and Python programs do not survive a new first number, so these two never cross one.
pub fn resolve(name: &str, wanted: &str, available: &[String]) -> Resolution {
    let mut ascending: Vec<(Vec<u64>, &String)> = available
        .iter()
        .filter_map(|text| Some((numbers(text)?, text)))
        .collect();
    ascending.sort();
    let unknown = || Resolution::UnknownVersion {
        versions: ascending.iter().map(|(_, text)| (*text).clone()).collect(),
    };
    let Some(wanted) = (if wanted.is_empty() {
        Some(Vec::new())
    } else {
        numbers(wanted)
    }) else {
        return unknown();
    };
    // `3` means any `3.x`, and an image `20` is any `20.x`.
    let same = |version: &[u64]| version.iter().zip(&wanted).all(|(a, b)| a == b);
    let exact = ascending.iter().find(|(version, _)| *version == wanted);
    let same = || ascending.iter().rev().find(|(version, _)| same(version));
    if let Some((_, version)) = exact.or_else(same) {
        return Resolution::Exact {
            version: (*version).clone(),
        };
    }
    let stays_compatible =
        |version: &[u64]| !matches!(name, "php" | "python") || version.first() == wanted.first();
    match ascending
        .iter()
        .find(|(version, _)| *version > wanted && stays_compatible(version))
    {
        Some((_, version)) => Resolution::Newer {
            version: (*version).clone(),
        },
        None => unknown(),
    }
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// The column of the size table that a type belongs to (spec 1.18).
pub fn profile(type_name: &str, is_service: bool) -> Profile {
    match type_name {
        "redis" | "redis-persistent" | "valkey" | "valkey-persistent" | "memcached" | "mercure" => {
            Profile::Balanced
        }
        "java" => Profile::HighMemory,
        "chrome-headless" => Profile::HighCpu,
        _ if is_service => Profile::HighMemory,
        _ => Profile::HighCpu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(name: &str, wanted: &str, available: &[&str]) -> Resolution {
        resolve(
            name,
            wanted,
            &available.iter().map(|v| v.to_string()).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn versions_map_to_the_nearest_newer_one_and_never_to_an_older_one() {
        let exact = |v: &str| Resolution::Exact { version: v.into() };
        let newer = |v: &str| Resolution::Newer { version: v.into() };
        assert_eq!(resolved("mariadb", "10.11", &["11.8", "10.11"]), exact("10.11"));
        assert_eq!(resolved("mariadb", "11.4", &["10.11", "11.8"]), newer("11.8"));
        assert_eq!(resolved("mariadb", "10.5", &["10.11", "11.8"]), newer("10.11"));
        assert_eq!(resolved("nodejs", "19", &["18", "20"]), newer("20"));
        assert_eq!(resolved("nodejs", "20.1", &["18", "20"]), exact("20"));
        assert_eq!(resolved("python", "3", &["3.11", "3.9"]), exact("3.11"));
        assert_eq!(resolved("python", "", &["3.11", "3.13"]), exact("3.13"));
        assert_eq!(resolved("rust", "1", &["1", "1.96", "1.97"]), exact("1"));
        let versions = vec!["3.11".to_string(), "3.13".to_string()];
        for version in ["2.7", "3.14", "4", "latest", "3.x", "-1"] {
            let unknown = Resolution::UnknownVersion {
                versions: versions.clone(),
            };
            assert_eq!(
                resolved("python", version, &["3.13", "3.11"]),
                unknown,
                "{version}"
            );
        }
    }
}
