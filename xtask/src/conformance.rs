//! `cargo xtask conformance DIR`: youki's conformance suite against runc and guise, as a table for docs/conformance.md.
//!
//! DIR has the suite as its repository builds it: `contest`, `runtimetest` (static) and `bundle.tar.gz`. Group by group, since a test
//! that panics ends the program.

use crate::programs::{become_root, repository};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// How many tests of a group passed, failed, and could not run here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs the suite in `directory` and prints a row for each group.
pub fn conformance(directory: &str) -> Result<()> {
    become_root("make containers")?;
    let directory = std::path::absolute(directory)?;
    let built = Command::new("cargo")
        .args(["build", "-p", "guise-runtime", "--bins"])
        .status()?;
    ensure!(built.success(), "guise-runtime could not be built");
    let guise = repository().join("target/debug/guise-runtime");
    let runc = Path::new("/usr/sbin/runc");
    let groups = Command::new(directory.join("contest")).arg("list").output();
    let groups = groups.context("running contest; build youki's tests/contest and put it there")?;

    println!("| group | runc | guise |\n| --- | --- | --- |");
    let mut totals = [Tally::default(); 2];
    for group in String::from_utf8_lossy(&groups.stdout).split_whitespace() {
        let tallies = [run(&directory, runc, group)?, run(&directory, &guise, group)?];
        println!("| {group} | {} | {} |", tallies[0].told(), tallies[1].told());
        for (total, tally) in totals.iter_mut().zip(tallies) {
            total.add(tally);
        }
    }
    println!("| **all** | {} | {} |", totals[0].told(), totals[1].told());
    Ok(())
}

fn run(directory: &Path, runtime: &Path, group: &str) -> Result<Tally> {
    let output = Command::new("timeout")
        .arg("120")
        .arg(directory.join("contest"))
        .arg("run")
        .arg("--runtime")
        .arg(runtime)
        .arg("--runtimetest")
        .arg(directory.join("runtimetest"))
        .args(["-t", group])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()?;
    Ok(count(&String::from_utf8_lossy(&output.stdout)))
}

/// Counts `1 / 4 : name : ok` and the like. A group that says nothing, because it panicked or hung, is one failure.
fn count(report: &str) -> Tally {
    let ended = |word: &str| report.lines().filter(|line| line.ends_with(word)).count();
    let tally = Tally {
        passed: ended(" : ok"),
        failed: ended(" : not ok"),
        skipped: ended(" : skipped"),
    };
    match tally {
        Tally {
            passed: 0,
            failed: 0,
            skipped: 0,
        } => Tally { failed: 1, ..tally },
        _ => tally,
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn told(self) -> String {
        let parts = [
            (self.passed, "pass"),
            (self.failed, "**fail**"),
            (self.skipped, "skipped"),
        ];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        parts
            .map(|(number, word)| format!("{number} {word}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_says_nothing_has_failed() {
        let report = "# Start group a\n1 / 2 : x : ok\n2 / 2 : y : not ok\n\twhy\n# End group a\n";
        assert_eq!(count(report).told(), "1 pass, 1 **fail**");
        assert_eq!(count("").told(), "1 **fail**");
    }
}
