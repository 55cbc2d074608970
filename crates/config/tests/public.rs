//! Public projects, run by hand: `GUISE_PUBLIC=DIRECTORY cargo test -p guise-config --test public -- --ignored`.
//!
//! The directory holds one directory per project, each with at least its configuration files. Nothing of them is
//! stored here.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::Commit;
use guise_config::{Colour, Resolution, Severity, Types, load, render};
use std::path::Path;

/// Every type there is on the platform, in any version.
struct Anything;

impl Types for Anything {
    fn extensions(&self, _: &str, _: &str) -> Option<&[String]> {
        None
    }

    fn runtime(&self, _: &str, version: &str) -> Resolution {
        Resolution::Exact {
            version: version.into(),
        }
    }
    fn service(&self, _: &str, version: &str) -> Resolution {
        Resolution::Exact {
            version: version.into(),
        }
    }
    fn runtime_names(&self) -> Vec<String> {
        Vec::new()
    }
    fn service_names(&self) -> Vec<String> {
        Vec::new()
    }
    fn default_endpoint(&self, service_type: &str) -> Option<String> {
        Some(match service_type {
            "mariadb" | "oracle-mysql" | "mysql" => "mysql".into(),
            other => other.trim_end_matches("-persistent").into(),
        })
    }
    fn min_disk_mb(&self, service_type: &str) -> Option<u64> {
        let in_memory = [
            "redis",
            "valkey",
            "memcached",
            "chrome-headless",
            "gotenberg",
            "varnish",
        ];
        (!in_memory.contains(&service_type)).then_some(128)
    }
}

fn read(commit: &mut Commit, root: &Path, directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(commit, root, &path);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            commit.0.insert(name, std::fs::read(&path).unwrap_or_default());
        }
    }
}

#[test]
#[ignore = "needs a directory of public projects"]
fn public_projects_are_understood() {
    let projects = std::env::var("GUISE_PUBLIC").unwrap();
    let mut refused = 0;
    let mut all = 0;
    for project in std::fs::read_dir(projects).unwrap() {
        let path = project.unwrap().path();
        let mut commit = Commit::default();
        read(&mut commit, &path, &path);
        let findings = match load(&commit, &Anything) {
            Ok(loaded) => loaded.warnings,
            Err(findings) => findings,
        };
        all += 1;
        let counts = |finding: &&guise_config::Diagnostic| {
            finding.severity == Severity::Error && finding.code != "not-supported-yet"
        };
        refused += usize::from(findings.iter().any(|finding| counts(&finding)));
        println!("===== {}\n{}", path.display(), render(&findings, Colour::Never));
    }
    println!("{refused} of {all} are refused for what is not merely unsupported");
    assert_eq!(refused, 0);
}
