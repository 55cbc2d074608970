//! Backups and earlier deployments: what was is had again, data and code, here and from a directory outside.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use journeys::Guise;
use std::fs;

const MOUNT: &str = "name: app\ndisk: 128\nmounts:\n    kept: {source: local, source_path: kept}\n";

/// A site with data of its own.
struct Keeper<'a>(Site<'a>);

pub fn are_restored_anywhere(guise: &Guise) -> Result<()> {
    let keeper = Keeper::deploy(guise, "keeper")?;
    keeper.keeps("old")?;
    keeper.run(&["backup", "create"])?;
    keeper.0.takes_a_push("second")?;
    keeper.keeps("new")?;

    let asked = guise.run(keeper.0.repository.root(), &["backup", "restore"])?;
    ensure!(
        asked.code == Some(2) && asked.stderr.contains("--yes"),
        "data is replaced without a question: {asked:?}"
    );
    keeper.has("new")?;

    keeper.run(&["--yes", "backup", "restore", "--no-code"])?;
    keeper.has("old").context("after the data was restored")?;
    keeper.0.serves("second").context("after the data was restored")?;

    keeper.keeps("new")?;
    keeper.run(&["--yes", "backup", "restore"])?;
    keeper.has("old").context("after all was restored")?;
    keeper.0.serves("first").context("after all was restored")?;

    keeper.keeps("new")?;
    keeper.run(&["--yes", "backup", "restore", "--target", "copy"])?;
    let copy = keeper.run(&["-e", "copy", "exec", "-c", "app", "--", "cat", "/app/kept/file"])?;
    ensure!(copy == "old", "the copy has {copy:?}");
    keeper.has("new").context("after a copy was made")?;
    comes_back_from_outside(&keeper)?;
    keeper.run(&["--yes", "environment", "delete", "copy"])?;
    keeper.run(&["--yes", "project", "delete"]).map(drop)
}

fn comes_back_from_outside(keeper: &Keeper<'_>) -> Result<()> {
    let guise = keeper.0.guise;
    let outside = guise.directory().join("outside");
    let directory = outside
        .to_str()
        .context("the test's directory has a plain name")?;
    keeper.run(&["backup", "export", directory])?;
    let elsewhere = |words: &[&str]| {
        let words = [&["-p", "elsewhere", "-e", "main"], words].concat();
        guise.run(guise.directory(), &words)?.ok()
    };
    guise
        .run(guise.directory(), &["project", "create", "--title", "elsewhere"])?
        .ok()?;
    elsewhere(&["backup", "import", directory])?;
    elsewhere(&["--yes", "backup", "restore"])?;
    let found = elsewhere(&["exec", "-c", "app", "--", "cat", "/app/kept/file"])?;
    ensure!(found == "old", "elsewhere there is {found:?}");
    elsewhere(&["--yes", "project", "delete"])?;
    Ok(fs::remove_dir_all(outside)?)
}

pub fn code_goes_back(guise: &Guise) -> Result<()> {
    let keeper = Keeper::deploy(guise, "going-back")?;
    keeper.keeps("old")?;
    keeper.0.takes_a_push("second")?;
    keeper.keeps("new")?;
    let printed = keeper.run_told(&["rollback"])?;
    ensure!(
        !printed.contains("Building"),
        "something is built on the way back:\n{printed}"
    );
    keeper.0.serves("first")?;
    keeper.has("new").context("data stays")?;
    keeper.0.takes_a_push("third").context("git was not changed")?;
    let deployments = guise.json(keeper.0.repository.root(), &["deployment", "list"])?;
    let current = deployments
        .as_array()
        .map(|all| all.iter().filter(|one| one["current"] == true).count());
    ensure!(current == Some(1), "not one deployment runs: {deployments}");
    keeper.run(&["--yes", "project", "delete"]).map(drop)
}

impl<'a> Keeper<'a> {
    fn deploy(guise: &'a Guise, name: &str) -> Result<Self> {
        let site = Site::write(guise, name)?;
        site.repository
            .replace(".platform.app.yaml", "name: app\n", MOUNT)?;
        site.repository.commit("Keep something")?;
        let keeper = Self(site);
        keeper.run(&["up"])?;
        Ok(keeper)
    }

    /// Writes `text` into its data.
    fn keeps(&self, text: &str) -> Result<()> {
        let write = format!("printf {text} > /app/kept/file");
        self.run(&["exec", "-c", "app", "--", "sh", "-c", &write])
            .map(drop)
    }

    /// That its data is `text`.
    fn has(&self, text: &str) -> Result<()> {
        let found = self.run(&["exec", "-c", "app", "--", "cat", "/app/kept/file"])?;
        ensure!(found == text, "the data is {found:?} instead of {text:?}");
        Ok(())
    }

    fn run(&self, words: &[&str]) -> Result<String> {
        self.0.guise.run(self.0.repository.root(), words)?.ok()
    }

    /// What a command tells while it runs.
    fn run_told(&self, words: &[&str]) -> Result<String> {
        let ran = self.0.guise.run(self.0.repository.root(), words)?;
        let told = ran.stderr.clone();
        ran.ok().map(|_| told)
    }
}
