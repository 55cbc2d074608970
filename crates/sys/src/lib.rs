//! Every system call that guise makes itself, and every `unsafe` of the project.
//!
//! One file per mechanism of the kernel, one safe function per system call, owned descriptors in and out. What rustix
//! already offers safely (files, capabilities, the fsopen family) is used from there; this crate adds what it lacks (clone3,
//! mount_setattr, seccomp, …) and calls that need care in their order or arguments.
//!
//! It knows the kernel and its man pages. It must never know what a container, an image or a project is, and it decides
//! nothing: an error is the kernel's answer, and the caller says what was being done.

pub mod bpf;
pub mod btrfs;
pub mod clone;
pub mod descriptor;
pub mod identity;
pub mod kernel;
pub mod loopback;
pub mod loopdev;
pub mod mount;
pub mod namespace;
pub mod path;
pub mod process;
pub mod scheduling;
pub mod seccomp;
pub mod socket;
pub mod terminal;

pub use rustix::io::Errno;

/// The calling thread's errno, after a libc function said that it failed.
fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// Turns libc's -1 into the error it stands for.
fn check(answer: libc::c_int) -> Result<(), Errno> {
    if answer == -1 { Err(last_errno()) } else { Ok(()) }
}
