//! Commits and images for tests.
#![allow(dead_code)]

use guise_config::{Colour, Loaded, ServiceType, Tree, TypeList, load, render};
use std::collections::BTreeMap;

/// A commit in memory.
#[derive(Default, Clone)]
pub struct Commit(pub BTreeMap<String, Vec<u8>>);

impl Commit {
    pub fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, text)| (path.into(), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

impl Tree for Commit {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// The images that tests know.
pub fn types() -> TypeList {
    let versions = |versions: &[&str]| {
        versions
            .iter()
            .map(|version| version.to_string())
            .collect::<Vec<_>>()
    };
    let service = |name: &str, available: &[&str], endpoint: &str, min_disk_mb: Option<u64>| {
        let default_endpoint = (!endpoint.is_empty()).then(|| endpoint.to_string());
        (
            name.to_string(),
            ServiceType {
                versions: versions(available),
                default_endpoint,
                min_disk_mb,
            },
        )
    };
    TypeList {
        runtimes: BTreeMap::from([
            ("python".to_string(), versions(&["3.11", "3.13"])),
            ("nodejs".to_string(), versions(&["18", "20"])),
            ("php".to_string(), versions(&["8.2", "8.4"])),
            ("ruby".to_string(), versions(&["3.1", "3.3"])),
            ("golang".to_string(), versions(&["1.24", "1.26"])),
            ("java".to_string(), versions(&["17", "21"])),
        ]),
        extensions: BTreeMap::from([(
            "php".to_string(),
            BTreeMap::from([("8.2".to_string(), versions(&["redis", "json", "pdo_pgsql"]))]),
        )]),
        services: BTreeMap::from([
            service("mariadb", &["10.11", "11.8"], "mysql", Some(256)),
            service("mysql", &["10.11", "11.8"], "mysql", Some(256)),
            service("postgresql", &["15", "17"], "postgresql", Some(256)),
            service("redis", &["7.0", "8.0"], "redis", None),
            service("redis-persistent", &["7.0", "8.0"], "redis", Some(128)),
            service("solr", &["9.9"], "solr", Some(256)),
            service("varnish", &["7.7"], "http", None),
            service("rabbitmq", &["4.0"], "rabbitmq", Some(512)),
            service("network-storage", &["1.0"], "", Some(256)),
            service("elasticsearch", &["7.10"], "elasticsearch", Some(256)),
        ]),
    }
}

/// A commit's project, which must be right.
pub fn loaded(commit: &Commit) -> Loaded {
    match load(commit, &types()) {
        Ok(loaded) => loaded,
        Err(findings) => panic!("{}", render(&findings, Colour::Never)),
    }
}

/// What people read about a commit that must be wrong.
pub fn refusal(commit: &Commit) -> String {
    match load(commit, &types()) {
        Ok(loaded) => panic!("taken, with {:?}", loaded.warnings),
        Err(findings) => render(&findings, Colour::Never),
    }
}

/// What people read about a commit that is right.
pub fn warnings(commit: &Commit) -> String {
    render(&loaded(commit).warnings, Colour::Never)
}
