//! What the machine said, as a verdict.

use super::suite::Program;
use anyhow::{Result, bail};

/// Every test program ended, and well.
///
/// # Errors
/// Names those that did not.
pub fn judge(said: &[String], tests: &[Program]) -> Result<()> {
    let faults: Vec<String> = tests.iter().filter_map(|test| fault(said, &test.name)).collect();
    if !faults.is_empty() {
        bail!("in the machine:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn fault(said: &[String], name: &str) -> Option<String> {
    let prefix = format!("vm-test: {name}: status ");
    match said.iter().find_map(|line| line.strip_prefix(&prefix)) {
        Some("0") => None,
        Some(status) => Some(format!("{name} failed with status {status}")),
        None => Some(format!("{name} did not end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_never_ended_is_a_failure() {
        let tests = ["a b", "c d", "e f"].map(|name| Program {
            name: name.into(),
            path: "/t".into(),
        });
        let said = [
            "vm-test: a b",
            "vm-test: a b: status 0",
            "vm-test: c d",
            "vm-test: e f: status 101",
        ]
        .map(String::from);
        let verdict = judge(&said, &tests).unwrap_err().to_string();
        assert!(!verdict.contains("a b"), "{verdict}");
        assert!(verdict.contains("c d did not end") && verdict.contains("e f failed with status 101"));
        assert!(judge(&said, &tests[..1]).is_ok());
    }
}
