//! The emulated machine: booted, listened to, and switched off when it takes too long.

use crate::programs::run;
use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// What the tests are given from power on to power off; on two busy processors they take a third of it.
const PATIENCE: Duration = Duration::from_secs(900);

const DISK_BYTES: u64 = 8 << 30;

/// A machine that is switched off when it is dropped, as by a power cut: what its kernel has not written is lost.
pub struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Machine {
    /// Runs QEMU.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(qemu: &mut Command) -> Result<Self> {
        let child = qemu.stdout(Stdio::piped()).spawn();
        let child = child.context("cannot run qemu-system-x86_64 (Debian package qemu-system-x86)")?;
        Ok(Self(child))
    }

    /// The lines that QEMU prints, from a thread of their own. They end with the machine.
    ///
    /// # Errors
    /// When somebody has them already.
    pub fn lines(&mut self) -> Result<Receiver<String>> {
        let output = self.0.stdout.take().context("QEMU has no output")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    /// Where QEMU reads from.
    ///
    /// # Errors
    /// When it reads nothing, or somebody has it already.
    pub fn input(&mut self) -> Result<ChildStdin> {
        self.0.stdin.take().context("QEMU has no input")
    }
}

/// Boots the kernel with its first root, passes on what comes over the serial line, and answers it when the machine is off.
///
/// # Errors
/// When QEMU cannot be run or the machine is not off in time.
pub fn boot(kernel: &Path, initramfs: &Path, disk: &Path) -> Result<Vec<String>> {
    let mut qemu = qemu(kernel, initramfs, disk);
    let mut machine = Machine::start(qemu.args(["-serial", "stdio"]).stdin(Stdio::null()))?;
    let lines = machine.lines()?;
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
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

/// A new disk with what is in a directory, or nothing; only what is written takes room.
///
/// # Errors
/// When it cannot be made.
pub fn make_disk(path: &Path, content: Option<&Path>) -> Result<()> {
    let size = std::fs::File::create(path).and_then(|file| file.set_len(DISK_BYTES));
    size.with_context(|| format!("cannot make {}", path.display()))?;
    // An ordinary user's PATH lacks it.
    let mut format = Command::new("/usr/sbin/mkfs.ext4");
    if let Some(content) = content {
        format.arg("-d").arg(content);
    }
    run(format.arg("-q").arg(path))
}

/// QEMU with all but the serial line, which is the first device of that kind that is added.
pub fn qemu(kernel: &Path, initramfs: &Path, disk: &Path) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2G"])
        // The plain processor has no source of random numbers, and the kernel would wait for some.
        .args(["-cpu", "qemu64,+rdrand"])
        .args(["-nodefaults", "-no-reboot", "-display", "none"])
        // What the machine has written is safe once QEMU has it: it is QEMU that dies, not this machine.
        .arg("-drive")
        .arg(format!(
            "file={},format=raw,if=virtio,cache=unsafe",
            disk.display()
        ))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .args(["-append", "console=ttyS0 quiet panic=-1"]);
    qemu
}
