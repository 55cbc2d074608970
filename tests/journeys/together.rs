//! More than one at once, and the end of a project.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Push, Repository, http, machine};
use std::{collections::BTreeSet, path::PathBuf, thread};

pub fn two_pushes(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "two-pushes")?;
    let other = site
        .repository
        .duplicate(&guise.directory().join("two-pushes-other"))?;
    let pushed = |repository: &Repository, text: &str| -> Result<Push> {
        repository.write("page.txt", text)?;
        repository.push("Change the page")
    };
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| pushed(&site.repository, "one"));
        let two = scope.spawn(|| pushed(&other, "two"));
        (one.join(), two.join())
    });
    let one = one.ok().context("the first push panicked")??;
    let two = two.ok().context("the second push panicked")??;
    ensure!(
        one.accepted != two.accepted,
        "not one of two was accepted:\n{}\n----\n{}",
        one.output,
        two.output
    );
    site.serves(if one.accepted { "one" } else { "two" })
}

pub fn deleted_project(guise: &Guise) -> Result<()> {
    let volumes_before = volumes(guise);
    let links_before = machine::links()?;
    let site = Site::write(guise, "deleted")?;
    let mount = "name: app\ndisk: 128\nmounts:\n    kept: {source: local, source_path: kept}\n";
    site.repository
        .replace(".platform.app.yaml", "name: app\n", mount)?;
    site.repository.commit("Keep something")?;
    let root = site.repository.root();
    guise.run(root, &["up"])?.ok()?;
    site.serves("first")?;
    ensure!(volumes(guise) != volumes_before, "the mount has no volume");
    let url = guise.url(root)?;

    let asked = guise.run(root, &["project", "delete"])?;
    ensure!(
        asked.code == Some(2) && asked.stderr.contains("--yes"),
        "it is deleted without a question: {asked:?}"
    );
    guise.run(root, &["--yes", "project", "delete"])?.ok()?;
    let listed = guise.run(guise.directory(), &["project", "list"])?.ok()?;
    ensure!(!listed.contains("deleted"), "it is still listed:\n{listed}");
    let page = http::get(&url)?;
    ensure!(page.status == 404, "its URL answers {}", page.status);
    ensure!(
        machine::links()? == links_before,
        "links are left: {:?}",
        machine::links()?
    );
    ensure!(
        volumes(guise) == volumes_before,
        "volumes are left: {:?}",
        volumes(guise)
    );
    Ok(())
}

fn volumes(guise: &Guise) -> BTreeSet<PathBuf> {
    machine::directories(&guise.state().join("pool/volumes"))
        .into_iter()
        .collect()
}
