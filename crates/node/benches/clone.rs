//! How long clones of an environment's volumes take, and how long its containers stand still for one, by the amount of
//! data in them, while something writes to them all the time. Needs root and 30 GB of disk: `cargo xtask bench clone`.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../tests/machine/mod.rs"]
mod machine;

use guise_model::VolumeId;
use guise_node::{ContainerSpec, VolumeMount};
use machine::{Machine, WEB, can_run, sh};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Amounts of data, in bytes.
const AMOUNTS: [(u64, &str); 3] = [
    (10_000_000, "10 MB"),
    (1_000_000_000, "1 GB"),
    (20_000_000_000, "20 GB"),
];
const CLONES: usize = 25;
const FILE: usize = 100_000_000;
const POOL: u64 = 32_000_000_000;
/// How long the load runs before it is disturbed.
const WARM_UP: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_millis(200);

/// Like a database: a little, in random places, to the disk each time. Says a line for each write that is on the disk.
const TRANSACTIONS: &str = "while :; do
    dd if=/dev/urandom of=/data/0 bs=16k count=2 seek=$((RANDOM % 600)) conv=notrunc,fsync 2> /dev/null || exit
    echo
done";

/// Like uploads: much, and left to the kernel to write.
const UPLOADS: &str = "n=0; while :; do
    n=$(((n + 1) % 50)); dd if=/dev/urandom of=/app/upload-$n bs=64k count=8 2> /dev/null; usleep 20000
done";

fn main() {
    // cargo test starts this too, without the option.
    if !std::env::args().any(|argument| argument == "--bench") || !can_run() {
        return;
    }
    println!(
        "| data | clone, median | most | containers stand still, median | most | a write waits at most | without clones |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (amount, name) in AMOUNTS {
        let machine = Machine::with_pool(9, POOL);
        let measured = measure(&machine, amount);
        let [clone, pause] = [measured.clones, measured.pauses].map(|mut times| {
            times.sort();
            (times[times.len() / 2], times[times.len() - 1])
        });
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            ms(clone.0),
            ms(clone.1),
            ms(pause.0),
            ms(pause.1),
            ms(measured.waits_with),
            ms(measured.waits_without)
        );
    }
}

/// What was measured with one amount of data.
struct Measured {
    clones: Vec<Duration>,
    pauses: Vec<Duration>,
    waits_with: Duration,
    waits_without: Duration,
}

fn measure(machine: &Machine, amount: u64) -> Measured {
    let node = machine.node();
    let volumes: [VolumeId; 2] = ["database", "uploads"].map(|name| name.parse().unwrap());
    for volume in &volumes {
        node.volume_create(volume, None, WEB, 0o777).unwrap();
    }
    fill(&node.volume_path(&volumes[0]).unwrap(), amount);
    let spec = container(machine, &volumes);
    node.create(&spec).unwrap();
    let stop = AtomicBool::new(false);
    let waits = Mutex::new((Instant::now(), Duration::ZERO));
    let longest_wait = || std::mem::take(&mut waits.lock().unwrap().1);
    let mut measured = Measured {
        clones: Vec::new(),
        pauses: Vec::new(),
        waits_with: Duration::ZERO,
        waits_without: Duration::ZERO,
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = node.exec_stream(&spec.id, &sh(TRANSACTIONS), b"", None, &stop, &mut |_| {
                let mut waits = waits.lock().unwrap();
                waits.1 = waits.1.max(waits.0.elapsed());
                waits.0 = Instant::now();
            });
        });
        thread::sleep(WARM_UP);
        longest_wait();
        thread::sleep(WARM_UP);
        measured.waits_without = longest_wait();
        for number in 0..CLONES {
            let pairs = volumes
                .clone()
                .map(|volume| (volume.clone(), format!("{volume}-{number}").parse().unwrap()));
            let begun = Instant::now();
            measured.pauses.push(
                node.clone_volumes(&pairs, std::slice::from_ref(&spec.id))
                    .unwrap(),
            );
            measured.clones.push(begun.elapsed());
            thread::sleep(BETWEEN);
        }
        measured.waits_with = longest_wait();
        stop.store(true, Ordering::SeqCst);
    });
    measured
}

/// Writes files that do not compress.
fn fill(directory: &Path, amount: u64) {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(FILE)
    .collect();
    let mut left = amount;
    for number in 0.. {
        if left == 0 {
            return;
        }
        let length = left.min(FILE as u64);
        let path = directory.join(number.to_string());
        let mut file = File::create(&path).unwrap();
        file.write_all(&noise[..length as usize]).unwrap();
        file.sync_all().unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        left -= length;
    }
}

fn container(machine: &Machine, volumes: &[VolumeId]) -> ContainerSpec {
    let mut spec = machine.spec("jjjjjjjjjjj1", 1, UPLOADS);
    spec.limits.cpu_millis = 2000;
    spec.limits.memory_bytes = 512_000_000;
    spec.mounts = volumes
        .iter()
        .zip(["/data", "/app"])
        .map(|(volume, target)| VolumeMount {
            volume: volume.clone(),
            source_path: String::new(),
            target: target.into(),
            read_only: false,
            owner: WEB,
        })
        .collect();
    spec
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}
