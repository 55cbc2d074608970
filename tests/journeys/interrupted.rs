//! What is interrupted: the daemon by a SIGKILL, a push by its person.

use crate::site::Site;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, http};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

pub fn killed_daemon(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "killed-daemon")?;
    let root = site.repository.root();
    let url = guise.url(root)?;
    let before = pids(guise)?;
    let edge = guise.status()?["edge_pid"].clone();
    guise.kill_daemon()?;
    for _ in 0..20 {
        let page = http::get(&url)?;
        ensure!(
            page.status == 200 && page.text() == "first",
            "without a daemon: status {}",
            page.status
        );
    }
    let refused = guise.run(root, &["ps"])?;
    ensure!(
        refused.code == Some(5) && refused.stderr.contains("guise daemon"),
        "{refused:?}"
    );

    guise.start()?;
    ensure!(
        pids(guise)? == before,
        "containers were not adopted: {before:?} became {:?}",
        pids(guise)?
    );
    ensure!(guise.status()?["edge_pid"] == edge, "the edge was not adopted");
    site.serves("first")?;
    site.takes_a_push("second")
}

pub fn ctrl_c(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "ctrl-c")?;
    let slow = "name: app\nhooks:\n    build: echo thinking; sleep 4\n";
    site.repository
        .replace(".platform.app.yaml", "name: app\n", slow)?;
    site.repository.write("page.txt", "second")?;
    site.repository.commit("Think first")?;
    // A group of its own, as a shell gives it: Ctrl-C reaches git and the hook alike.
    let mut push = site.repository.push_command();
    let mut push = push.process_group(0).stderr(Stdio::piped()).spawn()?;
    let stderr = BufReader::new(push.stderr.take().context("git has a standard error")?);
    let thinking = stderr
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("thinking"));
    ensure!(thinking, "the build hook's output does not arrive while it runs");
    Command::new("kill")
        .args(["-INT", "--", &format!("-{}", push.id())])
        .status()?;
    push.wait()?;

    site.serves("first")?;
    finished(guise, &site)?;
    let page = guise.page(site.repository.root())?;
    ensure!(page == "first" || page == "second", "the page says {page:?}");
    // Whether the branch moved before the Ctrl-C decides what the page says; the next push must go either way.
    site.takes_a_push("third")
}

/// Waits until nothing is under way for the site.
fn finished(guise: &Guise, site: &Site<'_>) -> Result<()> {
    let begun = Instant::now();
    loop {
        let activity = guise.json(site.repository.root(), &["activity", "get"])?;
        if activity["completed_at"].is_string() {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "the deployment does not end: {activity}"
        );
        sleep(PAUSE);
    }
}

/// Each container's id with its processes' numbers on the host.
fn pids(guise: &Guise) -> Result<Vec<(Value, Vec<Value>)>> {
    let containers = guise.json(guise.directory(), &["ps", "--all"])?;
    let containers = containers.as_array().context("`guise ps` lists no containers")?;
    let processes = |container: &Value| {
        let processes = container["processes"].as_array().cloned().unwrap_or_default();
        processes
            .iter()
            .map(|process| process["host_pid"].clone())
            .collect()
    };
    Ok(containers
        .iter()
        .map(|container| (container["id"].clone(), processes(container)))
        .collect())
}
