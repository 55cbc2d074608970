//! The file-descriptor based mount API, and what rustix lacks of it: mount_setattr(2).
//!
//! A detached tree (from [`clone_tree`] or [`create`]) is visible to nobody, so all its attributes are set before anybody can see it.

use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
    move_mount, open_tree,
};
pub use rustix::mount::{MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// How mount events travel between this mount and its peers (mount_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Neither in nor out.
    Private,
    /// In, not out.
    Slave,
    /// Both.
    Shared,
    /// Neither, and cannot be bind-mounted.
    Unbindable,
}

/// Attributes to change of a mount; the default changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'fd> {
    /// Attributes to set, e.g. `MOUNT_ATTR_RDONLY`.
    pub set: MountAttrFlags,
    /// Attributes to clear.
    pub clear: MountAttrFlags,
    /// Propagation to set.
    pub propagation: Option<Propagation>,
    /// User namespace whose id maps translate the owners of files.
    pub idmap: Option<BorrowedFd<'fd>>,
    /// Apply to all mounts of the tree.
    pub recursive: bool,
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self {
            set: MountAttrFlags::empty(),
            clear: MountAttrFlags::empty(),
            propagation: None,
            idmap: None,
            recursive: false,
        }
    }
}

/// Changes attributes of the mount `tree` refers to (mount_setattr(2), Linux 5.12).
///
/// # Errors
/// `EINVAL` with an id map: the filesystem cannot be id-mapped (squashfs before 6.2, overlay), the mount is already id-mapped or
/// was already attached; `EPERM`: a locked attribute or no CAP_SYS_ADMIN; `EBUSY`: files are open for writing.
pub fn set_attributes(tree: BorrowedFd<'_>, change: &Attributes<'_>) -> Result<(), Errno> {
    let mut attributes = libc::mount_attr {
        attr_set: u64::from(change.set.bits()),
        attr_clr: u64::from(change.clear.bits()),
        propagation: match change.propagation {
            None => 0,
            Some(Propagation::Private) => libc::MS_PRIVATE,
            Some(Propagation::Slave) => libc::MS_SLAVE,
            Some(Propagation::Shared) => libc::MS_SHARED,
            Some(Propagation::Unbindable) => libc::MS_UNBINDABLE,
        },
        userns_fd: 0,
    };
    if let Some(user_namespace) = change.idmap {
        attributes.attr_set |= libc::MOUNT_ATTR_IDMAP;
        attributes.userns_fd = user_namespace.as_raw_fd() as u64;
    }
    // The kernel wants the whole access time field cleared before one of its values is set, or any of it cleared.
    if (change.set | change.clear).bits() & ATIME_VALUES != 0 {
        attributes.attr_clr |= u64::from(ATIME_FIELD);
    }
    let recursive = if change.recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a static empty C string and the attributes a live struct of the size that is passed.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            (libc::AT_EMPTY_PATH | recursive) as libc::c_uint,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    crate::check(answer as i32)
}

const ATIME_FIELD: u32 = linux_raw_sys::general::MOUNT_ATTR__ATIME;
/// The two values of the field that are not zero (relatime is 0).
const ATIME_VALUES: u32 =
    linux_raw_sys::general::MOUNT_ATTR_NOATIME | linux_raw_sys::general::MOUNT_ATTR_STRICTATIME;

/// A detached copy of the mount that `place` is on, starting at `place` (open_tree(2), Linux 5.2).
///
/// # Errors
/// `EPERM`: no CAP_SYS_ADMIN; `EINVAL`: unbindable, or locked mounts below and not `recursive`.
pub fn clone_tree(place: BorrowedFd<'_>, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(place, c"", flags)
}

/// As [`clone_tree`], of what is at `path` now. Follows symlinks: only for paths that nobody else controls.
///
/// # Errors
/// As [`clone_tree`], and those of opening a path.
pub fn clone_tree_at(path: &Path, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(rustix::fs::CWD, path, flags)
}

/// A new filesystem instance, mounted nowhere yet. Options are `key` or `key=value` of fsconfig(2).
///
/// # Errors
/// `ENODEV`: unknown filesystem; `EINVAL`: unknown option; `EPERM`: not allowed in this user namespace, or (proc, sysfs) the
/// existing instance is partly hidden by other mounts.
pub fn create(filesystem: &str, options: &[String], attributes: MountAttrFlags) -> Result<OwnedFd, Errno> {
    let context = fsopen(filesystem, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for option in options {
        match option.split_once('=') {
            Some((key, value)) => fsconfig_set_string(context.as_fd(), key, value)?,
            None => fsconfig_set_flag(context.as_fd(), option.as_str())?,
        }
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Attaches a detached tree on what `target` refers to.
///
/// # Errors
/// `ENOTDIR`/`EINVAL`: one is a directory and the other is not, or the tree is attached already; `EPERM`: no CAP_SYS_ADMIN.
pub fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", target, c"", flags)
}

/// Attaches a detached tree beneath the topmost mount at `target`, which then hides it (Linux 6.5).
///
/// # Errors
/// `EINVAL`: `target` is not a mount point of the caller's mount namespace, or the kernel is older than 6.5.
pub fn attach_beneath(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH
        | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH
        | MoveMountFlags::MOVE_MOUNT_BENEATH;
    move_mount(tree, c"", target, c"", flags)
}

/// Takes the topmost mount at `path` out of the tree at once; it goes away with its last user.
///
/// # Errors
/// `EINVAL`: not a mount point, or locked.
pub fn detach(path: &Path) -> Result<(), Errno> {
    rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)
}

/// Makes `root` the root of this mount namespace and drops the old root with everything on it.
///
/// # Errors
/// `EINVAL`: `root` is not a mount point, or the current root's propagation is shared.
pub fn pivot(root: BorrowedFd<'_>) -> Result<(), Errno> {
    let old_root = rustix::fs::open(
        c"/",
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    rustix::process::fchdir(root)?;
    // pivot_root(".", ".") stacks the old root on the new one, so no directory for it is needed (pivot_root(2), NOTES).
    rustix::process::pivot_root(c".", c".")?;
    rustix::process::fchdir(&old_root)?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

/// Makes `root` the root of this process alone. The host's tree stays mounted, and a process with CAP_SYS_CHROOT gets back to it.
///
/// # Errors
/// `EPERM`: no CAP_SYS_CHROOT.
pub fn change_root(root: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::process::fchdir(root)?;
    rustix::process::chroot(c".")?;
    rustix::process::chdir(c"/")
}

/// Changes the propagation of every mount of this mount namespace.
///
/// # Errors
/// `EPERM`: no CAP_SYS_ADMIN.
pub fn set_propagation_everywhere(propagation: Propagation) -> Result<(), Errno> {
    let root: &CStr = c"/";
    let root = rustix::fs::open(
        root,
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let change = Attributes {
        propagation: Some(propagation),
        recursive: true,
        ..Attributes::default()
    };
    set_attributes(root.as_fd(), &change)
}
