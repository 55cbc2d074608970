//! Debian packages: which are needed, which are missing.

use crate::programs::{as_root, run};
use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// What building and running guise needs.
pub const PRODUCT: &[&str] = &[
    "btrfs-progs",
    "ca-certificates",
    "gcc",
    "git",
    "iproute2",
    "libc6-dev",
    "libseccomp-dev",
    "mmdebstrap",
    "mount",
    "nftables",
    "pkg-config",
    "squashfs-tools",
    "tar",
];

/// What the component tests need besides.
pub const TESTS: &[&str] = &[
    "busybox-static",
    "nginx-light",
    "openssh-client",
    "openssl",
    "pebble",
    "rsync",
];

/// What the emulated machine of `vm-test` is made of besides.
pub const MACHINE: &[&str] = &[
    "binutils",
    "curl",
    "debian-archive-keyring",
    "e2fsprogs",
    "kmod",
    "libc-bin",
    "qemu-system-x86",
    "sqlite3",
    "xz-utils",
];

/// Installs those that are missing, and answers which these were.
///
/// # Errors
/// When this is no Debian, or apt fails.
pub fn install(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(missing);
    }
    println!("Installing Debian packages: {}", missing.join(" "));
    if apt(&["install", "--yes", "--no-install-recommends"], &missing).is_err() {
        println!("Not found, or no longer where they were: fetching the package lists first.");
        apt(&["update"], &[])?;
        apt(&["install", "--yes", "--no-install-recommends"], &missing)?;
    }
    Ok(missing)
}

fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for package in packages {
        let known = Command::new("dpkg-query")
            .args(["--show", "--showformat=${db:Status-Status}", package])
            .stderr(Stdio::null())
            .output()
            .context("cannot run dpkg-query: guise is built and tried on Debian 12 or newer")?;
        if known.stdout != b"installed" {
            missing.push(*package);
        }
    }
    Ok(missing)
}

fn apt(arguments: &[&str], packages: &[&str]) -> Result<()> {
    let mut command = as_root("env");
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
        .args(arguments)
        .args(packages);
    match run(&mut command) {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error}"),
    }
}
