//! The emulated machine: booted, listened to, and switched off when it takes too long.

use crate::programs::run;
use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// What the tests are given from power on to power off; on two busy processors they take a third of it.
const PATIENCE: Duration = Duration::from_secs(900);

const DISK_BYTES: u64 = 8 << 30;

/// A machine that is switched off when it is dropped.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the kernel with its first root, passes on what comes over the serial line, and answers it when the machine is off.
///
/// # Errors
/// When QEMU cannot be run or the machine is not off in time.
pub fn boot(kernel: &Path, initramfs: &Path, disk: &Path) -> Result<Vec<String>> {
    let mut machine = start(kernel, initramfs, disk)?;
    let line = machine.0.stdout.take().context("QEMU has no output")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(line).split(b'\n').map_while(Result::ok) {
            if sender
                .send(String::from_utf8_lossy(&line).trim_end().to_owned())
                .is_err()
            {
                return;
            }
        }
    });
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                said.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(said),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the machine was not off after {} s", PATIENCE.as_secs())
            }
        }
    }
}

/// A new, empty disk, of which only what is written takes room.
///
/// # Errors
/// When it cannot be made.
pub fn make_disk(path: &Path) -> Result<()> {
    let size = std::fs::File::create(path).and_then(|file| file.set_len(DISK_BYTES));
    size.with_context(|| format!("cannot make {}", path.display()))?;
    // An ordinary user's PATH lacks it.
    run(Command::new("/usr/sbin/mkfs.ext4").arg("-q").arg(path))
}

fn start(kernel: &Path, initramfs: &Path, disk: &Path) -> Result<Machine> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2G"])
        // The plain processor has no source of random numbers, and the kernel would wait for some.
        .args(["-cpu", "qemu64,+rdrand"])
        .args([
            "-nodefaults",
            "-no-reboot",
            "-display",
            "none",
            "-serial",
            "stdio",
        ])
        // What is on the disk is of no worth after a crash of this machine.
        .arg("-drive")
        .arg(format!(
            "file={},format=raw,if=virtio,cache=unsafe",
            disk.display()
        ))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .args(["-append", "console=ttyS0 quiet panic=-1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = qemu
        .spawn()
        .context("cannot run qemu-system-x86_64 (Debian package qemu-system-x86)")?;
    Ok(Machine(child))
}
