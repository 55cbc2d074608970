//! What the inside believes, asserted from inside, and what is so, asserted from outside.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, FIRST_ID, can_run, succeeded};
use serde_json::json;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn a_container_has_its_own_name_processes_ids_and_ipc() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    assert_eq!(container.shell("hostname"), ("guise".into(), 0));
    let (processes, _) = container.shell("ps -o pid,args");
    assert!(processes.contains("1 /bin/sleep 1000"), "{processes}");
    assert!(processes.lines().count() <= 4, "{processes}");
    assert_eq!(container.shell("id -u"), ("0".into(), 0));
    let pid = container.state()["pid"].as_i64().unwrap();
    assert_eq!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), FIRST_ID);
    for kind in ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup"] {
        let link = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        assert_ne!(link("self"), link(&pid.to_string()), "{kind}");
    }
    let (cgroups, _) = container.shell("cut -d: -f3 /proc/self/cgroup | sort -u");
    assert_eq!(cgroups, "/");
    assert_eq!(
        container
            .shell("ping -c1 -W1 127.0.0.1 >/dev/null 2>&1; cat /sys/class/net/lo/operstate")
            .1,
        0
    );
}

#[test]
fn limits_are_in_the_cgroup_files() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["linux"]["resources"] = json!({
        "memory": { "limit": 67_108_864 }, "pids": { "limit": 33 }, "cpu": { "quota": 25_000, "period": 100_000 }
    });
    container.start();
    let read = |names: [&str; 2]| {
        let files = container
            .cgroups()
            .into_iter()
            .flat_map(|path| names.map(|name| path.join(name)));
        files
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(read(["memory.limit_in_bytes", "memory.max"]), "67108864");
    assert_eq!(read(["pids.max", "pids.max"]), "33");
    assert!(read(["cpu.cfs_quota_us", "cpu.max"]).starts_with("25000"));
    let path = Path::new("/guise-test").join(&container.id);
    let usage = guise_runtime::cgroup::usage(&path).unwrap();
    assert!(usage.memory_bytes > 0 && usage.pids == 1, "{usage:?}");
}

#[test]
fn the_ramdisk_has_the_archives_files_with_their_owners() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let archive = container.path("run.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o750);
    header.set_uid(10_000);
    header.set_gid(10_001);
    header.set_size(5);
    tar.append_data(&mut header, "service/app/run", &b"hello"[..])
        .unwrap();
    tar.finish().unwrap();
    container.config["annotations"][guise_runtime::RAMDISK] = json!(archive);
    let run = json!({ "destination": "/run", "type": "tmpfs", "options": ["nosuid", "nodev", "mode=755", "size=1m"] });
    container.config["mounts"].as_array_mut().unwrap().push(run);
    container.start();
    assert_eq!(
        container.shell("stat -c '%u %g %a' /run/service/app/run"),
        ("10000 10001 750".into(), 0)
    );
    let mut cat = container.runtime(&[
        "exec",
        "--user",
        "10000:10001",
        &container.id,
        "cat",
        "/run/service/app/run",
    ]);
    assert_eq!(succeeded(cat.output().unwrap()).stdout, b"hello");
}

#[test]
fn the_exit_status_of_a_process_is_passed_through() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    assert_eq!(container.shell("exit 7").1, 7);
    assert_eq!(container.shell("kill -TERM $$").1, 128 + 15);
    let status = |program: &str| {
        container
            .runtime(&["exec", &container.id, program])
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(status("/no/such/program"), Some(127));
    assert_eq!(status("no-such-program"), Some(127));
    let user = container.runtime(&[
        "exec",
        "--user",
        "10000:10001",
        "--cwd",
        "/tmp",
        "--env",
        "A=b",
        &container.id,
        "sh",
        "-c",
        "id -u; id -g; pwd; echo $A",
    ]);
    let mut user = user;
    let output = succeeded(user.output().unwrap());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "10000\n10001\n/tmp\nb\n"
    );
}

#[test]
fn a_disk_is_read_no_faster_than_configured_or_the_controller_is_named() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let device = json!([{ "major": 7, "minor": 0, "rate": 1_048_576 }]);
    container.config["linux"]["resources"]["blockIO"] = json!({ "throttleReadBpsDevice": device });
    let created = container.create();
    let told = String::from_utf8(created.stderr).unwrap();
    let files = container.cgroups().into_iter();
    let mut files =
        files.flat_map(|group| [group.join("blkio.throttle.read_bps_device"), group.join("io.max")]);
    match files.find_map(|file| std::fs::read_to_string(file).ok()) {
        Some(limit) => assert!(limit.contains("7:0") && limit.contains("1048576"), "{limit}"),
        // Without the controller, or without such a device, the kernel's answer is told.
        None => assert!(
            told.contains("blkio.throttle.read_bps_device") || told.contains("io.max"),
            "{told}"
        ),
    }
}

#[test]
fn a_limit_that_no_hierarchy_of_the_machine_knows_is_refused() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["linux"]["resources"]["rdma"] = json!({ "mlx5_1": { "hcaHandles": 3 } });
    let told = String::from_utf8(container.create().stderr).unwrap();
    assert!(told.contains("rdma"), "{told}");
    assert!(container.cgroups().is_empty());
}

#[test]
fn a_paused_container_stands_still_until_it_is_resumed() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    succeeded(container.runtime(&["pause", &container.id]).output().unwrap());
    assert_eq!(container.state()["status"], "paused");
    succeeded(container.runtime(&["resume", &container.id]).output().unwrap());
    assert_eq!(container.state()["status"], "running");
}

#[test]
fn a_paused_container_goes_on_when_the_one_who_paused_it_dies() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let guard = || {
        let mut guard = container.runtime(&["guard", &container.id]);
        guard.stdin(Stdio::piped()).spawn().unwrap()
    };
    let mut dismissed = guard();
    succeeded(container.runtime(&["pause", &container.id]).output().unwrap());
    dismissed.stdin.take().unwrap().write_all(b".").unwrap();
    assert!(dismissed.wait().unwrap().success());
    assert_eq!(container.state()["status"], "paused");

    let mut orphaned = guard();
    drop(orphaned.stdin.take());
    assert!(orphaned.wait().unwrap().success());
    assert_eq!(container.state()["status"], "running");
}

#[test]
fn delete_leaves_nothing_and_a_second_delete_says_so() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    assert!(!container.cgroups().is_empty());
    let refused = container.runtime(&["delete", &container.id]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop it first"));
    let pid = container.state()["pid"].as_i64().unwrap();
    succeeded(
        container
            .runtime(&["kill", &container.id, "KILL"])
            .output()
            .unwrap(),
    );
    succeeded(
        container
            .runtime(&["delete", "--force", &container.id])
            .output()
            .unwrap(),
    );
    assert!(container.cgroups().is_empty());
    assert!(!container.path("state").join(&container.id).exists());
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    assert!(status.is_empty() || status.contains("State:\tZ"), "{status}");
    let second = container.runtime(&["delete", &container.id]).output().unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("does not exist"));
    succeeded(
        container
            .runtime(&["delete", "--force", &container.id])
            .output()
            .unwrap(),
    );
}

#[test]
fn a_create_that_fails_leaves_nothing() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let nowhere = json!({ "destination": "/data", "type": "bind", "source": "/no/such/directory", "options": ["bind"] });
    container.config["mounts"].as_array_mut().unwrap().push(nowhere);
    let refused = container.create();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/no/such/directory"));
    assert!(container.cgroups().is_empty());
    assert!(!container.path("state").join(&container.id).exists());
    container.config["mounts"].as_array_mut().unwrap().pop();
    container.config["process"]["cwd"] = json!("/not/there");
    let refused = container.create();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/not/there"));
    assert!(container.cgroups().is_empty());
}

#[test]
fn a_creator_killed_at_any_moment_leaves_nothing_that_delete_cannot_remove() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    std::fs::write(container.path("config.json"), container.config.to_string()).unwrap();
    let bundle = container.path("").to_str().unwrap().to_owned();
    for microseconds in (0..20_000).step_by(1_000) {
        let mut create = container.runtime(&["create", "--bundle", &bundle, &container.id]);
        let mut child = create
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(microseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        succeeded(
            container
                .runtime(&["delete", "--force", &container.id])
                .output()
                .unwrap(),
        );
        assert!(container.cgroups().is_empty(), "after {microseconds} us");
        assert!(
            !container.path("state").join(&container.id).exists(),
            "after {microseconds} us"
        );
    }
    // What was cloned before it was in its group sees its creator go by itself.
    let end = Instant::now() + Duration::from_secs(5);
    while processes_of(&bundle) > 0 {
        assert!(Instant::now() < end, "a half-made container still waits");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many processes have the bundle on their command line.
fn processes_of(bundle: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap();
    let has_it = |process: &std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(bundle)
    };
    all.flatten().filter(has_it).count()
}

#[test]
fn run_waits_for_the_program_and_passes_its_status_on() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["args"] = json!(["sh", "-c", "echo hello; exit 3"]);
    std::fs::write(container.path("config.json"), container.config.to_string()).unwrap();
    let bundle = container.path("").to_str().unwrap().to_owned();
    let output = container
        .runtime(&["run", "--bundle", &bundle, &container.id])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hello\n");
    assert_eq!(output.status.code(), Some(3));
    assert!(container.cgroups().is_empty());
}

#[test]
fn a_program_that_is_missing_is_told_at_create() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["args"] = json!(["no-such-program"]);
    let refused = String::from_utf8(container.create().stderr).unwrap();
    assert!(
        refused.contains("no-such-program") && refused.contains("PATH"),
        "{refused}"
    );
}
