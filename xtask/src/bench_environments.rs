//! `cargo xtask bench environments`: 100 environments of one project, by time and memory.

use crate::{
    bench::{MARKED, machine, megabytes},
    options::Options,
    programs::{become_root, build_guise},
};
use anyhow::{Context, Result};
use journeys::{Guise, Repository, http, write_plain_site};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// How many branches there are when they are weighed, besides the project's own environment.
const WEIGHED: [usize; 3] = [1, 10, 100];

/// Makes them one after the other and prints a table.
pub fn environments(_: &Options) -> Result<()> {
    become_root("make containers")?;
    let guise = Guise::prepare(&build_guise(true)?, &MARKED)?;
    guise.start()?;
    let tree = Repository::create(&guise.directory().join("plain"))?;
    write_plain_site(&tree)?;
    tree.commit("Begin")?;
    guise.run(tree.root(), &["up"])?.ok()?;
    println!("\n| branches | the last one took | guise's own memory | memory of all containers (PSS) |");
    println!("| --- | --- | --- | --- |");
    for n in 1..=WEIGHED[2] {
        let took = branch(&guise, &tree, n)?;
        if WEIGHED.contains(&n) {
            println!(
                "| {n} | {took:.2} s | {:.0} MB | {:.0} MB |",
                own_memory(&guise)?,
                containers_memory(&guise, &tree)?
            );
        }
    }
    println!("\n{}", machine());
    Ok(())
}

/// Makes the branch `branch-N` of `main`, and answers how long it took until it answered, in seconds.
pub fn branch(guise: &Guise, tree: &Repository, n: usize) -> Result<f64> {
    let name = format!("branch-{n}");
    let begun = Instant::now();
    guise
        .run(tree.root(), &["environment", "branch", &name, "main"])?
        .ok()?;
    let url = guise
        .run(tree.root(), &["--environment", &name, "url", "--primary"])?
        .ok()?;
    http::get_when(url.trim(), PATIENCE, |page| page.status == 200)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn own_memory(guise: &Guise) -> Result<f64> {
    let status = guise.status()?;
    let pids = ["pid", "edge_pid"].map(|process| status[process].as_u64());
    pids.into_iter().flatten().map(megabytes).sum()
}

/// Resident memory of all processes in containers (PSS), in MB.
pub fn containers_memory(guise: &Guise, tree: &Repository) -> Result<f64> {
    let containers = guise.json(tree.root(), &["ps", "--all"])?;
    let containers = containers.as_array().context("`guise ps` prints no list")?;
    let processes = containers
        .iter()
        .filter_map(|container| container["processes"].as_array());
    let pids = processes
        .flatten()
        .filter_map(|process| process["host_pid"].as_u64());
    // A process may have ended since it was listed.
    Ok(pids.filter_map(|pid| megabytes(pid).ok()).sum())
}
