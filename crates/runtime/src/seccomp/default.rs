//! The default profile: what an ordinary program needs is allowed, everything else answers EPERM.
//!
//! In spirit that of Docker and containerd: what they allow without any capability. Left out on purpose: mount, unshare, setns,
//! bpf, perf_event_open, userfaultfd, io_uring, keyctl, kexec, modules, reboot, swap, clock setting, open_by_handle_at.

use oci_spec::runtime::LinuxSeccomp;
use serde_json::json;

/// Calls that are always allowed.
const ALLOWED: &str = "
accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime
clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range
connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate
fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork
fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid
geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom
getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid
getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr
lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal
msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open
pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2
prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom
recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64
sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid
setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown
sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink
symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64
utimes vfork vmsplice wait4 waitid waitpid write writev
process_vm_readv process_vm_writev ptrace chroot
";

/// CLONE_NEW* of clone(2): new namespaces are the way to most kernel holes of the last years.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// The default profile, for callers that write a config.json.
pub fn default_seccomp() -> LinuxSeccomp {
    let names: Vec<&str> = ALLOWED.split_whitespace().collect();
    let socket = |operator: &str, family: u64| {
        json!({ "names": ["socket"], "action": "SCMP_ACT_ALLOW",
                "args": [{ "index": 0, "op": operator, "value": family }] })
    };
    let persona = |value: u64| {
        json!({ "names": ["personality"], "action": "SCMP_ACT_ALLOW",
                "args": [{ "index": 0, "op": "SCMP_CMP_EQ", "value": value }] })
    };
    const AF_VSOCK: u64 = 40;
    const AF_ALG: u64 = 38;
    let mut profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": architectures(),
        "syscalls": [
            { "names": names, "action": "SCMP_ACT_ALLOW" },
            // glibc falls back to clone(2), whose flags a filter can see, only on ENOSYS.
            { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 },
            { "names": ["clone"], "action": "SCMP_ACT_ALLOW",
              "args": [{ "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": NEW_NAMESPACES, "valueTwo": 0 }] },
            // vsock reaches the hypervisor and AF_ALG the kernel's cryptography: neither is in any network namespace.
            socket("SCMP_CMP_LT", AF_ALG),
            json!({ "names": ["socket"], "action": "SCMP_ACT_ALLOW",
                    "args": [{ "index": 0, "op": "SCMP_CMP_EQ", "value": 39 }] }),
            socket("SCMP_CMP_GT", AF_VSOCK),
            persona(0x0), persona(0x8), persona(0x20000), persona(0x20008), persona(0xffff_ffff)
        ]
    });
    if let Some(rules) = profile["syscalls"].as_array_mut() {
        rules.extend(control_but_btrfs());
    }
    serde_json::from_value(profile).expect("the constant profile is a valid LinuxSeccomp")
}

/// ioctl(2), but not those of btrfs: anybody can make subvolumes in a directory of their own, and what is in them counts
/// towards no limit and is in no snapshot. Sharing blocks between files is allowed: cp and databases do it.
fn control_but_btrfs() -> impl Iterator<Item = serde_json::Value> {
    /// _IOC_TYPE of all requests to btrfs (linux/btrfs.h), in the second byte.
    const BTRFS: u64 = 0x94 << 8;
    /// FICLONE, FICLONERANGE and FIDEDUPERANGE (linux/fs.h) are of that type too.
    const SHARING: [u64; 3] = [0x4004_9409, 0x4020_940d, 0xc018_9436];
    // The kernel looks at the lower half only, so must the filter.
    const REQUEST: u64 = 0xffff_ffff;
    // "Another byte" cannot be said in one rule, but "one bit is another" in eight.
    let others = (8..16).map(|bit| (1 << bit, !BTRFS & 1 << bit));
    let sharing = SHARING.into_iter().map(|request| (REQUEST, request));
    others.chain(sharing).map(|(mask, value)| {
        json!({ "names": ["ioctl"], "action": "SCMP_ACT_ALLOW",
                "args": [{ "index": 1, "op": "SCMP_CMP_MASKED_EQ", "value": mask, "valueTwo": value }] })
    })
}

/// A 64-bit kernel also takes 32-bit calls, whose numbers differ: without a rule for them they would kill the caller.
fn architectures() -> &'static [&'static str] {
    if cfg!(target_arch = "x86_64") {
        &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    } else if cfg!(target_arch = "aarch64") {
        &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    } else {
        &[]
    }
}
