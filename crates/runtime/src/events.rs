//! `events`: what a container uses, again and again, and when it ran out of memory, as lines of JSON.

use crate::cgroup::{CgroupError, Group};
use crate::container::ContainerName;
use crate::state::{self, StateError};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Events could not be told.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
}

/// How often it is looked whether the container still runs and has run out of memory.
const LOOK: Duration = Duration::from_millis(100);

/// Prints what a container uses, once.
///
/// # Errors
/// [`EventsError`].
pub fn once(root: &Path, id: &ContainerName) -> Result<(), EventsError> {
    let record = state::load(root, id)?;
    record.open_init(id)?;
    tell(&stats(id, &record.cgroup)?);
    Ok(())
}

/// Prints what a container uses every `interval`, and each time that the kernel killed one of its processes for memory, until it ends.
///
/// # Errors
/// [`EventsError`].
pub fn follow(root: &Path, id: &ContainerName, interval: Duration) -> Result<(), EventsError> {
    let record = state::load(root, id)?;
    record.open_init(id)?;
    let mut killed = record.cgroup.memory_kills()?;
    let mut next = Instant::now() + interval;
    while record.open_init(id).is_ok() {
        let now_killed = record.cgroup.memory_kills()?;
        if now_killed > killed {
            tell(&serde_json::json!({ "type": "oom", "id": id.as_str() }));
            killed = now_killed;
        }
        if Instant::now() >= next {
            tell(&stats(id, &record.cgroup)?);
            next += interval;
        }
        sleep(LOOK.min(interval));
    }
    Ok(())
}

fn stats(id: &ContainerName, group: &Group) -> Result<serde_json::Value, CgroupError> {
    let usage = group.usage()?;
    Ok(serde_json::json!({
        "type": "stats",
        "id": id.as_str(),
        "data": {
            "cpu": { "usage": { "total": usage.cpu_usec * 1_000 } },
            "memory": { "usage": { "usage": usage.memory_bytes, "failcnt": group.memory_kills()? } },
            "pids": { "current": usage.pids },
        }
    }))
}

/// Somebody who stops reading wants no more.
fn tell(event: &serde_json::Value) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{event}").and_then(|()| output.flush());
}
