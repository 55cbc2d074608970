//! Verbs that look at a running container or change its limits.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, can_run, succeeded};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

fn text_of(container: &Bundle, arguments: &[&str]) -> String {
    String::from_utf8(succeeded(container.runtime(arguments).output().unwrap()).stdout).unwrap()
}

fn json_of(container: &Bundle, arguments: &[&str]) -> Value {
    serde_json::from_str(&text_of(container, arguments)).unwrap()
}

/// What a file of the container's groups says, wherever the machine has it.
fn limit(container: &Bundle, names: &[&str]) -> String {
    let files = container
        .cgroups()
        .into_iter()
        .flat_map(|group| names.iter().map(move |name| group.join(name)));
    let found = files.filter_map(|file| std::fs::read_to_string(file).ok()).next();
    found.unwrap().trim().to_owned()
}

#[test]
fn processes_are_shown_as_numbers_and_as_a_table() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let pid = container.state()["pid"].clone();
    assert_eq!(
        json_of(&container, &["ps", "--format", "json", &container.id]),
        json!([pid])
    );
    let table = text_of(&container, &["ps", &container.id]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(
        table.contains("sleep 1000") && table.contains(&pid.to_string()),
        "{table}"
    );
    let chosen = text_of(&container, &["ps", &container.id, "-e", "-o", "comm,pid"]);
    assert!(
        chosen.starts_with("COMMAND") && chosen.contains("sleep"),
        "{chosen}"
    );
}

#[test]
fn limits_of_a_running_container_change() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["linux"]["resources"]["memory"] = json!({ "limit": 67_108_864 });
    container.start();
    let update = [
        "update",
        "--memory",
        "134217728",
        "--pids-limit",
        "55",
        "--cpuset-cpus",
        "0",
        &container.id,
    ];
    succeeded(container.runtime(&update).output().unwrap());
    assert_eq!(
        limit(&container, &["memory.limit_in_bytes", "memory.max"]),
        "134217728"
    );
    assert_eq!(limit(&container, &["pids.max"]), "55");
    // The group of cpuset did not exist before; its process is in it now.
    assert_eq!(limit(&container, &["cpuset.cpus"]), "0");
    assert_eq!(
        container.shell("grep Cpus_allowed_list /proc/1/status").0,
        "Cpus_allowed_list:\t0"
    );

    let mut update = container.runtime(&["update", "--resources", "-", &container.id]);
    let mut updating = update.stdin(Stdio::piped()).spawn().unwrap();
    updating
        .stdin
        .take()
        .unwrap()
        .write_all(br#"{"pids":{"limit":66}}"#)
        .unwrap();
    assert!(updating.wait().unwrap().success());
    assert_eq!(limit(&container, &["pids.max"]), "66");
    succeeded(
        container
            .runtime(&["delete", "--force", &container.id])
            .output()
            .unwrap(),
    );
    assert!(container.cgroups().is_empty());
}

#[test]
fn a_limit_below_what_is_used_is_refused_when_it_is_to_be_checked() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let file = container.path("limits.json");
    std::fs::write(&file, r#"{"memory":{"limit":4096,"checkBeforeUpdate":true}}"#).unwrap();
    let update = ["update", "--resources", file.to_str().unwrap(), &container.id];
    let refused = container.runtime(&update).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains("checkBeforeUpdate"),
        "{told}"
    );
    assert_eq!(container.state()["status"], "running");
}

#[test]
fn events_tell_what_is_used_until_the_container_ends() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let once = json_of(&container, &["events", "--stats", &container.id]);
    assert_eq!(
        (&once["type"], &once["data"]["pids"]["current"]),
        (&json!("stats"), &json!(1))
    );
    assert!(
        once["data"]["memory"]["usage"]["usage"].as_u64().unwrap() > 0,
        "{once}"
    );
    let mut events = container.runtime(&["events", "--interval", "20ms", &container.id]);
    let following = events.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    succeeded(
        container
            .runtime(&["kill", &container.id, "KILL"])
            .output()
            .unwrap(),
    );
    let told = String::from_utf8(following.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        told.lines().count() >= 2 && told.lines().all(|line| line.contains("\"stats\"")),
        "{told}"
    );
}

#[test]
fn features_name_what_a_configuration_may_ask_for() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_guise-runtime"))
        .arg("features")
        .output();
    let features: Value = serde_json::from_slice(&succeeded(output.unwrap()).stdout).unwrap();
    assert!(
        features["mountOptions"]
            .as_array()
            .unwrap()
            .contains(&json!("rro"))
    );
    assert!(
        features["linux"]["namespaces"]
            .as_array()
            .unwrap()
            .contains(&json!("time"))
    );
    let capabilities = features["linux"]["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&json!("CAP_SYS_ADMIN")) && capabilities.contains(&json!("CAP_BPF")));
}

#[test]
fn errors_are_lines_for_programs_and_sentences_in_a_log_s_company() {
    let runtime = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_guise-runtime"))
            .args(["--root", "/nonexistent/guise-test"])
            .args(arguments)
            .output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let line = runtime(&["state", "nobody"]);
    assert!(
        line.contains("level=error msg=\"state nobody: container does not exist\""),
        "{line}"
    );
    let line: Value = serde_json::from_str(&runtime(&["--log-format", "json", "state", "nobody"])).unwrap();
    assert_eq!(
        (&line["level"], &line["msg"]),
        (&json!("error"), &json!("state nobody: container does not exist"))
    );
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let told = runtime(&["--log", log.to_str().unwrap(), "state", "nobody"]);
    assert_eq!(told, "guise runtime: state nobody: container does not exist\n");
    assert!(std::fs::read_to_string(log).unwrap().contains("level=error"));
}
