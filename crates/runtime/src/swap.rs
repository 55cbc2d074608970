//! `swap`: replacing what is mounted at one path of a running container, with no instant in which nothing is there.
//!
//! 1. The new tree is taken from the host, id-mapped and made read-only, detached.
//! 2. In the container's mount namespace, what is mounted below the target is copied, detached.
//! 3. In a private copy of that namespace, which nobody sees, the new tree is mounted on the target and the copies are mounted on it;
//!    the whole is copied again, detached. (Mounting on a detached tree would need Linux 6.15.)
//! 4. Back in the container's namespace, the whole is attached beneath the old mount (Linux 6.5), and the old one is detached: at every
//!    instant one of the two is on top.

use crate::container::ContainerName;
use crate::state::{self, StateError};
use guise_sys::clone::{CloneError, clone3};
use guise_sys::mount::{self, Attributes, MountAttrFlags, Propagation};
use guise_sys::namespace::{self, Namespaces};
use guise_sys::{Errno, kernel::KernelVersion, path, process, socket};
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A tree could not be swapped; the container has the old one.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The kernel cannot do it.
    #[error("swapping a mount atomically needs Linux 6.5, and this is {found}")]
    Kernel {
        /// The running version.
        found: KernelVersion,
    },
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// The new tree could not be taken.
    #[error("taking {path} from the host: {source}", path = path.display())]
    Source {
        /// Its path on the host.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The new tree could not be given the container's ids.
    #[error("id-mapping the mount of {path}: {source}", path = path.display())]
    Idmap {
        /// Its path on the host.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The container's mounts could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    ReadMounts {
        /// The table.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing to replace.
    #[error("nothing is mounted at {target} in the container", target = target.display())]
    NotMounted {
        /// The path inside.
        target: PathBuf,
    },
    /// The new tree lacks a directory that a mount needs.
    #[error("the new tree has no directory {mount_point}, where the container has a mount", mount_point = mount_point.display())]
    MissingMountPoint {
        /// Relative to the target.
        mount_point: PathBuf,
    },
    /// The process that works in the container's namespace could not be made.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// A step failed.
    #[error("{step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// Why.
        source: Errno,
    },
    /// The process in the container's namespace failed.
    #[error("{report}")]
    Inside {
        /// What it said.
        report: String,
    },
}

fn step(step: &'static str) -> impl Fn(Errno) -> SwapError {
    move |source| SwapError::Step { step, source }
}

/// Replaces what is mounted at `target` in container `id` by `source`.
///
/// # Errors
/// [`SwapError`].
pub fn swap(root: &Path, id: &ContainerName, target: &Path, source: &Path) -> Result<(), SwapError> {
    let found = KernelVersion::running();
    if found < (KernelVersion { major: 6, minor: 5 }) {
        return Err(SwapError::Kernel { found });
    }
    let state = state::load(root, id)?;
    let pidfd = state.open_init(id)?;
    let pid = state.init.map_or(0, |init| init.pid);
    let table = read_mounts(pid)?;
    let carried = mounts_below(&table, target).ok_or_else(|| SwapError::NotMounted {
        target: target.into(),
    })?;
    let tree = take(source, pid)?;
    for mount_point in &carried {
        require_mount_point(tree.as_fd(), mount_point, target)?;
    }
    let (ours, theirs) = socket::pair().map_err(step("making a socket pair"))?;
    let child = clone3(Namespaces::NONE, None, || {
        match replace(pidfd.as_fd(), target, tree.as_fd(), &carried) {
            Ok(()) => 0,
            Err(error) => {
                let _ = socket::send(theirs.as_fd(), error.to_string().as_bytes());
                1
            }
        }
    })?;
    drop(theirs);
    let mut report = [0; 4096];
    let length = socket::receive(ours.as_fd(), &mut report).unwrap_or(0);
    let ending = process::wait(child.pidfd.as_fd()).map_err(step("waiting for the swapping process"))?;
    match (ending.shell_status(), length) {
        (0, _) => Ok(()),
        (_, 0) => Err(SwapError::Inside {
            report: format!("the swapping process ended with {ending:?}"),
        }),
        _ => Err(SwapError::Inside {
            report: String::from_utf8_lossy(report.get(..length).unwrap_or_default()).into_owned(),
        }),
    }
}

fn take(source: &Path, pid: i32) -> Result<OwnedFd, SwapError> {
    let failed = |error| SwapError::Source {
        path: source.into(),
        source: error,
    };
    let tree = mount::clone_tree_at(source, false).map_err(failed)?;
    let frozen = Attributes {
        set: MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV,
        propagation: Some(Propagation::Private),
        ..Attributes::default()
    };
    mount::set_attributes(tree.as_fd(), &frozen).map_err(failed)?;
    if let Some(user_namespace) = foreign_user_namespace(pid)? {
        let change = Attributes {
            idmap: Some(user_namespace.as_fd()),
            ..Attributes::default()
        };
        mount::set_attributes(tree.as_fd(), &change).map_err(|error| SwapError::Idmap {
            path: source.into(),
            source: error,
        })?;
    }
    Ok(tree)
}

/// The container's user namespace, if it has one of its own.
fn foreign_user_namespace(pid: i32) -> Result<Option<std::fs::File>, SwapError> {
    use std::os::unix::fs::MetadataExt;
    let open = |path: String| {
        let failed = |source| SwapError::ReadMounts {
            path: PathBuf::from(&path),
            source,
        };
        let file = std::fs::File::open(&path).map_err(failed)?;
        let inode = file.metadata().map_err(failed)?.ino();
        Ok::<_, SwapError>((file, inode))
    };
    let (theirs, their_inode) = open(format!("/proc/{pid}/ns/user"))?;
    let (_, own_inode) = open("/proc/self/ns/user".into())?;
    Ok((their_inode != own_inode).then_some(theirs))
}

fn require_mount_point(tree: BorrowedFd<'_>, mount_point: &Path, target: &Path) -> Result<(), SwapError> {
    let relative = mount_point.strip_prefix(target).unwrap_or(mount_point);
    path::open_beneath(tree, relative, OFlags::PATH)
        .map(drop)
        .map_err(|_| SwapError::MissingMountPoint {
            mount_point: relative.into(),
        })
}

/// The child: steps 2 to 4. It keeps the host's user namespace and with it the right to change any mount namespace.
fn replace(
    init: BorrowedFd<'_>,
    target: &Path,
    tree: BorrowedFd<'_>,
    carried: &[PathBuf],
) -> Result<(), SwapError> {
    namespace::enter_process(init, Namespaces::MOUNT)
        .map_err(step("entering the container's mount namespace"))?;
    let copies = carried
        .iter()
        .map(|path| Ok((path.as_path(), mount::clone_tree(open(path)?.as_fd(), true)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(step("copying the mounts below the target"))?;
    let whole = combine(tree, target, &copies)?;
    namespace::enter_process(init, Namespaces::MOUNT)
        .map_err(step("returning to the container's mount namespace"))?;
    let old = open(target).map_err(step("opening the target"))?;
    mount::attach_beneath(whole.as_fd(), old.as_fd())
        .map_err(step("attaching the new tree beneath the old one"))?;
    mount::detach(target).map_err(step("detaching the old tree"))
}

/// Step 3. Without mounts below the target there is nothing to combine, and no namespace to copy.
fn combine(tree: BorrowedFd<'_>, target: &Path, copies: &[(&Path, OwnedFd)]) -> Result<OwnedFd, SwapError> {
    if copies.is_empty() {
        return tree
            .try_clone_to_owned()
            .map_err(|_| step("duplicating the new tree")(Errno::MFILE));
    }
    namespace::unshare(Namespaces::MOUNT).map_err(step("making a private mount namespace"))?;
    mount::set_propagation_everywhere(Propagation::Private).map_err(step("making it private"))?;
    let place = open(target).map_err(step("opening the target"))?;
    mount::attach(tree, place.as_fd()).map_err(step("mounting the new tree privately"))?;
    for (path, copy) in copies {
        let place = open(path).map_err(step("opening a mount point in the new tree"))?;
        mount::attach(copy.as_fd(), place.as_fd()).map_err(step("carrying a mount over to the new tree"))?;
    }
    let top = open(target).map_err(step("opening the new tree"))?;
    mount::clone_tree(top.as_fd(), true).map_err(step("copying the new tree with its mounts"))
}

/// In the container's namespace: its processes may put symlinks anywhere they can write.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let root = rustix::fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    path::open_beneath(root.as_fd(), path, OFlags::PATH)
}

fn read_mounts(pid: i32) -> Result<String, SwapError> {
    let path = PathBuf::from(format!("/proc/{pid}/mountinfo"));
    std::fs::read_to_string(&path).map_err(|source| SwapError::ReadMounts { path, source })
}

/// The mount points whose parent is the topmost mount at `target`; each stands for all that is mounted below it. `None` if nothing is
/// mounted at `target`.
fn mounts_below(mountinfo: &str, target: &Path) -> Option<Vec<PathBuf>> {
    let mounts: Vec<(&str, &str, PathBuf)> = mountinfo
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (id, parent) = (fields.next()?, fields.next()?);
            Some((id, parent, unescape(fields.nth(2)?)))
        })
        .collect();
    let (top, ..) = mounts.iter().rev().find(|(_, _, path)| path == target)?;
    let below = mounts
        .iter()
        .filter(|(_, parent, path)| parent == top && path.starts_with(target) && path != target);
    Some(below.map(|(_, _, path)| path.clone()).collect())
}

/// Space, tab, newline and backslash are written as three octal digits (proc_pid_mountinfo(5)).
fn unescape(field: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match (first, code) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
100 90 7:0 / / ro - squashfs /dev/loop0 ro
101 100 7:1 / /app ro - squashfs /dev/loop1 ro
102 101 0:50 /v/a /app/uploads rw - btrfs /dev/loop2 rw
103 102 0:50 /v/b /app/uploads/deep rw - btrfs /dev/loop2 rw
104 101 0:50 /v/c /app/with\\040space rw - btrfs /dev/loop2 rw
105 100 0:51 / /apple rw - tmpfs tmpfs rw
";

    #[test]
    fn only_the_uppermost_mounts_below_the_target_are_listed() {
        let below = mounts_below(TABLE, Path::new("/app")).unwrap();
        assert_eq!(below, [Path::new("/app/uploads"), Path::new("/app/with space")]);
        assert_eq!(
            mounts_below(TABLE, Path::new("/apple")).unwrap(),
            Vec::<PathBuf>::new()
        );
        assert!(mounts_below(TABLE, Path::new("/opt")).is_none());
    }

    #[test]
    fn the_topmost_of_two_mounts_on_one_path_counts() {
        let table = format!("{TABLE}106 101 7:2 / /app ro - squashfs /dev/loop3 ro\n");
        assert_eq!(
            mounts_below(&table, Path::new("/app")).unwrap(),
            Vec::<PathBuf>::new()
        );
    }
}
