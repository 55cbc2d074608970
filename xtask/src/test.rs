//! `cargo xtask test`: what CI runs. `cargo xtask check`: the part of it that needs neither root nor time.

use crate::{
    arrows, compatibility, house,
    options::Options,
    packages,
    programs::{as_root, cargo, is_root, run, target_directory},
    stages::Stages,
};
use anyhow::{Result, bail};
use journeys::machine::{self, Thing};
use std::{collections::BTreeSet, process::Command};

/// Format, rules, clippy.
pub fn check(_: &Options) -> Result<()> {
    let mut stages = Stages::default();
    source(&mut stages);
    stages.summary()
}

/// Everything.
pub fn test(options: &Options) -> Result<()> {
    let mut stages = Stages::default();
    stages.run("packages", || {
        packages::install(&[packages::PRODUCT, packages::TESTS].concat()).map(drop)
    });
    let before = machine::snapshot()?;
    if options.filter.is_none() {
        source(&mut stages);
    }
    if options.quick {
        stages.run("unit tests", || {
            run(tests(options, false).args(["--workspace", "--exclude", "journeys"]))
        });
        return stages.summary();
    }
    // One build for all: the binary that the journeys drive is built with the tests, as its package has one.
    stages.run("unit tests, component tests, journeys", || {
        let program = target_directory()?.join("debug/guise");
        run(tests(options, true)
            .env("GUISE_PROGRAM", program)
            .arg("--workspace"))
    });
    stages.run("leftovers", || leftovers(&before));
    stages.summary()
}

fn source(stages: &mut Stages) {
    stages.run("format", || run(cargo().args(["fmt", "--all", "--check"])));
    stages.run("arrows", arrows::check);
    stages.run("house", house::check);
    stages.run("compatibility", compatibility::check);
    stages.run("clippy", || {
        run(cargo().args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    });
    stages.run("dependencies", dependencies);
}

/// cargo-deny takes minutes to compile, so it is used where it is, and not installed.
fn dependencies() -> Result<()> {
    let installed = Command::new("cargo-deny").arg("--version").output().is_ok();
    if !installed {
        println!("cargo-deny is not installed: deny.toml is not checked (cargo install cargo-deny)");
        return Ok(());
    }
    run(cargo().args(["deny", "--all-features", "check"]))
}

/// `cargo test`. As root, each test program is run by sudo if need be, and a test that cannot run is a failure;
/// else those that need root say so and pass.
fn tests(options: &Options, root: bool) -> Command {
    let mut command = cargo();
    command.args(["test", "--quiet", "--no-fail-fast"]);
    if root {
        command.env("GUISE_TEST_MUST_RUN", "1");
        if !is_root() {
            let architecture = std::env::consts::ARCH.to_uppercase();
            let runner = format!("CARGO_TARGET_{architecture}_UNKNOWN_LINUX_GNU_RUNNER");
            command.env(
                runner,
                "sudo --preserve-env=PATH,GUISE_PROGRAM,GUISE_TEST_MUST_RUN,GUISE_TEST_ALL",
            );
        }
    }
    if options.all {
        command.env("GUISE_TEST_ALL", "1");
    }
    if let Some(filter) = &options.filter {
        command.arg(filter);
    }
    command
}

/// Fails when something is on the machine that was not there before.
fn leftovers(before: &BTreeSet<Thing>) -> Result<()> {
    if !is_root() {
        // Only root sees nftables.
        run(as_root("nft").args(["list", "tables"]))?;
    }
    let after = machine::snapshot()?;
    let left: Vec<String> = after.difference(before).map(ToString::to_string).collect();
    if !left.is_empty() {
        bail!("the tests left on the machine:\n  {}", left.join("\n  "));
    }
    println!("no mount, loop device, network link, nftables table or cgroup is left");
    Ok(())
}
