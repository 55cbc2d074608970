//! The component tests that need neither the Internet nor a base image, as programs.

use crate::programs::{cargo, output};
use anyhow::{Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Crates all of whose component tests run in the machine.
const CRATES: &[&str] = &["guise-runtime", "guise-volume", "guise-network", "guise-node"];

/// A test program.
pub struct Program {
    /// Crate and test, for people: `guise-runtime lies`.
    pub name: String,
    /// Where cargo put it.
    pub path: PathBuf,
}

/// Builds the tests, and the programs of the crates that they run.
///
/// # Errors
/// When they do not build.
pub fn build() -> Result<Vec<Program>> {
    let mut build = cargo();
    build.args([
        "test",
        "--no-run",
        "--test",
        "*",
        "--message-format",
        "json-render-diagnostics",
    ]);
    for name in CRATES {
        build.args(["--package", name]);
    }
    let mut programs: Vec<Program> = output(&mut build)?.lines().filter_map(program).collect();
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    if programs.is_empty() {
        bail!("cargo built no test of {}", CRATES.join(", "));
    }
    Ok(programs)
}

/// Runs the tests one after the other, and reports each one's exit status in a line of its own.
pub fn script(guise: &Path, tests: &[Program], filter: Option<&str>) -> String {
    let mut script = format!("{} doctor --format plain\n", guise.display());
    for test in tests {
        // A filter is a word of test names; whatever else it has, it stays one argument.
        let filter = filter.map(|word| format!(" '{}'", word.replace('\'', "")));
        script.push_str(&format!(
            "echo \"vm-test: {name}\"\n{path} --test-threads 1{filter}\necho \"vm-test: {name}: status $?\"\n",
            name = test.name,
            path = test.path.display(),
            filter = filter.unwrap_or_default(),
        ));
    }
    script
}

/// A test program out of one of cargo's messages.
fn program(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["target"]["kind"][0] != "test" {
        return None;
    }
    // The crate's directory, which is called as the crate without its prefix.
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let name = manifest.parent()?.file_name()?.to_string_lossy();
    Some(Program {
        name: format!("guise-{name} {}", message["target"]["name"].as_str()?),
        path: message["executable"].as_str()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_called_after_its_crate_and_file() {
        let message = r#"{"manifest_path":"/a/crates/node/Cargo.toml","target":{"kind":["test"],"name":"clone"},"executable":"/t/clone-1"}"#;
        assert_eq!(program(message).unwrap().name, "guise-node clone");
        assert!(program(&message.replace("\"test\"", "\"bin\"")).is_none());
    }
}
