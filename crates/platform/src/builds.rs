//! How many builds run at this moment: as many as the machine has processors and memory for, others wait.

use guise_model::ProjectId;
use std::{
    fs,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

/// Memory for which one build is let in, in bytes. A build may use more; most use less.
const MEMORY: u64 = 2_000_000_000;
/// How often a build that waits looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(200);

/// The builds of this machine.
pub(crate) struct Builds {
    most: usize,
    /// The project of each one that runs.
    running: Mutex<Vec<ProjectId>>,
    ended: Condvar,
}

/// A build that may run; the next one is let in when it is dropped.
pub(crate) struct Permit<'a> {
    builds: &'a Builds,
    project: ProjectId,
}

impl Default for Builds {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        let fit = usize::try_from(memory_bytes() / MEMORY).unwrap_or(usize::MAX);
        Self::at_most(processors.min(fit).max(1))
    }
}

impl Builds {
    fn at_most(most: usize) -> Self {
        Self {
            most,
            running: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Waits until another build may run; `None` once `cancel` became true. `wait` is called once if there is a wait.
    pub(crate) fn enter(
        &self,
        project: &ProjectId,
        cancel: &AtomicBool,
        wait: impl FnOnce(),
    ) -> Option<Permit<'_>> {
        let mut running = self.lock();
        if running.len() >= self.most {
            wait();
        }
        while running.len() >= self.most {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            let woken = self.ended.wait_timeout(running, LOOK);
            running = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        running.push(project.clone());
        Some(Permit {
            builds: self,
            project: project.clone(),
        })
    }

    /// Runs `call` while no build of a project runs and none begins; `None` if one runs.
    pub(crate) fn without<T>(&self, project: &ProjectId, call: impl FnOnce() -> T) -> Option<T> {
        let running = self.lock();
        (!running.contains(project)).then(call)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ProjectId>> {
        // What is in it is added and removed whole.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut running = self.builds.lock();
        if let Some(place) = running.iter().position(|project| *project == self.project) {
            running.swap_remove(place);
        }
        self.builds.ended.notify_one();
    }
}

/// The machine's memory (`MemTotal` of proc_meminfo(5)).
fn memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|words| words.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn project(letter: &str) -> ProjectId {
        ProjectId::new(letter.repeat(13)).unwrap()
    }

    #[test]
    fn no_more_builds_run_than_may() {
        let builds = Builds::at_most(2);
        let never = AtomicBool::new(false);
        let unexpected = || panic!("there is room");
        let first = builds.enter(&project("a"), &never, unexpected).unwrap();
        let _second = builds.enter(&project("b"), &never, unexpected).unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let third = scope.spawn(|| {
                let waits = tell.clone();
                let permit = builds.enter(&project("c"), &never, move || waits.send("waits").unwrap());
                tell.send("runs").unwrap();
                permit.is_some()
            });
            assert_eq!(told.recv().unwrap(), "waits");
            assert!(told.try_recv().is_err(), "it runs though two others do");
            drop(first);
            assert_eq!(told.recv().unwrap(), "runs");
            assert!(third.join().unwrap());
        });
    }

    #[test]
    fn one_that_waits_can_be_cancelled() {
        let builds = Builds::at_most(1);
        let _running = builds
            .enter(&project("a"), &AtomicBool::new(false), || ())
            .unwrap();
        let cancel = AtomicBool::new(true);
        assert!(builds.enter(&project("a"), &cancel, || ()).is_none());
    }

    #[test]
    fn what_needs_that_no_build_runs_waits_for_no_other_project() {
        let builds = Builds::at_most(2);
        let permit = builds
            .enter(&project("a"), &AtomicBool::new(false), || ())
            .unwrap();
        assert_eq!(builds.without(&project("a"), || 1), None);
        assert_eq!(builds.without(&project("b"), || 1), Some(1));
        drop(permit);
        assert_eq!(builds.without(&project("a"), || 1), Some(1));
    }
}
