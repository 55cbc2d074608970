//! The processes of a container, as its cgroup and proc(5) have them.

use crate::{ProcessView, procfs};
use guise_model::IdRange;
use std::{collections::HashMap, io};

/// A container's processes: `pids` is what its cgroup holds. PID 1 comes first.
///
/// Left out are zombies and what is still on its way in: a process of the runtime that has joined the cgroup but not
/// yet the PID namespace.
pub(crate) fn view(pids: &[u32], ids: IdRange) -> io::Result<Vec<ProcessView>> {
    let mut statuses = HashMap::new();
    for pid in pids {
        statuses.extend(
            procfs::status(*pid)?
                .filter(|status| !status.zombie)
                .map(|status| (*pid, status)),
        );
    }
    let mut views = Vec::new();
    for (pid, status) in &statuses {
        let Some(inside_pid) = inside(status) else {
            continue;
        };
        views.push(ProcessView {
            host_pid: *pid,
            inside_pid,
            inside_parent: statuses.get(&status.parent).and_then(inside).unwrap_or(0),
            host_uid: status.uid,
            inside_uid: status.uid.saturating_sub(ids.host_start),
            command: command(*pid, status)?,
            rss_bytes: status.rss_bytes,
        });
    }
    views.sort_by_key(|view| view.inside_pid);
    Ok(views)
}

/// A process's number in the PID namespace directly below ours.
fn inside(status: &procfs::Status) -> Option<u32> {
    status.numbers.get(1).copied()
}

fn command(pid: u32, status: &procfs::Status) -> io::Result<String> {
    let arguments = procfs::arguments(pid)?;
    Ok(if arguments.is_empty() {
        format!("[{}]", status.name)
    } else {
        arguments.join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_our_own_namespace_is_not_inside_any() {
        assert_eq!(
            view(&[std::process::id()], IdRange { host_start: 0 }).unwrap(),
            []
        );
    }
}
