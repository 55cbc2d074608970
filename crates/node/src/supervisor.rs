//! runit, seen from the host: PID 1 of our images is runsvdir(8), its children are runsv(8), one per service.
//!
//! Services are signalled by the host, through pidfds and never by a path in the container: it takes a fraction of
//! the time of a process inside, needs no `sv` in the image, and works in a container that has no process to spare.

use crate::{ProcessView, procfs};
use guise_sys::{Errno, process};
use rustix::process::Pid;
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

/// How often it is looked whether the services are down.
const LOOK: Duration = Duration::from_millis(5);

/// Signals by the names that sv(8) has for them, in signal(7)'s numbers.
const SIGNALS: [(&str, i32); 9] = [
    ("hup", 1),
    ("interrupt", 2),
    ("quit", 3),
    ("kill", 9),
    ("1", 10),
    ("2", 12),
    ("alarm", 14),
    ("term", 15),
    ("cont", 18),
];

const TERM: i32 = 15;
const CONT: i32 = 18;
const STOP: i32 = 19;

/// The number of a signal, by sv(8)'s name for it.
pub(crate) fn signal(name: &str) -> Option<i32> {
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

/// The runsv processes of a container.
fn supervisors(processes: &[ProcessView]) -> impl Iterator<Item = &ProcessView> {
    processes
        .iter()
        .filter(|view| view.inside_parent == 1 && program(view) == "runsv")
}

fn program(view: &ProcessView) -> &str {
    let program = view.command.split(' ').next().unwrap_or_default();
    program.rsplit('/').next().unwrap_or_default()
}

/// The runsv process of a service; `None` when the container has no such service.
fn supervisor<'a>(processes: &'a [ProcessView], service: &str) -> Option<&'a ProcessView> {
    supervisors(processes).find(|view| view.command.split(' ').nth(1) == Some(service))
}

/// The process that a service's `run` script became; `Some(None)` while it is down.
pub(crate) fn main_process(processes: &[ProcessView], service: &str) -> Option<Option<u32>> {
    let runsv = supervisor(processes, service)?;
    Some(
        processes
            .iter()
            .find(|view| view.inside_parent == runsv.inside_pid)
            .map(|view| view.host_pid),
    )
}

/// All processes of a service: what its `run` script became, and its descendants.
pub(crate) fn whole_tree(processes: &[ProcessView], service: &str) -> Option<Vec<u32>> {
    let runsv = supervisor(processes, service)?;
    let mut parents = vec![runsv.inside_pid];
    let mut tree = Vec::new();
    while let Some(parent) = parents.pop() {
        for view in processes.iter().filter(|view| view.inside_parent == parent) {
            parents.push(view.inside_pid);
            tree.push(view.host_pid);
        }
    }
    Some(tree)
}

/// Stops every service cleanly, within `grace`. Returns whether all were down in time.
///
/// runsvdir is stopped first, or it would start them again. TERM tells runsv to bring its service down and to exit
/// when that is done, so the end of every runsv is the end of every service.
pub(crate) fn stop_all(processes: &[ProcessView], grace: Duration) -> io::Result<bool> {
    let Some(first) = processes
        .first()
        .filter(|view| view.inside_pid == 1 && program(view) == "runsvdir")
    else {
        return stop_single(processes, grace);
    };
    let runsvdir = open(first.host_pid)?;
    let waiting = supervisors(processes).filter_map(|view| open(view.host_pid).transpose());
    let waiting: Vec<OwnedFd> = waiting.collect::<io::Result<_>>()?;
    if let Some(runsvdir) = &runsvdir {
        send(runsvdir, STOP)?;
    }
    for runsv in &waiting {
        send(runsv, TERM)?;
        send(runsv, CONT)?;
    }
    await_end(waiting, grace)
}

/// Stops a container whose PID 1 supervises nothing. The kernel keeps from a PID 1 what it has no handler for
/// (pid_namespaces(7)); there is nothing to wait for then.
fn stop_single(processes: &[ProcessView], grace: Duration) -> io::Result<bool> {
    let Some(first) = processes.first() else {
        return Ok(true);
    };
    let caught = procfs::status(first.host_pid)?.map_or(0, |status| status.caught_signals);
    if caught & (1 << (TERM - 1)) == 0 {
        return Ok(false);
    }
    let Some(first) = open(first.host_pid)? else {
        return Ok(true);
    };
    send(&first, TERM)?;
    await_end(vec![first], grace)
}

fn await_end(mut waiting: Vec<OwnedFd>, grace: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + grace;
    loop {
        let mut still = Vec::new();
        for pidfd in waiting {
            if !process::has_ended(pidfd.as_fd())? {
                still.push(pidfd);
            }
        }
        if still.is_empty() || Instant::now() >= deadline {
            return Ok(still.is_empty());
        }
        waiting = still;
        std::thread::sleep(LOOK);
    }
}

/// Sends a signal to those of `pids` that still live.
pub(crate) fn signal_all(pids: &[u32], number: i32) -> io::Result<()> {
    for pid in pids {
        if let Some(pidfd) = open(*pid)? {
            send(&pidfd, number)?;
        }
    }
    Ok(())
}

/// A pidfd; `None` for a process that has ended. The number was read a moment ago; should the kernel have given it to
/// another process meanwhile, that one is not inside a container of ours, or is one that would get the signal anyway.
fn open(pid: u32) -> io::Result<Option<OwnedFd>> {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match process::open(number) {
        Ok(pidfd) => {
            let inside = procfs::status(pid)?.is_some_and(|status| status.numbers.len() > 1);
            Ok(inside.then_some(pidfd))
        }
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn send(pidfd: &OwnedFd, number: i32) -> io::Result<()> {
    match process::send_signal(pidfd.as_fd(), number) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(inside_pid: u32, inside_parent: u32, command: &str) -> ProcessView {
        ProcessView {
            host_pid: 1000 + inside_pid,
            inside_pid,
            inside_parent,
            host_uid: 0,
            inside_uid: 0,
            command: command.into(),
            rss_bytes: 0,
        }
    }

    fn app() -> Vec<ProcessView> {
        vec![
            view(1, 0, "/usr/bin/runsvdir -P /run/service"),
            view(2, 1, "runsv nginx"),
            view(3, 1, "runsv app"),
            view(4, 2, "nginx: master process nginx"),
            view(5, 4, "nginx: worker process"),
            view(6, 3, "dash -c gunicorn"),
            view(7, 6, "gunicorn"),
            view(8, 7, "gunicorn"),
            view(9, 0, "bash"),
            view(10, 9, "runsv app"),
        ]
    }

    #[test]
    fn a_service_is_found_by_its_supervisor() {
        assert_eq!(main_process(&app(), "nginx"), Some(Some(1004)));
        assert_eq!(main_process(&app(), "mysql"), None);
        let mut down = app();
        down.retain(|view| view.inside_pid < 4);
        assert_eq!(main_process(&down, "nginx"), Some(None));
    }

    #[test]
    fn a_services_tree_has_all_its_descendants_and_nobody_elses() {
        assert_eq!(whole_tree(&app(), "app"), Some(vec![1006, 1007, 1008]));
        assert_eq!(whole_tree(&app(), "other"), None);
    }

    #[test]
    fn only_children_of_pid_1_are_supervisors() {
        let found: Vec<u32> = supervisors(&app()).map(|view| view.inside_pid).collect();
        assert_eq!(found, [2, 3]);
    }

    #[test]
    fn signals_have_the_names_that_sv_has() {
        assert_eq!(
            (signal("hup"), signal("term"), signal("KILL")),
            (Some(1), Some(15), None)
        );
    }
}
