//! openat2(2): paths that are partly controlled by somebody else.

use rustix::fs::{AtFlags, Gid, ResolveFlags, Uid, chownat, mkdirat, openat2};
pub use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

/// Opens `path` below `directory`: never above it, through no symlink.
///
/// # Errors
/// `EXDEV`: the path leaves `directory`; `ELOOP`: a symlink is in it; and those of open(2).
pub fn open_beneath(directory: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    open_how(directory, relative(path), flags, Mode::empty(), resolve)
}

/// As [`open_beneath`], making the file with `mode` if `flags` has `CREATE`.
///
/// # Errors
/// As [`open_beneath`].
pub fn create_beneath(
    directory: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    open_how(directory, relative(path), flags, mode, resolve)
}

/// Opens `path` as a process with the root `root` would: absolute symlinks start at `root` and `..` stops there.
///
/// # Errors
/// Those of open(2); `ELOOP`: a magic link of /proc.
pub fn open_in_root(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    open_how(root, path, flags, Mode::empty(), resolve)
}

/// Opens an absolute path in which no component is a symlink.
///
/// # Errors
/// `ELOOP`: one is; and those of open(2).
pub fn open_without_symlinks(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    open_how(rustix::fs::CWD, path, flags, Mode::empty(), resolve)
}

fn open_how(
    directory: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    loop {
        match openat2(directory, path, flags | OFlags::CLOEXEC, mode, resolve) {
            // The kernel saw a rename or mount meanwhile and could not be sure (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            answer => return answer,
        }
    }
}

/// Makes the directory `path` and its parents below `root`, as far as missing, with mode 0755, following no symlink, and opens it.
///
/// # Errors
/// As [`open_beneath`]; `EROFS`: something is missing on a read-only filesystem; `ENOTDIR`.
pub fn make_directories(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut directory = open_beneath(root, Path::new("."), flags)?;
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => {
                let name = Path::new(name);
                directory = match open_beneath(directory.as_fd(), name, flags) {
                    Err(Errno::NOENT) => {
                        match mkdirat(directory.as_fd(), name, Mode::from_raw_mode(0o755)) {
                            Ok(()) | Err(Errno::EXIST) => {}
                            Err(errno) => return Err(errno),
                        }
                        open_beneath(directory.as_fd(), name, flags)?
                    }
                    answer => answer?,
                };
            }
            Component::ParentDir | Component::Prefix(_) => return Err(Errno::XDEV),
        }
    }
    Ok(directory)
}

/// As [`make_directories`]; what has to be made gets `mode` and belongs to `owner` (user, group).
///
/// # Errors
/// As [`make_directories`], and those of chown(2).
pub fn make_owned_directories(
    root: BorrowedFd<'_>,
    path: &Path,
    owner: (u32, u32),
    mode: u32,
) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut directory = open_beneath(root, Path::new("."), flags)?;
    for component in relative(path).components() {
        let name = match component {
            Component::Normal(name) => Path::new(name),
            Component::CurDir => continue,
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return Err(Errno::XDEV),
        };
        let made = match mkdirat(directory.as_fd(), name, Mode::from_raw_mode(mode)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno),
        };
        directory = open_beneath(directory.as_fd(), name, flags)?;
        if made {
            let (user, group) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
            chownat(directory.as_fd(), c"", user, group, AtFlags::EMPTY_PATH)?;
        }
    }
    Ok(directory)
}

/// `RESOLVE_BENEATH` refuses absolute paths; here `/a` means `a`, and `/` the directory itself.
fn relative(path: &Path) -> &Path {
    match path.strip_prefix("/") {
        Ok(rest) if rest.as_os_str().is_empty() => Path::new("."),
        Ok(rest) => rest,
        Err(_) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn open_directory(path: &Path) -> OwnedFd {
        rustix::fs::open(
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .unwrap()
    }

    #[test]
    fn a_symlink_below_a_directory_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        symlink("/etc", place.path().join("link")).unwrap();
        let directory = open_directory(place.path());
        let refusal = open_beneath(directory.as_fd(), Path::new("link/passwd"), OFlags::RDONLY);
        assert_eq!(refusal.unwrap_err(), Errno::LOOP);
        assert_eq!(
            make_directories(directory.as_fd(), Path::new("/link/x")).unwrap_err(),
            Errno::LOOP
        );
    }

    #[test]
    fn a_path_cannot_leave_the_directory() {
        let place = tempfile::tempdir().unwrap();
        let directory = open_directory(place.path());
        let refusal = open_beneath(directory.as_fd(), Path::new("../etc/passwd"), OFlags::RDONLY);
        assert_eq!(refusal.unwrap_err(), Errno::XDEV);
        assert_eq!(
            make_directories(directory.as_fd(), Path::new("a/../../b")).unwrap_err(),
            Errno::XDEV
        );
    }

    #[test]
    fn missing_parents_are_made() {
        let place = tempfile::tempdir().unwrap();
        let directory = open_directory(place.path());
        make_directories(directory.as_fd(), Path::new("/a/b/c")).unwrap();
        assert!(place.path().join("a/b/c").is_dir());
    }
}
