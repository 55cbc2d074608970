//! Ways out that have worked somewhere; each must fail here.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, FIRST_ID, can_run, succeeded};
use serde_json::json;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

fn refused(container: &Bundle, script: &str, reason: &str) {
    let (text, status) = container.shell(script);
    assert!(
        status != 0 && text.contains(reason),
        "{script}: status {status}, {text}"
    );
}

#[test]
fn the_kernels_controls_cannot_be_written() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    refused(
        &container,
        "echo x > /proc/sys/kernel/core_pattern",
        "Read-only file system",
    );
    refused(
        &container,
        "echo x > /proc/sys/kernel/hostname",
        "Read-only file system",
    );
    refused(
        &container,
        "echo x > /sys/kernel/mm/ksm/run",
        "Read-only file system",
    );
    refused(&container, "mount -t tmpfs none /tmp", "denied");
    refused(&container, "mount -o remount,rw /", "denied");
    refused(&container, "mknod /dev/sda b 8 0", "not permitted");
    refused(&container, "unshare -U true", "not permitted");
    refused(&container, "touch /x", "Read-only file system");
}

#[test]
fn masked_paths_are_empty() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    assert_eq!(
        container
            .shell("wc -c < /proc/keys; wc -c < /proc/timer_list; ls /sys/firmware | wc -l")
            .0,
        "0\n0\n0"
    );
    refused(&container, "ls > /sys/firmware/x", "Read-only file system");
}

#[test]
fn capabilities_are_those_of_the_configuration_and_nothing_can_be_gained() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let (status, _) = container.shell("grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status");
    let audit_write_kill_bind = "0000000020000420";
    assert_eq!(
        status,
        format!(
            "CapEff:\t{audit_write_kill_bind}\nCapBnd:\t{audit_write_kill_bind}\nNoNewPrivs:\t1\nSeccomp:\t2"
        )
    );
    let (of_init, _) = container.shell("grep Seccomp: /proc/1/status");
    assert_eq!(of_init, "Seccomp:\t2");
}

#[test]
fn descriptors_of_the_caller_do_not_reach_the_inside() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    // A directory of the host without close-on-exec, as in CVE-2024-21626.
    let leaked = std::fs::File::open("/etc").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    assert!(leaked.as_raw_fd() > 2);
    container.start();
    assert_eq!(
        container.shell("ls /proc/1/fd | sort | tr '\\n' ' '").0.trim(),
        "0 1 2"
    );
    let (own, _) = container.shell("ls -l /proc/self/fd 2>/dev/null | grep -c /etc");
    assert_eq!(own, "0");
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::CLOEXEC).unwrap();
}

#[test]
fn a_working_directory_outside_the_root_is_refused() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["cwd"] = json!("/proc/self/fd/9");
    let stderr = String::from_utf8(container.create().stderr).unwrap();
    assert!(stderr.contains("working directory"), "{stderr}");
}

#[test]
fn proc_is_not_mounted_through_a_symlink() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    std::fs::remove_dir(container.path("rootfs/proc")).unwrap();
    symlink("/tmp", container.path("rootfs/proc")).unwrap();
    let stderr = String::from_utf8(container.create().stderr).unwrap();
    assert!(stderr.contains("/proc") && stderr.contains("symlink"), "{stderr}");
}

#[test]
fn a_volume_path_with_a_symlink_is_refused_when_told_so() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let volume = container.path("volume");
    std::fs::create_dir(&volume).unwrap();
    symlink("/etc", volume.join("uploads")).unwrap();
    container.config["annotations"][guise_runtime::NO_SYMLINKS] = json!("true");
    container.bind(&volume.join("uploads"), "/data", &["rbind"]);
    let stderr = String::from_utf8(container.create().stderr).unwrap();
    assert!(stderr.contains("symlink"), "{stderr}");
}

#[test]
fn files_of_a_volume_belong_to_the_ids_inside_and_root_inside_is_nobody_outside() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let volume = container.path("volume");
    std::fs::create_dir(&volume).unwrap();
    container.bind(&volume, "/data", &["rbind", "nosuid", "nodev"]);
    let unmapped = container.path("rootfs/tmp");
    let plain = json!({ "destination": "/tmp", "type": "bind", "source": unmapped, "options": ["bind"] });
    container.config["mounts"].as_array_mut().unwrap().push(plain);
    container.start();
    assert_eq!(container.shell("touch /data/file").1, 0);
    assert_eq!(volume.join("file").metadata().unwrap().uid(), 0);
    refused(&container, "touch /tmp/file", "denied");
    let pid = container.state()["pid"].as_i64().unwrap();
    assert_eq!(
        std::fs::metadata(format!("/proc/{pid}/stat")).unwrap().uid(),
        FIRST_ID
    );
}

#[test]
fn without_a_user_namespace_the_runtimes_own_file_cannot_be_opened_for_writing() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.leave_out_the_user_namespace();
    // A copy, as other tests run the original at the same time, which alone would keep it from being written.
    // Copied by another process: a writable descriptor of this one, inherited by what other tests start, would keep it busy.
    let program = container.path("runtime");
    let copy = Command::new("cp")
        .args([Path::new(env!("CARGO_BIN_EXE_guise-runtime")), &program])
        .output();
    succeeded(copy.unwrap());
    container.program = program;
    succeeded(container.create());
    let pid = container.state()["pid"].as_i64().unwrap();
    // PID 1 still is the runtime, waiting at its gate. While it runs the kernel refuses with ETXTBSY; an attacker waits for its end.
    let held = std::fs::File::open(format!("/proc/{pid}/exe")).unwrap();
    succeeded(
        container
            .runtime(&["delete", "--force", &container.id])
            .output()
            .unwrap(),
    );
    let own = std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{}", held.as_raw_fd()));
    assert_eq!(own.unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn a_device_is_open_only_to_the_ways_of_access_that_a_rule_allows() {
    if !can_run() {
        return;
    }
    let device = std::fs::metadata("/dev/loop-control").unwrap().rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let rule = |allow: bool, access: &str| json!({ "allow": allow, "type": "c", "major": major, "minor": minor, "access": access });
    let denied = json!({ "allow": false, "access": "rwm" });
    for (rules, reads, writes) in [
        (json!([denied]), false, false),
        (json!([denied, rule(true, "r")]), true, false),
        (json!([denied, rule(true, "r"), rule(true, "w")]), true, true),
        (json!([denied, rule(true, "rw"), rule(false, "w")]), true, false),
        (json!([rule(false, "r")]), false, true),
    ] {
        let mut container = Bundle::new();
        // Inside one, the file's owner alone would keep everybody from it.
        container.leave_out_the_user_namespace();
        container.config["linux"]["resources"] = json!({ "devices": rules });
        std::fs::write(container.path("rootfs/etc/device"), "").unwrap();
        let mount = json!({ "destination": "/etc/device", "type": "bind", "source": "/dev/loop-control", "options": ["bind", "dev"] });
        container.config["mounts"].as_array_mut().unwrap().push(mount);
        container.start();
        assert_eq!(container.shell(": < /etc/device").1 == 0, reads, "{rules}");
        assert_eq!(container.shell(": > /etc/device").1 == 0, writes, "{rules}");
        let both = container.shell(": <> /etc/device").1 == 0;
        assert_eq!(both, reads && writes, "{rules}");
        assert_eq!(container.shell("echo x > /dev/null").1, 0, "{rules}");
    }
}
