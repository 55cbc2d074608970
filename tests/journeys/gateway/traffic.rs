//! Copies, large streams, many people at once, and one who stops reading.

use super::person::{Person, gateway_memory};
use crate::site::Site;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    io::{Read, Write},
    thread::{self, sleep},
    time::{Duration, Instant},
};

/// Connections at once.
const MANY: usize = 200;
/// What the gateway may weigh whatever goes through it: it holds windows, not files.
const MOST_MEMORY: u64 = 150_000_000;

/// How much goes through in each direction: little in CI, where the disk is slow.
fn size() -> usize {
    if std::env::var_os("GUISE_TEST_ALL").is_some() {
        500_000_000
    } else {
        50_000_000
    }
}

/// Bytes that do not repeat within what anybody buffers.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// rsync, scp and sftp, there and back.
pub fn copies(ada: &Person) -> Result<()> {
    let here = ada.directory().join("copied");
    let _ = fs::remove_dir_all(&here);
    fs::create_dir_all(here.join("down"))?;
    fs::write(here.join("up.bin"), noise(3_000_000))?;
    let up = here.join("up.bin");
    let up = up.to_str().context("a path in UTF-8")?;
    let down = format!("{}/down/", here.display());
    let same = |program: &str, name: &str| -> Result<()> {
        let copied = fs::read(here.join("down").join(name))?;
        ensure!(copied == fs::read(up)?, "{program} copies something else");
        Ok(())
    };
    ada.copy("rsync", &["-t", up, "HOST:/app/data/rsync.bin"], b"")?
        .ok()?;
    ada.copy("rsync", &["-t", "HOST:/app/data/rsync.bin", &down], b"")?
        .ok()?;
    same("rsync", "rsync.bin")?;
    ada.copy("scp", &["-q", up, "HOST:/app/data/scp.bin"], b"")?
        .ok()?;
    ada.copy("scp", &["-q", "HOST:/app/data/scp.bin", &down], b"")?
        .ok()?;
    same("scp", "scp.bin")?;
    let batch = format!("put {up} /app/data/sftp.bin\nget /app/data/sftp.bin {down}\nls /app/data\n");
    let listed = ada.copy("sftp", &["-b", "-", "HOST"], batch.as_bytes())?.ok()?;
    ensure!(listed.contains("rsync.bin"), "sftp lists {listed:?}");
    same("sftp", "sftp.bin")
}

/// Much in one direction, in the other, and in both at the same time.
pub fn large_streams(ada: &Person) -> Result<()> {
    let bytes = noise(size());
    let begun = Instant::now();
    let counted = ada.ssh_with(&[], &["sha256sum"], &bytes)?.ok()?;
    let up = begun.elapsed();
    ada.ssh_with(&[], &["cat > /app/data/large.bin"], &bytes)?.ok()?;
    let sum = ada.ssh(&["sha256sum < /app/data/large.bin"])?.ok()?;
    ensure!(
        counted == sum,
        "what was sent is not what arrives: {counted} and {sum}"
    );
    let begun = Instant::now();
    let down = received(ada, "cat /app/data/large.bin", &[])?;
    println!(
        "    {} MB up in {:.1} s, down in {:.1} s",
        bytes.len() / 1_000_000,
        up.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    ensure!(down == bytes, "what comes is not what is there");
    // The program takes no input until its output is taken.
    ensure!(
        received(ada, "cat", &bytes)? == bytes,
        "what goes there and back changes on the way"
    );
    ada.ssh(&["rm /app/data/large.bin"])?.ok()?;
    Ok(())
}

/// What a command prints that gets an input.
fn received(ada: &Person, command: &str, input: &[u8]) -> Result<Vec<u8>> {
    let mut ssh = ada.command(&[], &[command]).spawn()?;
    let mut stdin = ssh.stdin.take().context("an input")?;
    let mut stdout = ssh.stdout.take().context("an output")?;
    let mut bytes = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        stdout.read_to_end(&mut bytes)
    })?;
    ensure!(ssh.wait()?.success(), "{command} fails");
    Ok(bytes)
}

/// Somebody asks for more than they read, and sends more than is read: neither costs memory or others.
pub fn a_reader_that_stops(site: &Site<'_>, ada: &Person) -> Result<()> {
    let mut asks = ada.command(&[], &["cat /dev/zero"]).spawn()?;
    let mut sends = ada.command(&[], &["sleep 60"]).spawn()?;
    let mut input = sends.stdin.take().context("an input")?;
    let flood = thread::spawn(move || while input.write_all(&[0; 65_536]).is_ok() {});
    sleep(Duration::from_secs(4));
    let memory = gateway_memory(site)?;
    let begun = Instant::now();
    ada.ssh(&["true"])?.ok()?;
    let meanwhile = begun.elapsed();
    for child in [&mut asks, &mut sends] {
        child.kill()?;
        child.wait()?;
    }
    let _ = flood.join();
    ensure!(memory < MOST_MEMORY, "the gateway has grown to {memory} bytes");
    ensure!(
        meanwhile < Duration::from_secs(10),
        "another session takes {meanwhile:?}"
    );
    Ok(())
}

/// Very many come at the same time, and each gets an answer.
pub fn many_at_once(ada: &Person) -> Result<()> {
    let begun = Instant::now();
    let sessions: Result<Vec<_>> = (0..MANY)
        .map(|number| Ok(ada.command(&[], &[&format!("echo {number}")]).spawn()?))
        .collect();
    for (number, session) in sessions?.into_iter().enumerate() {
        let output = session.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            said.trim_end() == number.to_string(),
            "session {number} of {MANY} says {said:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    println!(
        "    {MANY} sessions at once in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
