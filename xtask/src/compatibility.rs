//! `docs/compatibility.md` says nothing that no test shows: every feature has its row, every test it names is there.

use crate::{house::rust_files, programs::repository};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeSet, fs};

/// Features of the table: F01 to F94.
const FEATURES: usize = 94;

/// Checks the table against the tests.
///
/// # Errors
/// When a row is missing, malformed or names a test that is not there; the message names every one.
pub fn check() -> Result<()> {
    let document = repository().join("docs/compatibility.md");
    let text = fs::read_to_string(document).context("cannot read docs/compatibility.md")?;
    let faults = faults(&rows(&text), &tests()?);
    if !faults.is_empty() {
        bail!("docs/compatibility.md is wrong:\n  {}", faults.join("\n  "));
    }
    println!("docs/compatibility.md has every feature, and every test that it names is there");
    Ok(())
}

/// A row of the table.
struct Row<'a> {
    id: &'a str,
    /// `yes`, `partly` or `no`.
    here: &'a str,
    tests: Vec<&'a str>,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let lines = text.lines().filter(|line| line.starts_with("| F"));
    lines
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let mut next = || cells.next().unwrap_or_default();
            let (id, _, here, _, tests) = (next(), next(), next(), next(), next());
            // Between the first and the second backquote, the third and the fourth, and so on.
            let tests = tests.split('`').skip(1).step_by(2).collect();
            Row { id, here, tests }
        })
        .collect()
}

fn faults(rows: &[Row<'_>], tests: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let wanted: Vec<String> = (1..=FEATURES).map(|number| format!("F{number:02}")).collect();
    if !rows
        .iter()
        .map(|row| row.id)
        .eq(wanted.iter().map(String::as_str))
    {
        faults.push(format!(
            "the rows must be F01 to F{FEATURES}, each once, in order"
        ));
    }
    for Row {
        id,
        here,
        tests: named,
    } in rows
    {
        match *here {
            "yes" | "partly" if named.is_empty() => {
                faults.push(format!("{id} is there, and no test shows it"))
            }
            "yes" | "partly" | "no" => {}
            other => faults.push(format!("{id}: {other:?} is neither yes, partly nor no")),
        }
        for test in named.iter().filter(|test| !tests.contains(**test)) {
            faults.push(format!("{id} names the test {test}, which is not there"));
        }
    }
    faults
}

/// The names of all tests; journeys with their module, as `main.rs` lists them.
fn tests() -> Result<BTreeSet<String>> {
    let mut files = Vec::new();
    for directory in ["crates", "tests", "xtask"] {
        rust_files(&repository().join(directory), &mut files)?;
    }
    let mut names = BTreeSet::new();
    for file in files {
        names.extend(functions(&fs::read_to_string(&file)?).map(str::to_owned));
    }
    let journeys = fs::read_to_string(repository().join("tests/journeys/main.rs"))?;
    names.extend(journey_paths(&journeys).map(str::to_owned));
    Ok(names)
}

/// Functions with an attribute that makes them a test, which stands on one of the lines right above.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            return None;
        }
        let was_test = std::mem::take(&mut is_test);
        let name = line.trim_start_matches("async ").strip_prefix("fn ")?;
        let end = name.find(['(', '<'])?;
        was_test.then_some(&name[..end])
    })
}

/// `module::function` of each entry of the list of journeys.
fn journey_paths(text: &str) -> impl Iterator<Item = &str> {
    let list = text.split("const JOURNEYS").nth(1).unwrap_or_default();
    let list = list.split("\n];").next().unwrap_or_default();
    list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .filter(|word| word.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> String {
        let tests = BTreeSet::from(["a_test".to_owned()]);
        faults(&rows(text), &tests)[1..].join("; ")
    }

    #[test]
    fn a_row_without_proof_or_with_a_wrong_one_is_found() {
        assert_eq!(row("| F01 | x | yes | | `a_test` |"), "");
        assert_eq!(row("| F01 | x | no | not here | |"), "");
        assert_eq!(row("| F01 | x | yes | | |"), "F01 is there, and no test shows it");
        assert_eq!(
            row("| F01 | x | partly | `y` | `a_test` `gone` |"),
            "F01 names the test gone, which is not there"
        );
        assert_eq!(
            row("| F01 | x | maybe | | |"),
            "F01: \"maybe\" is neither yes, partly nor no"
        );
    }

    #[test]
    fn rows_are_complete_and_in_order() {
        let all: String = (1..=FEATURES)
            .map(|n| format!("| F{n:02} | x | no | | |\n"))
            .collect();
        assert!(faults(&rows(&all), &BTreeSet::new()).is_empty());
        assert_eq!(
            faults(&rows(&all.replace("F07", "F08")), &BTreeSet::new()).len(),
            1
        );
    }

    #[test]
    fn tests_are_functions_marked_as_such_and_journeys() {
        let text =
            "#[test]\n#[ignore = \"x\"]\nfn one() {}\nfn two() {}\n#[tokio::test]\nasync fn three() {}\n";
        assert_eq!(functions(text).collect::<Vec<_>>(), ["one", "three"]);
        let text = "x::y\nconst JOURNEYS: &[Journey] = &[\n(\"a b\", site::works),\n];\nz::a";
        assert_eq!(journey_paths(text).collect::<Vec<_>>(), ["site::works"]);
    }
}
