//! bpf(2): programs that decide which devices a control group may use (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15).
//!
//! Only the instructions that such a decision needs, in the encoding of the kernel's `bpf/standardization/instruction-set`.

use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `uapi/linux/bpf.h`: commands, types and flags of bpf(2).
const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// A register of the kernel's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Register {
    /// The program's answer.
    Answer = 0,
    /// At the beginning: the question, a `struct bpf_cgroup_dev_ctx`.
    Question = 1,
    /// Free for use.
    Two = 2,
    /// Free for use.
    Three = 3,
    /// Free for use.
    Four = 4,
    /// Free for use.
    Five = 5,
}

/// One instruction, as the kernel reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: u32,
}

impl Instruction {
    const fn new(code: u8, target: Register, source: u8, offset: i16, immediate: u32) -> Self {
        Self {
            code,
            registers: source << 4 | target as u8,
            offset,
            immediate,
        }
    }

    /// `target = question[offset]`, 32 bits wide.
    pub const fn load(target: Register, offset: i16) -> Self {
        Self::new(0x61, target, Register::Question as u8, offset, 0)
    }

    /// `target = source`, 32 bits wide.
    pub const fn copy(target: Register, source: Register) -> Self {
        Self::new(0xbc, target, source as u8, 0, 0)
    }

    /// `target = value`.
    pub const fn set(target: Register, value: u32) -> Self {
        Self::new(0xb4, target, 0, 0, value)
    }

    /// `target &= mask`, 32 bits wide.
    pub const fn and(target: Register, mask: u32) -> Self {
        Self::new(0x54, target, 0, 0, mask)
    }

    /// `target >>= bits`, 32 bits wide.
    pub const fn shift_right(target: Register, bits: u32) -> Self {
        Self::new(0x74, target, 0, 0, bits)
    }

    /// Leaves out the next `count` instructions if `target == value`, 32 bits wide.
    pub const fn skip_if_equal(target: Register, value: u32, count: i16) -> Self {
        Self::new(0x16, target, 0, count, value)
    }

    /// Leaves out the next `count` instructions if `target != value`, 32 bits wide.
    pub const fn skip_if_unequal(target: Register, value: u32, count: i16) -> Self {
        Self::new(0x56, target, 0, count, value)
    }

    /// Ends the program with what is in [`Register::Answer`]: 0 refuses, 1 allows.
    pub const fn exit() -> Self {
        Self::new(0x95, Register::Answer, 0, 0, 0)
    }
}

/// The part of `union bpf_attr` that PROG_LOAD reads; the kernel takes the rest as zero.
#[repr(C)]
struct LoadArguments {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// The part of `union bpf_attr` that PROG_ATTACH reads.
#[repr(C)]
struct AttachArguments {
    target: u32,
    program: u32,
    attach_type: u32,
    flags: u32,
}

/// Loads a program that decides about devices.
///
/// # Errors
/// `EACCES`, `EINVAL`: the kernel's verifier refuses it; `EPERM`: neither CAP_BPF nor CAP_SYS_ADMIN; `ENOSYS`: a kernel without
/// bpf(2).
pub fn load_device_program(program: &[Instruction]) -> Result<OwnedFd, Errno> {
    let mut name = [0; 16];
    name[..7].copy_from_slice(b"devices");
    let arguments = LoadArguments {
        program_type: PROG_TYPE_CGROUP_DEVICE,
        instruction_count: u32::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        instructions: program.as_ptr() as u64,
        // No function of the kernel's that asks for a license is called.
        license: c"MIT OR Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name,
    };
    // SAFETY: the program and the license outlive the call, and the kernel only reads them.
    let fd = unsafe { bpf(PROG_LOAD, &arguments) }?;
    // SAFETY: a positive answer of PROG_LOAD is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Lets a program decide, together with those of the groups above, about the devices of a group of the unified hierarchy.
/// It stays until the group is removed.
///
/// # Errors
/// `EBADF`: `group` is no directory of the unified hierarchy; `EPERM`: a group above wants to decide alone; `E2BIG`: 64 programs
/// are there already; `EINVAL`: a kernel without CONFIG_CGROUP_BPF.
pub fn attach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    let descriptor = |fd: BorrowedFd<'_>| u32::try_from(fd.as_raw_fd()).map_err(|_| Errno::BADF);
    let arguments = AttachArguments {
        target: descriptor(group)?,
        program: descriptor(program)?,
        attach_type: ATTACH_CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    // SAFETY: the arguments hold numbers only.
    unsafe { bpf(PROG_ATTACH, &arguments) }.map(drop)
}

/// # Safety
/// Every pointer in `arguments` must be valid for what `command` does with it.
unsafe fn bpf<T>(command: libc::c_int, arguments: &T) -> Result<libc::c_int, Errno> {
    // SAFETY: the kernel reads no more than the given size; for pointers inside, the caller promises.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(arguments),
            size_of::<T>(),
        )
    };
    super::check(answer as libc::c_int)?;
    Ok(answer as libc::c_int)
}
