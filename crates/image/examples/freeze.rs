//! Times freezing a directory tree beside plain mksquashfs: `cargo run -p guise-image --example freeze -- DIRECTORY`.
//!
//! What takes time is mksquashfs, which is the machine's own; the profile of the rest hardly matters.

use guise_image::Store;
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    time::Instant,
};

/// How often each is done; the median counts.
const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let tree = std::env::args().nth(1).ok_or("which directory?")?;
    let tree = PathBuf::from(tree);
    let place = tempfile::tempdir_in("/var/tmp")?;
    let plain = place.path().join("plain.squashfs");
    let mut rows = vec![("guise", Vec::new(), 0)];
    for _ in 0..TIMES {
        // A store of its own each time: a tree that is there already would only be packed and compared.
        let state = tempfile::tempdir_in(place.path())?;
        let store = Store::open(state.path(), None)?;
        let begun = Instant::now();
        let digest = store.freeze(&tree, &AtomicBool::new(false))?;
        rows[0].1.push(begun.elapsed().as_secs_f64());
        rows[0].2 = store.path(&digest).metadata()?.len();
    }
    for (name, options) in [
        ("mksquashfs, as it is (gzip)", &[][..]),
        ("mksquashfs -comp zstd", &["-comp", "zstd"]),
        (
            "mksquashfs -comp zstd, level 1",
            &["-comp", "zstd", "-Xcompression-level", "1"],
        ),
    ] {
        let mut seconds = Vec::new();
        for _ in 0..TIMES {
            seconds.push(mksquashfs(&tree, &plain, options)?);
        }
        rows.push((name, seconds, plain.metadata()?.len()));
    }
    println!("| packed by | median | size |\n| --- | --- | --- |");
    for (name, mut seconds, bytes) in rows {
        seconds.sort_by(f64::total_cmp);
        println!(
            "| {name} | {:.2} s | {:.1} MB |",
            seconds[TIMES / 2],
            bytes as f64 / 1e6
        );
    }
    Ok(())
}

fn mksquashfs(tree: &Path, file: &Path, options: &[&str]) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let status = Command::new("mksquashfs")
        .args([tree, file])
        .args(["-noappend", "-no-progress", "-quiet"])
        .args(options)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err("mksquashfs failed".into());
    }
    Ok(begun.elapsed().as_secs_f64())
}
