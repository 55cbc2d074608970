//! The examples of all languages: each is pushed, keeps what it is given, and still has it after another push.
//!
//! A base image takes a minute or two to build, so a run takes two of them, other ones each day; all of them with
//! `GUISE_TEST_ALL`, and those named in `GUISE_TEST_LANGUAGES` (`ruby golang`) where somebody works on one.

use crate::{example, php};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use std::time::{SystemTime, UNIX_EPOCH};

/// Directories of `examples/`. All keep the text of a POST as a note, and answer a GET with one note a line.
const EXAMPLES: &[&str] = &["elixir", "golang", "java", "nodejs", "php", "ruby", "rust"];
/// How many of them a run takes.
const AT_ONCE: usize = 2;
const NOTE: &str = "Ein Stück Käse";

pub fn keep_what_they_are_given(guise: &Guise) -> Result<()> {
    for name in chosen()? {
        println!("    {name}");
        keeps_a_note(guise, name).with_context(|| format!("the example {name}"))?;
        if name == "php" {
            php::runs_scripts_as_its_configuration_says(guise)?;
        }
    }
    Ok(())
}

fn chosen() -> Result<Vec<&'static str>> {
    if let Ok(named) = std::env::var("GUISE_TEST_LANGUAGES") {
        let is_named = |example: &&&str| named.split(' ').any(|name| name == **example);
        return Ok(EXAMPLES.iter().filter(is_named).copied().collect());
    }
    if std::env::var_os("GUISE_TEST_ALL").is_some() {
        return Ok(EXAMPLES.to_vec());
    }
    const SECONDS_OF_A_DAY: u64 = 86_400;
    let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_OF_A_DAY;
    let first = usize::try_from(day)? * AT_ONCE % EXAMPLES.len();
    Ok(EXAMPLES
        .iter()
        .cycle()
        .skip(first)
        .take(AT_ONCE)
        .copied()
        .collect())
}

fn keeps_a_note(guise: &Guise, name: &str) -> Result<()> {
    let repository = Repository::copy(&example(name)?, &guise.directory().join(name))?;
    let root = repository.root();
    guise.run(root, &["up"])?.ok()?;
    let url = guise.url(root)?;
    ensure!(
        guise.page(root)?.is_empty(),
        "there are notes before the first one"
    );
    let kept = http::post(&url, "text/plain; charset=utf-8", NOTE.as_bytes())?;
    ensure!(kept.status == 201, "status {}: {}", kept.status, kept.text());
    has_the_note(guise, &repository)?;

    repository.append("README.md", "\nPushed again.\n")?;
    let push = repository.push("Say that it was pushed again")?;
    ensure!(push.accepted, "{}", push.output);
    ensure!(
        !push.output.contains("Nothing to do"),
        "another tree is no other deployment:\n{}",
        push.output
    );
    has_the_note(guise, &repository).context("after another push")?;
    guise.run(root, &["--yes", "project", "delete"])?.ok()?;
    Ok(())
}

fn has_the_note(guise: &Guise, repository: &Repository) -> Result<()> {
    let page = guise.page(repository.root())?;
    ensure!(page == format!("{NOTE}\n"), "the page is {page:?}");
    Ok(())
}
