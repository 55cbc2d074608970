//! System call filters: compiled by libseccomp, loaded with one seccomp(2).
//!
//! Compiling takes milliseconds, loading microseconds; so a compiled program is plain bytes that the caller can keep.

pub use libseccomp::{
    ScmpAction as Action, ScmpArch as Arch, ScmpArgCompare as Compare, ScmpCompareOp as CompareOp,
};
use libseccomp::{ScmpFilterContext, ScmpSyscall};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

/// One rule: what happens to these system calls if all conditions hold.
#[derive(Debug, Clone)]
pub struct Rule {
    /// System call names; those that libseccomp does not know are skipped, since a profile is written for many kernels.
    pub names: Vec<String>,
    /// What happens.
    pub action: Action,
    /// Conditions on arguments; none: always.
    pub conditions: Vec<Compare>,
}

/// A whole profile.
#[derive(Debug, Clone)]
pub struct Profile {
    /// What happens to calls without a rule.
    pub default_action: Action,
    /// Architectures besides the native one whose calls are accepted; calls of others kill the thread.
    pub architectures: Vec<Arch>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// How a filter is loaded (seccomp(2), SECCOMP_SET_MODE_FILTER).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loading {
    /// Log all actions but "allow".
    pub log: bool,
    /// Leave speculative execution as it is.
    pub speculation: bool,
    /// Make a descriptor on which the calls with the action "notify" are answered.
    pub listener: bool,
    /// A call that its listener has received waits for the answer even when a signal comes, unless it kills.
    pub wait_killable: bool,
}

/// A profile could not be compiled or a filter not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeccompError {
    /// libseccomp refused a part of the profile.
    #[error("compiling the seccomp profile, {part}: {source}")]
    Compile {
        /// Which part.
        part: String,
        /// Why.
        source: libseccomp::error::SeccompError,
    },
    /// The compiled program could not be read back.
    #[error("reading the compiled seccomp program: {source}")]
    Export {
        /// Why.
        source: std::io::Error,
    },
    /// Kept bytes are not a program.
    #[error("loading a seccomp filter: {length} bytes are not a whole program")]
    Malformed {
        /// How many bytes there were.
        length: usize,
    },
    /// The kernel refused to load it.
    #[error("loading a seccomp filter: {source}")]
    Load {
        /// `EACCES`: neither no_new_privs nor CAP_SYS_ADMIN; `EINVAL`: bad program.
        source: Errno,
    },
}

/// Compiles a profile to a classic BPF program.
///
/// # Errors
/// [`SeccompError::Compile`].
pub fn compile(profile: &Profile) -> Result<Vec<u8>, SeccompError> {
    let failed = |part: String| move |source| SeccompError::Compile { part, source };
    let mut filter =
        ScmpFilterContext::new(profile.default_action).map_err(failed("default action".into()))?;
    for &arch in &profile.architectures {
        filter
            .add_arch(arch)
            .map_err(failed(format!("architecture {arch:?}")))?;
    }
    // A binary tree of comparisons instead of a list: a filter of 300 calls costs each call about 10 steps.
    filter
        .set_ctl_optimize(2)
        .map_err(failed("optimisation".into()))?;
    for rule in &profile.rules {
        if rule.action == profile.default_action {
            continue;
        }
        for name in &rule.names {
            let Ok(syscall) = ScmpSyscall::from_name(name) else {
                continue;
            };
            filter
                .add_rule_conditional(rule.action, syscall, &rule.conditions)
                .map_err(failed(format!("rule for {name}")))?;
        }
    }
    let read = |source| SeccompError::Export { source };
    let memory = rustix::fs::memfd_create(c"seccomp", rustix::fs::MemfdFlags::CLOEXEC)
        .map_err(|errno| read(errno.into()))?;
    filter.export_bpf(&memory).map_err(failed("export".into()))?;
    let mut memory = File::from(memory);
    let mut program = Vec::new();
    memory
        .rewind()
        .and_then(|()| memory.read_to_end(&mut program))
        .map_err(read)?;
    Ok(program)
}

/// Loads a compiled program into this thread, for ever, and gives the listener that was asked for.
///
/// # Errors
/// [`SeccompError::Malformed`], [`SeccompError::Load`].
pub fn load(program: &[u8], how: Loading) -> Result<Option<OwnedFd>, SeccompError> {
    const INSTRUCTION: usize = size_of::<libc::sock_filter>();
    let malformed = SeccompError::Malformed {
        length: program.len(),
    };
    if program.is_empty() || !program.len().is_multiple_of(INSTRUCTION) {
        return Err(malformed);
    }
    let instructions: Vec<libc::sock_filter> = program
        .chunks_exact(INSTRUCTION)
        .map(|bytes| libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let Ok(len) = u16::try_from(instructions.len()) else {
        return Err(malformed);
    };
    let filter = libc::sock_fprog {
        len,
        filter: instructions.as_ptr().cast_mut(),
    };
    let flags = [
        (how.log, libc::SECCOMP_FILTER_FLAG_LOG),
        (how.speculation, libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW),
        (how.listener, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER),
        (how.wait_killable, libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
    ];
    let flags = flags
        .iter()
        .filter(|(wanted, _)| *wanted)
        .fold(0, |all, (_, flag)| all | flag);
    // SAFETY: `filter` describes a live array of exactly `len` instructions, which the kernel only reads.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const filter,
        )
    };
    crate::check(answer as i32).map_err(|source| SeccompError::Load { source })?;
    // SAFETY: with NEW_LISTENER the answer is a new descriptor that nobody else owns.
    Ok(how
        .listener
        .then(|| unsafe { OwnedFd::from_raw_fd(answer as i32) }))
}

/// Whether the kernel has seccomp filters at all.
pub fn is_supported() -> bool {
    Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_compiles_to_whole_instructions_and_unknown_calls_are_skipped() {
        let profile = Profile {
            default_action: Action::Errno(1),
            architectures: vec![],
            rules: vec![Rule {
                names: vec!["read".into(), "call_of_the_year_3000".into()],
                action: Action::Allow,
                conditions: vec![],
            }],
        };
        let program = compile(&profile).unwrap();
        assert!(!program.is_empty());
        assert_eq!(program.len() % 8, 0);
    }

    #[test]
    fn bytes_that_are_no_program_are_refused() {
        assert!(matches!(
            load(b"1234567", Loading::default()),
            Err(SeccompError::Malformed { length: 7 })
        ));
        assert!(matches!(
            load(b"", Loading::default()),
            Err(SeccompError::Malformed { length: 0 })
        ));
    }
}
