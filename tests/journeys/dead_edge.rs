//! The edge dies while requests wait: the next one lets nobody in before it may.

use crate::echo_site::{APP, write_echo_site};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use std::{
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
/// No request may be answered before the deploy hook has ended.
const SLOW_HOOK: &str = "  hooks:\n    deploy: sleep 4\n";

pub fn while_data_is_replaced(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("dead-edge"))?;
    write_echo_site(&repository)?;
    repository.replace(APP, "  hooks:\n", SLOW_HOOK)?;
    repository.commit("Begin")?;
    let root = repository.root();
    guise.run(root, &["up"])?.ok()?;
    guise
        .run(root, &["environment", "branch", "replaced", "main"])?
        .ok()?;
    let of_replaced = |words: &[&'static str]| [&["--environment", "replaced"], words].concat();
    let url = guise.run(root, &of_replaced(&["url", "--primary"]))?.ok()?;
    let url = url.trim();

    guise
        .run(
            root,
            &of_replaced(&["--yes", "--quiet", "environment", "synchronize", "data", "-W"]),
        )?
        .ok()?;
    let listed = of_replaced(&["activity", "get", "--steps"]);
    let hook = || {
        let steps = guise.json(root, &listed)?;
        let steps = steps.as_array().context("an activity has no list of steps")?;
        anyhow::Ok(steps.iter().find(|step| step["name"] == "deploy_hook").cloned())
    };
    until("the deploy hook runs", || Ok(hook()?.is_some()))?;
    kill_edge(guise)?;
    let has_ended = || anyhow::Ok(hook()?.is_some_and(|hook| hook["completed_at"].is_string()));
    ensure!(!has_ended()?, "the deploy hook ended too soon to tell");
    let page = http::get(url)?;
    ensure!(
        page.status == 200 && has_ended()?,
        "answered with {} while the deploy hook ran",
        page.status
    );

    guise.run(root, &["environment", "sleep", "replaced"])?.ok()?;
    kill_edge(guise)?;
    let page = http::get_when(url, PATIENCE, |page| page.status == 200);
    page.context("what sleeps is not woken by a visitor of the new edge")?;
    guise.run(root, &["--yes", "project", "delete"])?.ok().map(drop)
}

/// Kills the edge and waits until another one serves.
fn kill_edge(guise: &Guise) -> Result<()> {
    let edge = || anyhow::Ok(guise.status()?["edge_pid"].as_u64());
    let killed = edge()?.context("there is no edge")?;
    let status = Command::new("kill")
        .args(["-KILL", &killed.to_string()])
        .status()?;
    ensure!(status.success(), "the edge is not killed");
    let begun = Instant::now();
    until("another edge serves", || {
        Ok(edge()?.is_some_and(|now| now != killed))
    })?;
    println!("    another edge serves after {} ms", begun.elapsed().as_millis());
    Ok(())
}

fn until(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        ensure!(begun.elapsed() < PATIENCE, "it is never so that {what}");
        sleep(PAUSE);
    }
    Ok(())
}
