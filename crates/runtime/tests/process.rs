//! What a process is besides its files and namespaces: scheduling, personality, memory policy, clocks, filters that ask an agent.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, can_run, succeeded};
use guise_sys::socket;
use serde_json::{Value, json};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

#[test]
fn a_process_is_scheduled_as_configured() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["scheduler"] = json!({ "policy": "SCHED_BATCH", "nice": 7 });
    container.config["process"]["ioPriority"] = json!({ "class": "IOPRIO_CLASS_IDLE", "priority": 0 });
    container.start();
    // proc_pid_stat(5): field 19 is the nice value, 41 the policy (3: batch).
    let (fields, _) = container.shell("cut -d' ' -f19,41 /proc/1/stat");
    assert_eq!(fields, "7 3");
    assert_eq!(container.shell("ionice -p 1").0, "idle");
}

#[test]
fn a_scheduler_that_the_kernel_does_not_know_is_refused() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["scheduler"] = json!({ "policy": "SCHED_ISO" });
    let told = String::from_utf8(container.create().stderr).unwrap();
    assert!(told.contains("SCHED_ISO"), "{told}");
}

#[test]
fn a_process_can_be_told_that_the_machine_is_a_32_bit_one() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["linux"]["personality"] = json!({ "domain": "LINUX32" });
    container.start();
    assert_eq!(container.shell("uname -m").0, "i686");
}

#[test]
fn memory_comes_from_the_nodes_of_the_policy() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["linux"]["memoryPolicy"] = json!({ "mode": "MPOL_BIND", "nodes": "0" });
    container.start();
    let (bound, _) = container.shell("grep -c bind:0 /proc/self/numa_maps");
    assert_ne!(bound, "0");
    container.config["linux"]["memoryPolicy"] = json!({ "mode": "MPOL_BIND", "nodes": "900" });
    let mut nowhere = Bundle::new();
    nowhere.config = container.config.clone();
    let told = String::from_utf8(nowhere.create().stderr).unwrap();
    assert!(told.contains("memoryPolicy"), "{told}");
}

#[test]
fn a_process_that_joins_can_be_kept_to_some_processors() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let mut process = container.config["process"].clone();
    process["args"] = json!(["grep", "Cpus_allowed_list", "/proc/self/status"]);
    process["execCPUAffinity"] = json!({ "initial": "0-1", "final": "0" });
    std::fs::write(container.path("process.json"), process.to_string()).unwrap();
    let file = container.path("process.json");
    let mut exec = container.runtime(&["exec", "--process", file.to_str().unwrap(), &container.id]);
    let output = succeeded(exec.output().unwrap());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Cpus_allowed_list:\t0\n"
    );
}

#[test]
fn clocks_are_shifted_for_the_container_alone() {
    if !can_run() {
        return;
    }
    const YEAR: u64 = 31_536_000;
    let mut container = Bundle::new();
    let namespaces = container.config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.push(json!({ "type": "time" }));
    container.config["linux"]["timeOffsets"] =
        json!({ "boottime": { "secs": YEAR }, "monotonic": { "secs": 60 } });
    container.start();
    let seconds = |text: &str| text.split(['.', ' ']).next().unwrap().parse::<u64>().unwrap();
    let inside = seconds(&container.shell("cat /proc/uptime").0);
    let outside = seconds(&std::fs::read_to_string("/proc/uptime").unwrap());
    assert!(
        inside >= YEAR && outside < YEAR,
        "{inside} inside, {outside} outside"
    );
}

/// What the agent of a container's filter was told when the container was created.
fn notified(container: &mut Bundle, no_new_privileges: bool) -> Value {
    let agent = container.path("agent");
    let listening = UnixListener::bind(&agent).unwrap();
    container.config["process"]["noNewPrivileges"] = json!(no_new_privileges);
    container.config["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": agent,
        "listenerMetadata": "of the test",
        "syscalls": [{ "names": ["sethostname"], "action": "SCMP_ACT_NOTIFY" }],
    });
    succeeded(container.create());
    let (connection, _) = listening.accept().unwrap();
    let mut message = vec![0; 65_536];
    let (length, listener) = socket::receive_with_fd(connection.as_fd(), &mut message).unwrap();
    let listener = listener.unwrap();
    let link = std::fs::read_link(format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&listener)
    ));
    assert_eq!(link.unwrap().to_str(), Some("anon_inode:seccomp notify"));
    serde_json::from_slice(&message[..length]).unwrap()
}

#[test]
fn an_agent_gets_the_listener_of_a_filter_whenever_the_filter_is_loaded() {
    if !can_run() {
        return;
    }
    for no_new_privileges in [true, false] {
        let mut container = Bundle::new();
        let told = notified(&mut container, no_new_privileges);
        assert_eq!(told["fds"], json!(["seccompFd"]));
        assert_eq!(told["metadata"], "of the test");
        assert_eq!(told["state"]["id"], container.id.as_str());
        assert_eq!(told["pid"], container.state()["pid"]);
    }
}
