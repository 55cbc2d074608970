//! How much of processors and disks a process gets besides its cgroup's limits: `scheduler`, `ioPriority`, `execCPUAffinity`.
//!
//! Set from outside, because only the host's root may raise them, before the process knows of anything.

use crate::numbers;
use guise_sys::Errno;
use guise_sys::scheduling::{self, Schedule};
use oci_spec::runtime::{IOPriorityClass, LinuxSchedulerFlag, LinuxSchedulerPolicy, Process, Scheduler};
use rustix::process::Pid;

/// A process could not be scheduled as wanted.
#[derive(Debug, thiserror::Error)]
pub enum SchedulingError {
    /// The kernel has no such policy or flag.
    #[error("process.scheduler: {what} is not known to Linux")]
    Unknown {
        /// As in config.json.
        what: String,
    },
    /// A value is out of its range.
    #[error("process.{key} is {value}, but must be {expected}")]
    OutOfRange {
        /// Key below `process`, dotted.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The kernel refused.
    #[error("setting process.{key}: {source}")]
    Set {
        /// Key below `process`.
        key: &'static str,
        /// Why.
        source: Errno,
    },
}

/// Gives process `pid` the scheduling and disk priority of its configuration.
///
/// # Errors
/// [`SchedulingError`].
pub fn apply(pid: Pid, process: &Process) -> Result<(), SchedulingError> {
    let refused = |key| move |source| SchedulingError::Set { key, source };
    if let Some(scheduler) = process.scheduler() {
        scheduling::set_schedule(pid, &schedule(scheduler)?).map_err(refused("scheduler"))?;
    }
    if let Some(wanted) = process.io_priority() {
        let class = match wanted.class() {
            IOPriorityClass::IoprioClassRt => 1,
            IOPriorityClass::IoprioClassBe => 2,
            IOPriorityClass::IoprioClassIdle => 3,
        };
        let priority = u8::try_from(wanted.priority())
            .ok()
            .filter(|priority| *priority < 8);
        let priority = priority.ok_or_else(|| SchedulingError::OutOfRange {
            key: "ioPriority.priority",
            value: wanted.priority().to_string(),
            expected: "0 to 7",
        })?;
        scheduling::set_io_priority(pid, class, priority).map_err(refused("ioPriority"))?;
    }
    Ok(())
}

/// The moments at which a process that joins a container may be moved to other processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it is in the container's cgroup.
    Initial,
    /// After it.
    Final,
}

/// Moves a process that joins a container to the processors it is to have from this moment on.
///
/// # Errors
/// [`SchedulingError`].
pub fn move_to_processors(pid: Pid, process: &Process, moment: Moment) -> Result<(), SchedulingError> {
    let affinity = process.exec_cpu_affinity().as_ref();
    let (key, list) = match moment {
        Moment::Initial => (
            "execCPUAffinity.initial",
            affinity.and_then(|a| a.initial().as_deref()),
        ),
        Moment::Final => (
            "execCPUAffinity.final",
            affinity.and_then(|a| a.cpu_affinity_final().as_deref()),
        ),
    };
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return Ok(());
    };
    let processors = numbers::parse(list).ok_or_else(|| SchedulingError::OutOfRange {
        key,
        value: format!("{list:?}"),
        expected: "a list like 0-3,7",
    })?;
    scheduling::set_affinity(pid, &processors).map_err(|source| SchedulingError::Set { key, source })
}

fn schedule(scheduler: &Scheduler) -> Result<Schedule, SchedulingError> {
    let unknown = |what: String| SchedulingError::Unknown { what };
    // uapi/linux/sched.h.
    let policy = match scheduler.policy() {
        LinuxSchedulerPolicy::SchedOther => 0,
        LinuxSchedulerPolicy::SchedFifo => 1,
        LinuxSchedulerPolicy::SchedRr => 2,
        LinuxSchedulerPolicy::SchedBatch => 3,
        LinuxSchedulerPolicy::SchedIdle => 5,
        LinuxSchedulerPolicy::SchedDeadline => 6,
        // Reserved by the kernel, never implemented.
        policy @ LinuxSchedulerPolicy::SchedIso => return Err(unknown(policy.to_string())),
    };
    let mut flags = 0;
    for flag in scheduler.flags().iter().flatten() {
        flags |= match flag {
            LinuxSchedulerFlag::SchedResetOnFork => 0x01,
            LinuxSchedulerFlag::SchedFlagReclaim => 0x02,
            LinuxSchedulerFlag::SchedFlagDLOverrun => 0x04,
            LinuxSchedulerFlag::SchedFlagKeepPolicy => 0x08,
            LinuxSchedulerFlag::SchedFlagKeepParams => 0x10,
            LinuxSchedulerFlag::SchedFlagUtilClampMin => 0x20,
            LinuxSchedulerFlag::SchedFlagUtilClampMax => 0x40,
        };
    }
    let priority = scheduler.priority().unwrap_or(0);
    Ok(Schedule {
        policy,
        flags,
        nice: scheduler.nice().unwrap_or(0),
        priority: u32::try_from(priority).map_err(|_| SchedulingError::OutOfRange {
            key: "scheduler.priority",
            value: priority.to_string(),
            expected: "0 to 99",
        })?,
        runtime: scheduler.runtime().unwrap_or(0),
        deadline: scheduler.deadline().unwrap_or(0),
        period: scheduler.period().unwrap_or(0),
    })
}
