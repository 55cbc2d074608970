//! What is outside cannot be seen or touched from inside: other processes, sockets and groups.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, can_run};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

#[test]
fn an_abstract_socket_of_the_machine_is_not_there_inside() {
    if !can_run() {
        return;
    }
    let name = format!("guise-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let seen = std::fs::read_to_string("/proc/net/unix").unwrap();
    assert!(seen.contains(&name), "the socket is there outside");
    let container = Bundle::new();
    container.start();
    let (count, _) = container.shell(&format!("grep -c {name} /proc/net/unix"));
    assert_eq!(count, "0");
}

#[test]
fn processes_of_the_machine_cannot_be_named() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let outside = std::process::id();
    let (text, status) = container.shell(&format!("kill -0 {outside}"));
    assert!(status != 0 && text.contains("No such process"), "{text}");
    assert_ne!(container.shell(&format!("ls /proc/{outside}")).1, 0);
}

#[test]
fn groups_of_the_machine_cannot_be_reached_or_mounted() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    // CVE-2022-0492: release_agent of a freshly mounted v1 hierarchy is run by the kernel as root outside.
    let (text, status) = container.shell("mount -t cgroup -o memory cgroup /tmp");
    assert!(status != 0 && text.contains("denied"), "{text}");
    let (text, status) = container.shell("unshare -U -r -m mount -t cgroup -o memory cgroup /tmp");
    assert!(status != 0 && text.contains("not permitted"), "{text}");
    let (found, _) = container.shell("find / -xdev -name release_agent 2>/dev/null; ls /sys/fs/cgroup");
    assert_eq!(found, "");
}

#[test]
fn a_working_directory_of_exec_that_is_a_descriptor_is_refused() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    for number in 3..12 {
        // CVE-2024-21626, second way: `exec --cwd` into a directory of the host that the runtime has open.
        let directory = format!("/proc/self/fd/{number}");
        let mut exec = container.runtime(&["exec", "--cwd", &directory, &container.id]);
        let output = exec.args(["/bin/sh", "-c", "pwd"]).output().unwrap();
        assert!(!output.status.success(), "{directory}: {output:?}");
    }
}
