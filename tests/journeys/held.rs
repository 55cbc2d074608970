//! Requests wait, and none fails, while data is replaced and backed up: awake, asleep, and when guised is killed in the
//! middle of it.

use crate::{echo_site::write_echo_site, load::under_load};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// The first and the last stop what runs and replace all data; the second lets requests end first.
const OPERATIONS: [&[&str]; 3] = [
    &["--yes", "environment", "synchronize", "data"],
    &["backup", "create"],
    &["--yes", "backup", "restore"],
];
/// In synchronizing this is the first step after which nobody serves: build, hold, remove the app's container.
const NOBODY_SERVES: &str = "kill:3:after";
const PATIENCE: Duration = Duration::from_secs(30);

pub fn while_data_is_replaced(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("held"))?;
    write_echo_site(&repository)?;
    repository.commit("Begin")?;
    let said = |words: &[&str]| guise.run(repository.root(), words)?.ok();
    said(&["up"])?;
    said(&["environment", "branch", "replaced", "main"])?;
    let replaced = |words: &[&str]| said(&[&["--environment", "replaced"], words].concat());
    let url = replaced(&["url", "--primary"])?.trim().to_string();
    let look = |words: &str, (seen, _): (journeys::Seen, Duration)| {
        println!(
            "    {words}: none failed, longest {} ms",
            seen.longest.as_millis()
        );
    };

    for operation in OPERATIONS {
        let seen = under_load(&url, || replaced(operation).map(drop))?;
        look(&operation.join(" "), seen);
        said(&["environment", "sleep", "replaced"])?;
        let seen = under_load(&url, || replaced(operation).map(drop))?;
        look(&format!("{}, asleep", operation.join(" ")), seen);
    }
    guise.kill_daemon()?;
    guise.start_with(&[("GUISE_FAULT", NOBODY_SERVES)])?;
    let killed = guise.daemon_pid()?;
    let seen = under_load(&url, || {
        let words = [&["--environment", "replaced"], OPERATIONS[0]].concat();
        let mut waiting = guise.command(repository.root(), &words).spawn()?;
        died(killed)?;
        guise.start()?;
        let ended = waiting.wait()?;
        ensure!(ended.success(), "synchronizing ends with {ended}");
        Ok(())
    })?;
    look("killed while nobody serves", seen);
    said(&["--yes", "project", "delete"])
        .context("at the end")
        .map(drop)
}

fn died(daemon: u64) -> Result<()> {
    let begun = Instant::now();
    while std::path::Path::new(&format!("/proc/{daemon}")).exists() {
        ensure!(begun.elapsed() < PATIENCE, "the daemon is not killed");
        sleep(Duration::from_millis(10));
    }
    Ok(())
}
