//! `tmpcopyup`: a tmpfs that begins with what the image has in its place.
//!
//! Both sides are descriptors, every name is opened without following a link, and what is no file, directory or link is left out: a
//! device or socket of an image has no use in a copy.

use guise_sys::Errno;
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fchown, fstat, mkdirat, openat,
    readlinkat, statat, symlinkat,
};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Copies what is in the directory `from` into the directory `to`, with owners and modes, and gives `to` those of `from`.
///
/// # Errors
/// Those of the file operations.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    // Both may be O_PATH descriptors, which can be neither listed nor changed.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let (listing, target) = (open(from, c".", flags)?, open(to, c".", flags)?);
    for entry in Dir::read_from(&listing)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            copy_entry(from, to, name)?;
        }
    }
    adopt(target.as_fd(), &fstat(&listing)?)
}

fn copy_entry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let found = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::RWXU)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            copy(open(from, name, flags)?.as_fd(), open(to, name, flags)?.as_fd())
        }
        FileType::RegularFile => {
            let source = open(from, name, OFlags::RDONLY)?;
            let target = open(to, name, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY)?;
            io::copy(&mut File::from(source), &mut File::from(target.try_clone()?))?;
            adopt(target.as_fd(), &found)
        }
        FileType::Symlink => {
            symlinkat(readlinkat(from, name, Vec::new())?.as_c_str(), to, name)?;
            let (user, group) = owner(&found);
            Ok(chownat(to, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?)
        }
        _ => Ok(()),
    }
}

fn open(directory: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    openat(
        directory,
        name,
        flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::RUSR | Mode::WUSR,
    )
}

/// The owner first: changing it clears setuid bits.
fn adopt(file: BorrowedFd<'_>, like: &Stat) -> io::Result<()> {
    let (user, group) = owner(like);
    fchown(file, user, group)?;
    Ok(fchmod(file, Mode::from_raw_mode(like.st_mode))?)
}

fn owner(like: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn files_directories_and_links_are_copied_with_their_modes() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(from.path().join("sub")).unwrap();
        std::fs::write(from.path().join("sub/file"), "text").unwrap();
        std::fs::set_permissions(from.path().join("sub/file"), PermissionsExt::from_mode(0o750)).unwrap();
        symlink("/etc/passwd", from.path().join("link")).unwrap();
        let open = |path| File::open(path).unwrap();
        copy(open(from.path()).as_fd(), open(to.path()).as_fd()).unwrap();
        let copied = to.path().join("sub/file");
        assert_eq!(std::fs::read_to_string(&copied).unwrap(), "text");
        assert_eq!(copied.metadata().unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(
            std::fs::read_link(to.path().join("link")).unwrap().to_str(),
            Some("/etc/passwd")
        );
    }
}
