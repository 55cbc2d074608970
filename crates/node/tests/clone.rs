//! Clones of volumes that are written to meanwhile: one instant of all of them, and nothing lost. Needs root.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod machine;

use guise_model::VolumeId;
use guise_node::{ContainerSpec, ExecSession, ExecStdio, Node, VolumeMount};
use machine::{Machine, WEB, can_run, eventually, sh};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

const CLONES: u32 = 200;

/// Appends each number it is told to a log, and answers once it is on the disk.
const WRITER: &str = "while read n; do
    said=$(echo $n | dd of=/data/log conv=notrunc,fsync oflag=append 2>&1) && echo $n || echo $said
done";

/// PID 1 that keeps some of its volume dirty.
const NOISE: &str = "while :; do
    dd if=/dev/urandom of=/data/noise bs=64k count=8 conv=notrunc 2> /dev/null
    usleep 5000
done";

/// A container with a volume at `/data`.
fn container(machine: &Machine, id: &str, slot: u32, script: &str) -> (ContainerSpec, VolumeId) {
    let volume: VolumeId = format!("data-{id}").parse().unwrap();
    machine.node().volume_create(&volume, None, WEB, 0o755).unwrap();
    let mut spec = machine.spec(id, slot, script);
    spec.limits.cpu_millis = 2000;
    spec.mounts = vec![VolumeMount {
        volume: volume.clone(),
        source_path: String::new(),
        target: "/data".into(),
        read_only: false,
        owner: WEB,
    }];
    machine.node().create(&spec).unwrap();
    (spec, volume)
}

/// A writer in a container.
struct Writer {
    tell: File,
    answers: BufReader<File>,
    _session: ExecSession,
}

impl Writer {
    fn start(node: &Node, spec: &ContainerSpec) -> Self {
        let mut session = node.exec_interactive(&spec.id, &sh(WRITER), None).unwrap();
        let Some(ExecStdio::Pipes { stdin, stdout, .. }) = session.take_stdio() else {
            panic!("no pipes")
        };
        Self {
            tell: stdin.into(),
            answers: BufReader::new(stdout.into()),
            _session: session,
        }
    }

    /// Has a number written; when this returns it is acknowledged.
    fn write(&mut self, number: u64) {
        writeln!(self.tell, "{number}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), number.to_string());
    }
}

/// The last number in a clone, whose log must have every number up to it.
fn last_number(clone: &Path) -> u64 {
    let log = fs::read_to_string(clone.join("log")).unwrap();
    let log: Vec<u64> = log.lines().map(|line| line.parse().unwrap()).collect();
    let last = log.len() as u64;
    assert!(log.iter().copied().eq(1..=last), "the log has a hole: {log:?}");
    last
}

#[test]
fn two_hundred_clones_under_load_are_each_one_instant_and_miss_no_acknowledged_write() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(8);
    let node = machine.node();
    let (app, uploads) = container(&machine, "hhhhhhhhhhh1", 1, NOISE);
    let (service, database) = container(&machine, "hhhhhhhhhhh2", 2, NOISE);
    let mut writers = [Writer::start(node, &service), Writer::start(node, &app)];
    let acknowledged = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // First the database, then the upload that refers to it, as an app would.
            for number in 1.. {
                writers.iter_mut().for_each(|writer| writer.write(number));
                acknowledged.store(number, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let checks = scope.spawn(|| {
            for number in 0..CLONES {
                // btrfs gives back the space of deleted clones only some time later.
                node.grow_pool_if_needed(0).unwrap();
                let earlier = acknowledged.load(Ordering::SeqCst);
                eventually("the writers write", || {
                    acknowledged.load(Ordering::SeqCst) > earlier
                });
                let before = acknowledged.load(Ordering::SeqCst);
                let copies = ["db", "up"].map(|kind| format!("{kind}-{number}").parse::<VolumeId>().unwrap());
                let pairs = [
                    (database.clone(), copies[0].clone()),
                    (uploads.clone(), copies[1].clone()),
                ];
                let pause = node
                    .clone_volumes(&pairs, &[app.id.clone(), service.id.clone()])
                    .unwrap();
                assert!(
                    pause < Duration::from_secs(2),
                    "clone {number} stopped all for {pause:?}"
                );
                let [in_database, in_uploads] = copies
                    .clone()
                    .map(|copy| last_number(&node.volume_path(&copy).unwrap()));
                assert!(
                    in_database == in_uploads || in_database == in_uploads + 1,
                    "clone {number}: the database is at {in_database}, the uploads are at {in_uploads}"
                );
                assert!(
                    in_uploads >= before,
                    "clone {number}: {before} was acknowledged, {in_uploads} is there"
                );
                for copy in copies {
                    node.volume_delete(&copy).unwrap();
                }
            }
        });
        let checked = checks.join();
        stop.store(true, Ordering::SeqCst);
        if let Err(panic) = checked {
            std::panic::resume_unwind(panic);
        }
    });
}
