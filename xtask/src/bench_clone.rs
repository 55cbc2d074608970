//! `cargo xtask bench clone`: how long clones take, by the amount of data, and how long containers stand still for one.

use crate::{
    bench::machine,
    options::Options,
    programs::{become_root, repository},
};
use anyhow::{Result, ensure};
use std::process::Command;

/// Runs the benchmark of the crate that clones, since this one needs no C library, and prints its table.
pub fn clone(_options: &Options) -> Result<()> {
    become_root("mount a pool and freeze containers")?;
    // What takes time is the kernel; the profile that everybody has built is good enough for the rest.
    for arguments in [
        &["build", "-p", "guise-runtime"][..],
        &[
            "bench",
            "-p",
            "guise-node",
            "--bench",
            "clone",
            "--profile",
            "dev",
        ],
    ] {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(arguments)
            .current_dir(repository())
            .status()?;
        ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    }
    println!("\n{}", machine());
    Ok(())
}
