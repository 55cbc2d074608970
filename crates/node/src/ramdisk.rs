//! Generated files as a tar archive: how they get into a container.
//!
//! The host never writes to a path in a container, since the container's own processes decide what such a path
//! leads to. At the start the runtime unpacks the archive into a tmpfs that nothing has mounted yet; later a `tar`
//! inside does it, with no more rights than the container has.

use crate::{RunFile, User};
use std::{collections::BTreeSet, io, path::Path};

/// Permission bits of directories that are made on the way.
const DIRECTORY_MODE: u32 = 0o755;

/// An archive with `files` and the directories on the way to them, all owned by `owner` (inside ids).
///
/// # Errors
/// When a path is too long for the format or leads upwards.
pub(crate) fn archive<'a>(files: impl IntoIterator<Item = &'a RunFile>, owner: User) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut made = BTreeSet::new();
    for file in files {
        let path = Path::new(&file.path);
        for directory in directories_to(path) {
            if made.insert(directory) {
                let mut header = header(owner, DIRECTORY_MODE, tar::EntryType::Directory, 0);
                archive.append_data(&mut header, directory, io::empty())?;
            }
        }
        let content = file.content.as_bytes();
        let mut header = header(owner, file.mode, tar::EntryType::Regular, content.len() as u64);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner()
}

/// The directories that lead to a relative path, the outermost first.
fn directories_to(path: &Path) -> Vec<&Path> {
    let mut directories: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .filter(|directory| !directory.as_os_str().is_empty())
        .collect();
    directories.reverse();
    directories
}

fn header(owner: User, mode: u32, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.uid.into());
    header.set_gid(owner.gid.into());
    header.set_size(size);
    // runsvdir sleeps for a second before it starts what it finds in a directory that changed within this second.
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::WEB;

    fn file(path: &str) -> RunFile {
        RunFile {
            path: path.into(),
            content: format!("content of {path}"),
            mode: 0o640,
        }
    }

    #[test]
    fn directories_come_once_and_before_their_files() {
        let files = [file("service/nginx/run"), file("service/app/run"), file("hosts")];
        let bytes = archive(&files, WEB).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries: Vec<(String, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap())
            })
            .collect();
        let expected = [
            ("service", 0o755),
            ("service/nginx", 0o755),
            ("service/nginx/run", 0o640),
            ("service/app", 0o755),
            ("service/app/run", 0o640),
            ("hosts", 0o640),
        ];
        assert_eq!(
            entries,
            expected.map(|(path, mode)| (path.to_string(), mode, 10_000))
        );
    }

    #[test]
    fn a_path_that_leads_upwards_is_refused() {
        assert!(archive(&[file("../etc/passwd")], WEB).is_err());
    }
}
