//! How the kernel shares processor, disk and memory nodes out to a process: sched(7), ioprio_set(2), set_mempolicy(2).

use rustix::io::Errno;
use rustix::process::Pid;
pub use rustix::thread::CpuSet;

/// What sched_setattr(2) takes; zero where a policy has no use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// `SCHED_*` of uapi/linux/sched.h.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// Nice value, -20 to 19.
    pub nice: i32,
    /// Static priority of the real-time policies, 1 to 99.
    pub priority: u32,
    /// Of the deadline policy, in nanoseconds.
    pub runtime: u64,
    /// Of the deadline policy, in nanoseconds.
    pub deadline: u64,
    /// Of the deadline policy, in nanoseconds.
    pub period: u64,
}

/// Sets the scheduling of process `pid`.
///
/// # Errors
/// `EPERM`: no CAP_SYS_NICE; `EINVAL`: policy and values do not fit; `EBUSY`: the deadline policy cannot be promised.
pub fn set_schedule(pid: Pid, wanted: &Schedule) -> Result<(), Errno> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: wanted.policy,
        sched_flags: wanted.flags,
        sched_nice: wanted.nice,
        sched_priority: wanted.priority,
        sched_runtime: wanted.runtime,
        sched_deadline: wanted.deadline,
        sched_period: wanted.period,
    };
    // SAFETY: `attributes` is a live struct that says its own size; the kernel only reads it.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            pid.as_raw_nonzero().get(),
            &raw const attributes,
            0,
        )
    };
    crate::check(answer as i32)
}

/// Sets the processors that process `pid` may run on.
///
/// # Errors
/// `EINVAL`: none of them is there, or its cgroup has none of them.
pub fn set_affinity(pid: Pid, processors: &[u32]) -> Result<(), Errno> {
    let mut set = CpuSet::new();
    for &processor in processors {
        let index = usize::try_from(processor).map_err(|_| Errno::INVAL)?;
        if index >= CpuSet::MAX_CPU {
            return Err(Errno::INVAL);
        }
        set.set(index);
    }
    rustix::thread::sched_setaffinity(Some(pid), &set)
}

/// Sets class (1 real-time, 2 best effort, 3 idle) and priority (0 to 7, 0 first) of process `pid`'s disk access.
///
/// # Errors
/// `EPERM`: no CAP_SYS_NICE for class 1; `EINVAL`.
pub fn set_io_priority(pid: Pid, class: u8, priority: u8) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    const CLASS_SHIFT: libc::c_int = 13;
    let value = libc::c_int::from(class) << CLASS_SHIFT | libc::c_int::from(priority);
    // SAFETY: three integers.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_ioprio_set,
            IOPRIO_WHO_PROCESS,
            pid.as_raw_nonzero().get(),
            value,
        )
    };
    crate::check(answer as i32)
}

/// Sets the mode (`MPOL_*` with its flags, uapi/linux/mempolicy.h) by which this process takes memory from `nodes`.
///
/// # Errors
/// `EINVAL`: mode and nodes do not fit, or a node is not there.
pub fn set_memory_policy(mode: u32, nodes: &[u32]) -> Result<(), Errno> {
    const WORD: u32 = usize::BITS;
    let words = nodes.iter().max().map_or(0, |highest| highest / WORD + 1);
    let mut mask = vec![0_usize; usize::try_from(words).map_err(|_| Errno::INVAL)?];
    for node in nodes {
        let word = usize::try_from(node / WORD).map_err(|_| Errno::INVAL)?;
        if let Some(word) = mask.get_mut(word) {
            *word |= 1 << (node % WORD);
        }
    }
    let pointer = if mask.is_empty() {
        std::ptr::null()
    } else {
        mask.as_ptr()
    };
    // The kernel looks at one bit less than it is told (BUGS of set_mempolicy(2)).
    let bits = mask.len() * size_of::<usize>() * 8 + 1;
    // SAFETY: `mask` is a live array of at least `bits - 1` bits, or null with no bits to look at.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_set_mempolicy,
            mode,
            pointer,
            if mask.is_empty() { 0 } else { bits },
        )
    };
    crate::check(answer as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_node_that_is_not_there_is_refused_and_the_default_policy_takes_none() {
        const MPOL_DEFAULT: u32 = 0;
        const MPOL_BIND: u32 = 2;
        assert_eq!(set_memory_policy(MPOL_DEFAULT, &[]), Ok(()));
        assert_eq!(set_memory_policy(MPOL_BIND, &[900]), Err(Errno::INVAL));
    }

    #[test]
    fn a_processor_beyond_all_is_refused() {
        let me = rustix::process::getpid();
        assert_eq!(set_affinity(me, &[u32::MAX]), Err(Errno::INVAL));
    }
}
