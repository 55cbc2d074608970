//! Filling the tmpfs at /run from a tar archive, before anybody can see it.
//!
//! The archive is the caller's, but paths are still resolved beneath the tmpfs and no symlink is followed: a mistake in it must not
//! become a file on the host.

use guise_sys::path;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use std::fs::File;
use std::io::{Error, ErrorKind, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use tar::{Archive, Entry, EntryType};

/// Unpacks directories, files and symlinks with their modes and owners (ids as inside), directories also with the time
/// of their last change.
///
/// # Errors
/// Those of reading the archive and writing the files; an entry of another kind is refused.
pub fn unpack(mut archive: &File, tree: BorrowedFd<'_>) -> std::io::Result<()> {
    archive.rewind()?;
    let mut directories = Vec::new();
    for entry in Archive::new(archive).entries()? {
        directories.extend(unpack_entry(entry?, tree)?);
    }
    // Last, since each entry that is made changes its directory.
    for Directory { file, changed } in directories {
        rustix::fs::futimens(&file, &changed)?;
    }
    Ok(())
}

/// A directory that is unpacked, and the times that it gets in the end.
struct Directory {
    file: OwnedFd,
    changed: Timestamps,
}

/// Answers the entry's directory if it is one.
fn unpack_entry(mut entry: Entry<'_, &File>, tree: BorrowedFd<'_>) -> std::io::Result<Option<Directory>> {
    let path = entry.path()?.into_owned();
    let header = entry.header();
    let mode = Mode::from_raw_mode(header.mode()? & 0o7777);
    let owner = (id(header.uid()?)?, id(header.gid()?)?);
    let kind = header.entry_type();
    let parent = path::make_directories(tree, path.parent().unwrap_or(Path::new(".")))?;
    let name = match path.file_name() {
        Some(name) => Path::new(name),
        None => Path::new("."),
    };
    match kind {
        EntryType::Directory => {
            let file = reopen(&path::make_directories(parent.as_fd(), name)?)?;
            own(&file, owner, mode)?;
            let changed = at(seconds(header.mtime()?)?);
            Ok(Some(Directory { file, changed }))
        }
        EntryType::Regular | EntryType::Continuous => {
            let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW;
            let mut file = File::from(path::create_beneath(
                parent.as_fd(),
                name,
                flags,
                Mode::from_raw_mode(0o600),
            )?);
            std::io::copy(&mut entry, &mut file)?;
            own(&file.into(), owner, mode)?;
            Ok(None)
        }
        EntryType::Symlink => {
            let target = entry
                .link_name()?
                .ok_or(Error::new(ErrorKind::InvalidData, "a symlink without target"))?;
            rustix::fs::symlinkat(target.as_ref(), parent.as_fd(), name)?;
            let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
            rustix::fs::chownat(
                parent.as_fd(),
                name,
                Some(uid),
                Some(gid),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
            Ok(None)
        }
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{} is a {other:?}", path.display()),
        )),
    }
}

/// fchmod(2) does not take a descriptor that was opened with O_PATH.
fn reopen(directory: &OwnedFd) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    Ok(path::open_beneath(directory.as_fd(), Path::new("."), flags)?)
}

/// Owner first: chown(2) clears set-id bits.
fn own(file: &OwnedFd, (uid, gid): (u32, u32), mode: Mode) -> std::io::Result<()> {
    rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    Ok(rustix::fs::fchmod(file, mode)?)
}

fn seconds(value: u64) -> std::io::Result<i64> {
    i64::try_from(value).map_err(|_| Error::new(ErrorKind::InvalidData, format!("{value} is not a time")))
}

fn at(tv_sec: i64) -> Timestamps {
    let time = Timespec { tv_sec, tv_nsec: 0 };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn id(value: u64) -> std::io::Result<u32> {
    u32::try_from(value)
        .map_err(|_| Error::new(ErrorKind::InvalidData, format!("owner {value} is not an id")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn archive(fill: impl FnOnce(&mut tar::Builder<File>)) -> File {
        let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
        fill(&mut builder);
        builder.into_inner().unwrap()
    }

    fn header(kind: EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_uid(u64::from(rustix::process::getuid().as_raw()));
        header.set_gid(u64::from(rustix::process::getgid().as_raw()));
        header
    }

    fn open(directory: &Path) -> OwnedFd {
        rustix::fs::open(directory, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    #[test]
    fn files_get_their_content_and_mode_and_parents_are_made() {
        let archive = archive(|tar| {
            tar.append_data(
                &mut header(EntryType::Regular, 0o755, 3),
                "service/app/run",
                &b"run"[..],
            )
            .unwrap();
            tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "link", "service")
                .unwrap();
        });
        let place = tempfile::tempdir().unwrap();
        unpack(&archive, open(place.path()).as_fd()).unwrap();
        let run = place.path().join("service/app/run");
        assert_eq!(std::fs::read(&run).unwrap(), b"run");
        assert_eq!(run.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(
            std::fs::read_link(place.path().join("link")).unwrap(),
            Path::new("service")
        );
    }

    #[test]
    fn a_directory_is_as_old_as_the_archive_says_whatever_is_put_into_it() {
        let archive = archive(|tar| {
            let mut directory = header(EntryType::Directory, 0o755, 0);
            directory.set_mtime(1_000_000);
            tar.append_data(&mut directory, "service", std::io::empty())
                .unwrap();
            tar.append_data(
                &mut header(EntryType::Regular, 0o644, 1),
                "service/run",
                &b"x"[..],
            )
            .unwrap();
        });
        let place = tempfile::tempdir().unwrap();
        unpack(&archive, open(place.path()).as_fd()).unwrap();
        let changed = place
            .path()
            .join("service")
            .metadata()
            .unwrap()
            .modified()
            .unwrap();
        let since = changed.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_000_000);
    }

    #[test]
    fn a_symlink_in_the_archive_does_not_lead_out() {
        let outside = tempfile::tempdir().unwrap();
        let archive = archive(|tar| {
            tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), "out", outside.path())
                .unwrap();
            tar.append_data(&mut header(EntryType::Regular, 0o644, 1), "out/file", &b"x"[..])
                .unwrap();
        });
        let place = tempfile::tempdir().unwrap();
        assert!(unpack(&archive, open(place.path()).as_fd()).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
