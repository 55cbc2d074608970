//! Hooks: programs of the host and of the container, at points of a container's life. Needs root.

mod bundle;

use bundle::{Bundle, can_run, succeeded};
use serde_json::{Value, json};
use std::path::Path;

/// A hook of the host that appends the point's name and the state that it is told to a file, a line each.
fn noting(point: &str, file: &Path) -> Value {
    let script = format!("echo {point}; cat; echo");
    json!({"path": "/bin/sh", "args": ["sh", "-c", format!("{{ {script}; }} >> {}", file.display())]})
}

#[test]
fn hooks_of_the_host_run_in_order_and_are_told_the_state() {
    if !can_run() {
        return;
    }
    let notes = tempfile::tempdir().unwrap();
    let file = notes.path().join("notes");
    let mut container = Bundle::new();
    container.config["hooks"] = json!({
        "prestart": [noting("prestart", &file)],
        "createRuntime": [noting("createRuntime", &file)],
        "poststart": [noting("poststart", &file)],
        "poststop": [noting("poststop", &file)],
    });
    container.start();
    let delete = ["delete", "--force", &container.id];
    succeeded(container.runtime(&delete).output().unwrap());

    let text = std::fs::read_to_string(&file).unwrap();
    let (states, points): (Vec<&str>, Vec<&str>) = text
        .lines()
        .filter(|line| !line.is_empty())
        .partition(|line| line.starts_with('{'));
    assert_eq!(points, ["prestart", "createRuntime", "poststart", "poststop"]);
    let told: Vec<Value> = states
        .iter()
        .map(|state| serde_json::from_str(state).unwrap())
        .collect();
    assert!(
        told.iter().all(|state| state["id"] == container.id.as_str()),
        "{text}"
    );
    assert_eq!(told[2]["status"], "running");
    assert_eq!(told[3]["status"], "stopped");
}

#[test]
fn a_hook_that_fails_before_the_start_leaves_no_container() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["hooks"] = json!({
        "createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo no such device >&2; exit 3"]}],
    });
    let refused = container.create();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(
        told.contains("createRuntime") && told.contains("no such device"),
        "{told}"
    );
    assert!(container.cgroups().is_empty());
    assert!(!container.path("state").join(&container.id).exists());
}

#[test]
fn a_hook_that_takes_too_long_is_ended() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.config["hooks"] = json!({
        "createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "60"], "timeout": 1}],
    });
    let begun = std::time::Instant::now();
    assert!(!container.create().status.success());
    assert!(begun.elapsed().as_secs() < 30);
}
