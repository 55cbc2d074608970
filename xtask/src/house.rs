//! Rules of the house that no compiler checks.

use crate::programs::{metadata, repository};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A file this long is worth a thought; one that long is a fault.
const LONG: usize = 600;
const TOO_LONG: usize = 1000;

/// Checks all of them.
///
/// # Errors
/// When one is broken; the message names every place.
pub fn check() -> Result<()> {
    let metadata = metadata()?;
    let mut faults = unsafe_code(&metadata)?;
    faults.extend(file_sizes()?);
    faults.extend(map(&metadata)?);
    if !faults.is_empty() {
        bail!("the rules of the house are broken:\n  {}", faults.join("\n  "));
    }
    println!("unsafe code is in crates/sys only, no file is too long, ARCHITECTURE.md names every crate");
    Ok(())
}

/// Every crate but `sys` forbids unsafe code in each of its roots.
fn unsafe_code(metadata: &Value) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for package in packages(metadata)?
        .iter()
        .filter(|package| package["name"] != "guise-sys")
    {
        for target in package["targets"]
            .as_array()
            .context("a package has no targets")?
        {
            let is_root = ["lib", "bin"].iter().any(|kind| target["kind"][0] == *kind);
            let path = target["src_path"].as_str().context("a target has no source")?;
            if is_root && !fs::read_to_string(path)?.contains("#![forbid(unsafe_code)]") {
                faults.push(format!(
                    "{} does not forbid unsafe code",
                    relative(Path::new(path))
                ));
            }
        }
    }
    Ok(faults)
}

fn file_sizes() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for directory in ["crates", "tests", "xtask"] {
        rust_files(&repository().join(directory), &mut files)?;
    }
    let mut faults = Vec::new();
    for file in files {
        let lines = fs::read_to_string(&file)?.lines().count();
        match lines {
            TOO_LONG.. => faults.push(format!("{} has {lines} lines", relative(&file))),
            LONG.. => println!("warning: {} has {lines} lines", relative(&file)),
            _ => {}
        }
    }
    Ok(faults)
}

/// Adds every Rust file below a directory.
pub fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The table of crates in ARCHITECTURE.md has every crate, and no other.
fn map(metadata: &Value) -> Result<Vec<String>> {
    let text =
        fs::read_to_string(repository().join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    let drawn = crates_of_map(&text);
    let names = packages(metadata)?
        .iter()
        .filter_map(|package| package["name"].as_str());
    let real: BTreeSet<&str> = names
        .map(|name| name.strip_prefix("guise-").unwrap_or(name))
        .collect();
    let missing = real
        .difference(&drawn)
        .map(|name| format!("ARCHITECTURE.md does not name the crate {name}"));
    let gone = drawn
        .difference(&real)
        .map(|name| format!("ARCHITECTURE.md names {name}, which is no crate"));
    Ok(missing.chain(gone).collect())
}

/// The names in the first column of the table below the heading `Crates`.
fn crates_of_map(text: &str) -> BTreeSet<&str> {
    let below = text.split("\n## Crates\n").nth(1).unwrap_or_default();
    let section = below.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

fn packages(metadata: &Value) -> Result<&Vec<Value>> {
    metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_of_the_map_are_those_of_its_one_table() {
        let text = "# A\n| `no` | x |\n## Crates\n\n| crate | is |\n| --- | --- |\n| `model` | words |\n\n## B\n| `no` |\n";
        assert_eq!(crates_of_map(text).into_iter().collect::<Vec<_>>(), ["model"]);
    }
}
