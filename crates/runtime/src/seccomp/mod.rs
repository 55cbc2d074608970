//! OCI seccomp profiles: translated for libseccomp, compiled once per profile and kernel, kept as bytes.

mod default;
mod listener;

pub use default::default_seccomp;
pub use listener::{Filtered, ListenerError, load, load_with_listener, receive};

use guise_sys::seccomp::{self, Action, Arch, Compare, CompareOp, Loading, Profile, Rule, SeccompError};
use oci_spec::runtime::{
    Arch as OciArch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag,
    LinuxSeccompOperator, LinuxSyscall,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A filter ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The BPF program.
    program: Vec<u8>,
    /// How it is loaded.
    how: Loading,
}

/// A profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It asks an agent about a call that is needed to reach the agent.
    #[error(
        "seccomp profile: SCMP_ACT_NOTIFY cannot be the default action or the action of sendmsg, by which the agent gets its listener"
    )]
    NotifiesTooMuch,
    /// libseccomp or the kernel refused.
    #[error(transparent)]
    Seccomp(#[from] SeccompError),
}

impl Filter {
    /// The filter of `profile`, from the store of compiled filters at `store` if it is there. A store that cannot be written is
    /// as good as none.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn of(profile: &LinuxSeccomp, store: &Path) -> Result<Self, ProfileError> {
        let how = loading(profile)?;
        let kept = store.join(format!("{:016x}.bpf", fingerprint(profile)));
        if let Ok(program) = std::fs::read(&kept) {
            return Ok(Self { program, how });
        }
        let program = seccomp::compile(&translate(profile))?;
        let _ = keep(&kept, &program);
        Ok(Self { program, how })
    }

    /// Loads it into this process, for ever, and gives its listener if it has one.
    ///
    /// # Errors
    /// [`SeccompError`].
    pub fn load(&self) -> Result<Option<OwnedFd>, SeccompError> {
        seccomp::load(&self.program, self.how)
    }
}

fn loading(profile: &LinuxSeccomp) -> Result<Loading, ProfileError> {
    let notify = LinuxSeccompAction::ScmpActNotify;
    let notified = |call: &&LinuxSyscall| call.action() == notify;
    let mut notified_calls = profile.syscalls().iter().flatten().filter(notified).peekable();
    let listener = notified_calls.peek().is_some();
    let on_the_way = |call: &LinuxSyscall| call.names().iter().any(|name| name == "sendmsg");
    if profile.default_action() == notify || notified_calls.any(on_the_way) {
        return Err(ProfileError::NotifiesTooMuch);
    }
    // TSYNC is about other threads, of which there are none.
    let has = |flag| profile.flags().iter().flatten().any(|given| *given == flag);
    Ok(Loading {
        log: has(LinuxSeccompFilterFlag::SeccompFilterFlagLog),
        speculation: has(LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow),
        listener,
        wait_killable: listener && has(LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv),
    })
}

/// Written beside and renamed, so that nobody reads half a filter.
fn keep(path: &Path, program: &[u8]) -> std::io::Result<()> {
    let Some(store) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(store)?;
    let draft = path.with_extension(format!("{}", std::process::id()));
    std::fs::write(&draft, program)?;
    std::fs::rename(&draft, path)
}

/// Identifies a compiled filter: the profile, and the kernel, since libseccomp's answer may change with either. The store is root's
/// own, so the hash guards against nothing but accidents.
fn fingerprint(profile: &LinuxSeccomp) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(profile)
        .unwrap_or_default()
        .hash(&mut hasher);
    guise_sys::kernel::release().hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    hasher.finish()
}

fn translate(profile: &LinuxSeccomp) -> Profile {
    let mut rules = Vec::new();
    for syscall in profile.syscalls().iter().flatten() {
        let action = action(syscall.action(), syscall.errno_ret());
        let arguments = syscall.args().as_deref().unwrap_or_default();
        let rule = |conditions| Rule {
            names: syscall.names().clone(),
            action,
            conditions,
        };
        // libseccomp takes one condition per argument; runc makes one rule of each when an argument has several.
        let indices: std::collections::BTreeSet<usize> =
            arguments.iter().map(LinuxSeccompArg::index).collect();
        if indices.len() == arguments.len() {
            rules.push(rule(arguments.iter().map(condition).collect()));
        } else {
            rules.extend(arguments.iter().map(|argument| rule(vec![condition(argument)])));
        }
    }
    let architectures = profile
        .architectures()
        .iter()
        .flatten()
        .copied()
        .filter_map(|arch| match arch {
            OciArch::ScmpArchNative => None,
            OciArch::ScmpArchX86 => Some(Arch::X86),
            OciArch::ScmpArchX86_64 => Some(Arch::X8664),
            OciArch::ScmpArchX32 => Some(Arch::X32),
            OciArch::ScmpArchArm => Some(Arch::Arm),
            OciArch::ScmpArchAarch64 => Some(Arch::Aarch64),
            // Foreign to every machine guise runs on; their calls are refused, which is what a filter without them does.
            _ => None,
        });
    Profile {
        default_action: action(profile.default_action(), profile.default_errno_ret()),
        architectures: architectures.collect(),
        rules,
    }
}

fn action(action: LinuxSeccompAction, errno: Option<u32>) -> Action {
    let errno = errno.and_then(|value| i32::try_from(value).ok()).unwrap_or(1);
    match action {
        LinuxSeccompAction::ScmpActKill | LinuxSeccompAction::ScmpActKillThread => Action::KillThread,
        LinuxSeccompAction::ScmpActKillProcess => Action::KillProcess,
        LinuxSeccompAction::ScmpActTrap => Action::Trap,
        LinuxSeccompAction::ScmpActErrno => Action::Errno(errno),
        LinuxSeccompAction::ScmpActTrace => Action::Trace(u16::try_from(errno).unwrap_or(1)),
        LinuxSeccompAction::ScmpActLog => Action::Log,
        LinuxSeccompAction::ScmpActAllow => Action::Allow,
        LinuxSeccompAction::ScmpActNotify => Action::Notify,
    }
}

fn condition(argument: &LinuxSeccompArg) -> Compare {
    let value = argument.value();
    let (operator, value) = match argument.op() {
        LinuxSeccompOperator::ScmpCmpNe => (CompareOp::NotEqual, value),
        LinuxSeccompOperator::ScmpCmpLt => (CompareOp::Less, value),
        LinuxSeccompOperator::ScmpCmpLe => (CompareOp::LessOrEqual, value),
        LinuxSeccompOperator::ScmpCmpEq => (CompareOp::Equal, value),
        LinuxSeccompOperator::ScmpCmpGe => (CompareOp::GreaterEqual, value),
        LinuxSeccompOperator::ScmpCmpGt => (CompareOp::Greater, value),
        // In OCI `value` is the mask and `valueTwo` what the masked argument is compared with.
        LinuxSeccompOperator::ScmpCmpMaskedEq => (
            CompareOp::MaskedEqual(value),
            argument.value_two().unwrap_or_default(),
        ),
    };
    Compare::new(
        u32::try_from(argument.index()).unwrap_or(u32::MAX),
        operator,
        value,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_compiles_and_the_second_time_comes_from_the_store() {
        let store = tempfile::tempdir().unwrap();
        let compiled = Filter::of(&default_seccomp(), store.path()).unwrap();
        assert_eq!(std::fs::read_dir(store.path()).unwrap().count(), 1);
        let file = std::fs::read_dir(store.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        assert_eq!(Filter::of(&default_seccomp(), store.path()).unwrap(), compiled);
        std::fs::write(file, b"12345678").unwrap();
        assert_eq!(
            Filter::of(&default_seccomp(), store.path()).unwrap().program,
            b"12345678"
        );
    }

    #[test]
    fn a_process_under_the_default_profile_makes_no_subvolumes_but_may_share_blocks() {
        use rustix::{fs::ioctl_ficlone, io::Errno};
        use std::{fs::File, os::fd::AsFd};
        let directory = tempfile::tempdir().unwrap();
        let filter = Filter::of(&default_seccomp(), directory.path()).unwrap();
        // Its own thread: a filter stays for ever.
        std::thread::spawn(move || {
            let here = File::open(directory.path()).unwrap();
            let file = |name| File::create(directory.path().join(name)).unwrap();
            let (one, other) = (file("one"), file("other"));
            let tries = || {
                let made = guise_sys::btrfs::create_subvolume(here.as_fd(), "sub");
                let shared = ioctl_ficlone(&one, &other);
                (made, shared, rustix::termios::tcgetattr(&one).err())
            };
            let (_, shared, terminal) = tries();
            rustix::thread::set_no_new_privs(true).unwrap();
            filter.load().unwrap();
            assert_eq!(tries(), (Err(Errno::PERM), shared, terminal));
            assert_ne!(terminal, Some(Errno::PERM));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_profile_that_would_ask_the_agent_about_reaching_the_agent_is_refused() {
        let calls = |names: &[&str]| {
            let profile = serde_json::json!({
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{ "names": names, "action": "SCMP_ACT_NOTIFY" }],
            });
            loading(&serde_json::from_value(profile).unwrap())
        };
        assert!(calls(&["mkdir"]).unwrap().listener);
        let refusal = calls(&["mkdir", "sendmsg"]).unwrap_err();
        assert!(refusal.to_string().contains("SCMP_ACT_NOTIFY"), "{refusal}");
    }
}
