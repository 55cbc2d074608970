//! Which crate may use which. The table is the architecture; `cargo metadata` is what is so.

use crate::programs::metadata;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Each crate with the crates of ours that it uses, from the bottom up: an arrow leads to a line above.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("access", &[]),
    ("sys", &[]),
    ("runtime", &["sys"]),
    ("image", &["model", "sys"]),
    ("volume", &["model", "sys"]),
    ("network", &["model", "sys"]),
    ("node", &["model", "sys", "runtime", "image", "volume", "network"]),
    ("config", &["model"]),
    ("nginx", &["config"]),
    ("build", &["model", "image", "config", "node"]),
    (
        "platform",
        &["model", "access", "image", "config", "nginx", "build", "node"],
    ),
    ("api", &["model", "access"]),
    ("certificate", &[]),
    ("daemon", &["model", "sys", "api", "certificate", "platform"]),
    ("edge", &["access", "sys", "api"]),
    ("gateway", &["sys", "api"]),
    ("cli", &["model", "api", "config"]),
    ("guise", &["runtime", "daemon", "edge", "gateway", "cli"]),
    ("journeys", &[]),
    ("xtask", &["journeys"]),
];

/// Crates of others that only some of ours may use.
const RESERVED: &[(&[&str], &[&str])] = &[
    (&["libc", "libseccomp", "linux-raw-sys", "nix"], &["sys"]),
    // Its safe part serves every mechanism, the edge for its files, and the gateway for its terminals.
    (
        &["rustix"],
        &[
            "sys", "runtime", "image", "volume", "network", "node", "edge", "gateway",
        ],
    ),
    (
        &["tokio", "hyper", "hyper-util", "axum"],
        &["daemon", "edge", "gateway", "cli"],
    ),
    (&["rusqlite"], &["platform"]),
];

/// What a crate uses.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uses {
    ours: BTreeSet<String>,
    /// Ours that only its tests use.
    ours_in_tests: BTreeSet<String>,
    others: BTreeSet<String>,
}

/// Compares the crates with the table.
///
/// # Errors
/// When they differ; the message names every arrow.
pub fn check() -> Result<()> {
    let wrong = faults(&uses(&metadata()?)?);
    if !wrong.is_empty() {
        bail!(
            "the crates are not as the table in xtask/src/arrows.rs says:\n  {}",
            wrong.join("\n  ")
        );
    }
    println!("{} crates use each other as they may", ARROWS.len());
    Ok(())
}

fn uses(metadata: &Value) -> Result<BTreeMap<String, Uses>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| Ok((short(&package["name"])?, uses_of(package)?)))
        .collect()
}

fn uses_of(package: &Value) -> Result<Uses> {
    let mut uses = Uses::default();
    for dependency in package["dependencies"]
        .as_array()
        .context("a package has no dependencies")?
    {
        let name = short(&dependency["name"])?;
        match (dependency["path"].is_string(), dependency["kind"] == "dev") {
            (true, false) => uses.ours.insert(name),
            (true, true) => uses.ours_in_tests.insert(name),
            (false, false) => uses.others.insert(name),
            (false, true) => continue,
        };
    }
    Ok(uses)
}

fn short(name: &Value) -> Result<String> {
    let name = name.as_str().context("a package has no name")?;
    Ok(name.strip_prefix("guise-").unwrap_or(name).into())
}

fn faults(crates: &BTreeMap<String, Uses>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, uses) in crates {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            faults.push(format!("{name} is not in the table"));
            continue;
        };
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        faults.extend(
            uses.ours
                .difference(&allowed)
                .map(|to| format!("{name} must not use {to}")),
        );
        faults.extend(
            allowed
                .difference(&uses.ours)
                .map(|to| format!("{name} does not use {to}")),
        );
        let below = below(name);
        faults.extend(
            uses.ours_in_tests
                .difference(&below)
                .map(|to| format!("tests of {name} must not use {to}")),
        );
        for (reserved, users) in RESERVED
            .iter()
            .filter(|(_, users)| !users.contains(&name.as_str()))
        {
            let wrong = uses
                .others
                .iter()
                .filter(|other| reserved.contains(&other.as_str()));
            faults
                .extend(wrong.map(|other| format!("{name} must not use {other}: {} may", users.join(", "))));
        }
    }
    let gone = ARROWS.iter().filter(|(name, _)| !crates.contains_key(*name));
    faults.extend(gone.map(|(name, _)| format!("{name} is in the table only")));
    faults
}

/// The crates that a crate uses, and those that they use.
fn below(name: &str) -> BTreeSet<String> {
    let direct = ARROWS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(&[][..], |(_, uses)| uses);
    direct
        .iter()
        .flat_map(|used| below(used).into_iter().chain([used.to_string()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_arrow_of_the_table_leads_up() {
        for (line, (name, uses)) in ARROWS.iter().enumerate() {
            for used in *uses {
                let below = ARROWS[..line].iter().any(|(known, _)| known == used);
                assert!(below, "{name} uses {used}, which is not above it in the table");
            }
        }
    }

    #[test]
    fn an_arrow_that_leads_up_is_found() {
        let mut crates = BTreeMap::new();
        for (name, uses) in ARROWS {
            let ours = uses.iter().map(ToString::to_string).collect();
            crates.insert(
                name.to_string(),
                Uses {
                    ours,
                    ..Uses::default()
                },
            );
        }
        assert_eq!(faults(&crates), Vec::<String>::new());
        let runtime = crates.get_mut("runtime").unwrap();
        runtime.ours.insert("platform".into());
        runtime.others.insert("libc".into());
        assert_eq!(
            faults(&crates),
            [
                "runtime must not use platform",
                "runtime must not use libc: sys may"
            ]
        );
    }
}
