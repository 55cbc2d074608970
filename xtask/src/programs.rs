//! Running other programs: cargo as the person, everything else as whoever may.

use anyhow::{Context, Result, bail};
use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The repository's top directory.
pub fn repository() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).into()
}

/// Whether this process is root: user 0 in `/proc/self/status`.
pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Replaces this process by itself as root, if it is not root yet. `why` completes "root is needed to …".
///
/// # Errors
/// When sudo cannot be run.
pub fn become_root(why: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    println!("Root is needed to {why}: asking sudo.");
    let mut sudo = Command::new("sudo");
    // sudo has a PATH of its own, in which a person's cargo is not.
    sudo.arg("env").args(
        ["PATH", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"]
            .iter()
            .filter_map(kept),
    );
    let error = sudo
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .exec();
    Err(error).context("cannot run sudo; become root and try again")
}

fn kept(name: &&str) -> Option<String> {
    std::env::var(name).ok().map(|value| format!("{name}={value}"))
}

/// A program as root.
pub fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// cargo in the repository, as the person who typed the chore even when sudo runs it: no file of root's in `target`.
pub fn cargo() -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let person = std::env::var("SUDO_USER").ok().filter(|_| is_root());
    let mut command = match person {
        Some(person) => {
            let mut command = Command::new("sudo");
            command.args(["--set-home", "--user", &person, "env"]);
            command.args(
                ["PATH", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"]
                    .iter()
                    .filter_map(kept),
            );
            command.arg(cargo);
            command
        }
        None => Command::new(cargo),
    };
    command.current_dir(repository());
    command
}

/// Builds guise and answers where the program is; `GUISE_PROGRAM` names one that is there.
///
/// # Errors
/// When it does not build.
pub fn build_guise(release: bool) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("GUISE_PROGRAM") {
        return Ok(program.into());
    }
    let profile = if release { "release" } else { "debug" };
    let mut build = cargo();
    build
        .args(["build", "--package", "guise"])
        .args(release.then_some("--release"));
    run(&mut build)?;
    Ok(target_directory()?.join(profile).join("guise"))
}

/// Where cargo puts what it builds.
///
/// # Errors
/// When cargo cannot be asked.
pub fn target_directory() -> Result<PathBuf> {
    let target = metadata()?["target_directory"]
        .as_str()
        .context("cargo metadata has no target directory")?
        .into();
    Ok(target)
}

/// The workspace as cargo sees it, without what it depends on.
///
/// # Errors
/// When cargo cannot be asked.
pub fn metadata() -> Result<serde_json::Value> {
    let printed = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    Ok(serde_json::from_str(&printed)?)
}

/// Runs a program that talks to the person itself.
///
/// # Errors
/// When it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", words(command)))?;
    if !status.success() {
        bail!("{}: {status}", words(command));
    }
    Ok(())
}

/// Runs a program and answers what it prints; its errors go to the person.
///
/// # Errors
/// When it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {}", words(command)))?;
    if !output.status.success() {
        bail!("{}: {}", words(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
