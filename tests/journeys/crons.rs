//! Commands that an app runs by itself.

use crate::site::{Site, says};
use anyhow::{Context, Result, bail, ensure};
use journeys::Guise;
use serde_json::Value;
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(200);
/// A minute, and what starting takes on a busy machine.
const NEXT_MINUTE: Duration = Duration::from_secs(75);

const TICK: &str = r#"name: app
disk: 128
mounts:
    kept: {source: local, source_path: kept}
crons:
    tick:
        spec: '* * * * *'
        commands: {start: 'echo tick of $PLATFORM_BRANCH | tee -a kept/ticks'}
"#;

/// They do not end when they are asked to: one until somebody cancels it, one until its time is over.
const STUCK: &str = r#"    stuck:
        spec: '* * * * *'
        timeout: 20
        shutdown_timeout: 1
        commands: {start: 'trap "" TERM; while true; do sleep 0.1; done', stop: 'echo stuck >>kept/stopped'}
    late:
        spec: '* * * * *'
        timeout: 2
        shutdown_timeout: 1
        commands: {start: 'trap "" TERM; while true; do sleep 0.1; done', stop: 'echo late >>kept/stopped'}
"#;

/// It does not end by itself, but when it is asked to.
const WATCH: &str = r#"    watch:
        spec: '* * * * *'
        shutdown_timeout: 3
        commands:
            start: |
                trap 'echo good night; exit 3' TERM
                while true; do sleep 0.1; done
"#;

pub fn run_in_time(guise: &Guise) -> Result<()> {
    let site = Site::write(guise, "crons")?;
    site.repository
        .replace(".platform.app.yaml", "name: app\n", &format!("{TICK}{STUCK}"))?;
    site.repository.commit("Tick")?;
    let root = site.repository.root();
    guise.run(root, &["up"])?.ok()?;
    let listed = guise.json(root, &["cron", "list"])?;
    ensure!(
        listed[0]["name"] == "tick" && listed[0]["next_run"].is_string(),
        "{listed}"
    );

    let ran = last_run(&site, "tick", "complete")?;
    ensure!(
        ran["result"] == "success" && ran["type"] == "environment.cron",
        "{ran}"
    );
    let said = |arguments: &[&str]| guise.run(root, arguments)?.ok();
    let id = ran["id"].as_str().context("the run has no id")?;
    for arguments in [
        &["exec", "--", "cat", "kept/ticks"][..],
        &["logs", "--log", "cron"],
        &["activity", "log", id],
    ] {
        let said = said(arguments)?;
        ensure!(said.contains("tick of main"), "{arguments:?} says {said:?}");
    }
    let activities = said(&["activity", "list"])?;
    ensure!(activities.contains("Cron tick of app in main"), "{activities}");
    crons_end_when_they_must(&site)?;
    another_cron_keeps_the_container(&site)?;
    a_deployment_stops_a_cron(&site)
}

fn crons_end_when_they_must(site: &Site<'_>) -> Result<()> {
    let root = site.repository.root();
    let said = |arguments: &[&str]| site.guise.run(root, arguments)?.ok();
    let stuck = last_run(site, "stuck", "in_progress")?;
    let stuck = stuck["id"].as_str().context("the run has no id")?;
    said(&["activity", "cancel", stuck])?;
    let cancelled = last_run(site, "stuck", "cancelled")?;
    ensure!(cancelled["id"] == stuck, "{cancelled} is not the run {stuck}");
    let late = last_run(site, "late", "complete")?;
    ensure!(late["result"] == "failure", "{late}");
    let id = late["id"].as_str().context("the run has no id")?;
    // The log of a failed run ends with that failure.
    let log = site.guise.run(root, &["activity", "log", id])?.stdout;
    ensure!(
        log.contains("Stopping late") && log.contains("its timeout of 2 s"),
        "{log}"
    );
    let stopped = said(&["exec", "--", "cat", "kept/stopped"])?;
    ensure!(stopped == "stuck\nlate\n", "stop commands: {stopped:?}");
    let left = said(&["exec", "--", "ps", "-eo", "args"])?;
    ensure!(!left.contains("while true"), "a cron goes on:\n{left}");
    Ok(())
}

fn another_cron_keeps_the_container(site: &Site<'_>) -> Result<()> {
    let before = containers(site)?;
    site.repository.replace(".platform.app.yaml", STUCK, WATCH)?;
    let push = site.repository.push("Watch")?;
    ensure!(push.accepted, "{}", push.output);
    ensure!(
        containers(site)? == before,
        "a container was made anew:\n{}",
        push.output
    );
    site.serves("first")
}

fn a_deployment_stops_a_cron(site: &Site<'_>) -> Result<()> {
    let runs = last_run(site, "watch", "in_progress")?;
    site.repository.write("page.txt", "second")?;
    let push = site.repository.push("Change the page")?;
    says(
        &push,
        &["Waiting for cron watch of app", "stopping cron watch of app"],
    )?;
    site.serves("second")?;
    let id = runs["id"].as_str().context("the run has no id")?;
    let ended = site
        .guise
        .json(site.repository.root(), &["activity", "get", id])?;
    ensure!(ended["state"] == "cancelled", "{ended}");
    let log = site
        .guise
        .run(site.repository.root(), &["logs", "--log", "cron"])?
        .ok()?;
    ensure!(log.contains("good night"), "it was not asked to end: {log}");
    Ok(())
}

/// The last run of a cron, once it is in `state`.
fn last_run(site: &Site<'_>, cron: &str, state: &str) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let listed = site.guise.json(site.repository.root(), &["cron", "list"])?;
        let mut crons = listed.as_array().into_iter().flatten();
        let run = crons
            .find(|found| found["name"] == cron)
            .map(|found| &found["last_run"]);
        match run {
            Some(run) if run["state"] == state => return Ok(run.clone()),
            _ if begun.elapsed() < NEXT_MINUTE => sleep(PAUSE),
            _ => bail!("{cron} is not {state} within {NEXT_MINUTE:?}: {listed}"),
        }
    }
}

fn containers(site: &Site<'_>) -> Result<Vec<Value>> {
    let containers = site.guise.json(site.repository.root(), &["ps"])?;
    let containers = containers.as_array().into_iter().flatten();
    Ok(containers.map(|one| one["id"].clone()).collect())
}
