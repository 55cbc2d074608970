//! What `state` and `list` print.

use crate::container::ContainerName;
use crate::state::{self, State, StateError, Status};
use std::path::Path;

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// One name per line.
    Names,
}

/// Prints the state as the specification wants it (runtime.md, "State").
///
/// # Errors
/// [`StateError`].
pub fn state(root: &Path, id: &ContainerName) -> Result<(), StateError> {
    let record = state::load(root, id)?;
    println!("{:#}", describe(&record, record.status(&id.directory(root))));
    Ok(())
}

/// The state as the specification wants it.
pub fn describe(record: &State, status: Status) -> serde_json::Value {
    let running = !matches!(status, Status::Stopped | Status::Creating);
    serde_json::json!({
        "ociVersion": record.oci_version,
        "id": record.id,
        "pid": record.init.filter(|_| running).map_or(0, |init| init.pid),
        "status": status,
        "bundle": record.bundle,
        "rootfs": record.rootfs,
        "created": record.created,
        "annotations": record.annotations,
    })
}

/// Prints a line for each container, or their states as one JSON array, or only their names.
///
/// # Errors
/// [`StateError`].
pub fn list(root: &Path, format: ListFormat) -> Result<(), StateError> {
    let mut described = Vec::new();
    for id in state::list(root)? {
        // Deleted between listing and reading: not there any more.
        let Ok(record) = state::load(root, &id) else {
            continue;
        };
        described.push(describe(&record, record.status(&id.directory(root))));
    }
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if format == ListFormat::Json {
        println!("{}", serde_json::Value::from(described));
        return Ok(());
    }
    if format == ListFormat::Table {
        println!(
            "{:<24} {:>8} {:<9} {:<26} BUNDLE",
            "ID", "PID", "STATUS", "CREATED"
        );
    }
    for container in &described {
        let [id, pid, status, created, bundle] =
            ["id", "pid", "status", "created", "bundle"].map(|key| text(&container[key]));
        if format == ListFormat::Names {
            println!("{id}");
        } else {
            println!("{id:<24} {pid:>8} {status:<9} {created:<26} {bundle}");
        }
    }
    Ok(())
}
