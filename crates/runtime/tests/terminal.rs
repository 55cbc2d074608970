//! Interactive processes: the terminal is made inside, its master is sent out.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, can_run, succeeded};
use serde_json::json;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

fn receive_master(listener: &UnixListener) -> File {
    let (connection, _) = listener.accept().unwrap();
    let (_, master) = guise_sys::socket::receive_with_fd(connection.as_fd(), &mut [0; 64]).unwrap();
    File::from(master.unwrap())
}

/// Reads until `text` came or the terminal is closed.
fn read_until(master: &mut File, text: &str) -> String {
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains(text) {
        match master.read(&mut buffer) {
            Ok(length) if length > 0 => seen.push_str(&String::from_utf8_lossy(&buffer[..length])),
            _ => break,
        }
    }
    seen
}

#[test]
fn a_shell_in_a_running_container_has_a_terminal_of_its_own() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let socket = container.path("console");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut exec = container.runtime(&[
        "exec",
        "--tty",
        "--console-socket",
        socket.to_str().unwrap(),
        &container.id,
        "sh",
    ]);
    let mut shell = exec.spawn().unwrap();
    let mut master = receive_master(&listener);
    master.write_all(b"tty; exit 5\n").unwrap();
    let seen = read_until(&mut master, "/dev/pts/0");
    assert!(seen.contains("/dev/pts/0"), "{seen:?}");
    assert_eq!(shell.wait().unwrap().code(), Some(5));
}

#[test]
fn the_first_process_can_have_a_terminal() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["process"]["terminal"] = json!(true);
    container.config["process"]["consoleSize"] = json!({ "height": 24, "width": 81 });
    container.config["process"]["args"] = json!(["sh", "-c", "stty size; tty; read line"]);
    let refused = container.create();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--console-socket"));

    let socket = container.path("console");
    let listener = UnixListener::bind(&socket).unwrap();
    let bundle = container.path("").to_str().unwrap().to_owned();
    let create = [
        "create",
        "--bundle",
        &bundle,
        "--console-socket",
        socket.to_str().unwrap(),
        &container.id,
    ];
    let mut creating = container.runtime(&create).spawn().unwrap();
    let mut master = receive_master(&listener);
    assert!(creating.wait().unwrap().success());
    succeeded(container.runtime(&["start", &container.id]).output().unwrap());
    let seen = read_until(&mut master, "/dev/pts/0");
    assert!(seen.contains("24 81") && seen.contains("/dev/pts/0"), "{seen:?}");
}
