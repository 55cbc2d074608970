//! `cargo xtask clean`: the machine as it was before `cargo xtask demo`.

use crate::{
    demo::{CACHE_WAS_THERE, DEMO, PACKAGES},
    options::Options,
    programs::{become_root, run, target_directory},
};
use anyhow::{Context, Result, bail};
use journeys::{Marks, machine};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Where built base images are kept, besides in the state directory.
pub const CACHE: &str = "/var/cache/guise";

/// Stops everything and removes everything. Works also when half of it is gone already.
pub fn clean(options: &Options) -> Result<()> {
    become_root("stop containers and unmount images")?;
    let state = &options.state;
    if !options.force {
        refuse_what_is_not_ours(state)?;
    }
    let packages = fs::read_to_string(state.join(PACKAGES)).unwrap_or_default();
    teardown(state);
    let marks = Marks {
        state: state.clone(),
        name: "guise".into(),
        link_prefix: "gv".into(),
    };
    marks.sweep(&mut |thing| println!("Removed {thing}"))?;
    // Nothing may be mounted below what is about to be removed.
    if let Some(mount) = machine::mounts()?
        .into_iter()
        .find(|mount| mount.point.starts_with(state))
    {
        bail!("{} is still mounted", mount.point.display());
    }
    if state.join(CACHE_WAS_THERE).exists() {
        println!("{CACHE} was there before and stays.");
    } else {
        remove(Path::new(CACHE))?;
    }
    // Last, since it has what was just asked: a clean that was interrupted can be repeated.
    remove(state)?;
    println!("The machine is as it was.");
    if !packages.trim().is_empty() {
        println!("Debian packages that were installed for it stay; to remove them, too:");
        println!("  apt-get remove {}", packages.trim());
    }
    Ok(())
}

/// A state directory that somebody uses for more than the demo is not removed by accident.
fn refuse_what_is_not_ours(state: &Path) -> Result<()> {
    if !state.exists() {
        return Ok(());
    }
    if !state.join(DEMO).is_dir() {
        bail!(
            "{} was not made by cargo xtask demo; --force removes it with all projects in it",
            state.display()
        );
    }
    let projects = machine::directories(&state.join("projects")).len();
    if projects > 1 {
        bail!(
            "{} has {projects} projects, not only the demo's; --force removes them all",
            state.display()
        );
    }
    Ok(())
}

/// Lets guise itself do it, which ends databases in order. The sweep comes after in any case.
fn teardown(state: &Path) {
    let Some(program) = program(state) else { return };
    println!("Stopping guise");
    let mut stop = Command::new(&program);
    stop.arg("--state")
        .arg(state)
        .args(["daemon", "stop", "--teardown"]);
    let mut offline = Command::new(&program);
    offline.args(["daemon", "--teardown", "--state"]).arg(state);
    let runs = Command::new(&program)
        .arg("--state")
        .arg(state)
        .args(["daemon", "status", "--quiet"])
        .output();
    let torn_down = match runs {
        Ok(status) if status.status.success() => run(&mut stop),
        _ => run(&mut offline),
    };
    if let Err(error) = torn_down {
        println!("guise cannot do it ({error:#}); doing it by hand");
    }
}

fn program(state: &Path) -> Option<PathBuf> {
    let program = target_directory().ok()?.join("release/guise");
    (program.is_file() && state.is_dir()).then_some(program)
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Ok(()) => println!("Removed {}", directory.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot remove {}", directory.display())),
    }
    Ok(())
}
