//! What the node remembers of a container: a file, written before anything of the container exists, so that
//! whatever a crash leaves behind has an owner.

use crate::{ContainerSpec, procfs};
use guise_model::ContainerId;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A container as the node remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What it was made as, with every change since.
    pub spec: ContainerSpec,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// Its PID 1; `None` while it is being made.
    pub init: Option<Init>,
}

/// A container's PID 1, named for good: the kernel uses numbers again, but not with the same start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Init {
    /// Its number on the host.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did.
    pub start_time: u64,
}

impl Init {
    /// The living process of number `pid`; `None` when there is none.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        Ok(procfs::start_time(pid)?.map(|start_time| Self { pid, start_time }))
    }

    /// Whether it still lives. A zombie does not.
    pub fn lives(self) -> bool {
        let same =
            matches!(procfs::start_time(self.pid), Ok(Some(start_time)) if start_time == self.start_time);
        same && matches!(procfs::status(self.pid), Ok(Some(status)) if !status.zombie)
    }
}

/// A file operation on a record that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", .path.display())]
pub struct RecordError {
    /// What was being done.
    pub operation: &'static str,
    /// To which file or directory.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// The directory with one directory per container.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    directory: PathBuf,
}

impl Records {
    /// Opens the records, making their directory.
    pub fn open(directory: PathBuf) -> Result<Self, RecordError> {
        attempt("make", &directory, fs::create_dir_all(&directory))?;
        Ok(Self { directory })
    }

    /// A container's directory.
    pub fn directory(&self, id: &ContainerId) -> PathBuf {
        self.directory.join(id.as_str())
    }

    /// Writes a record in one step: whoever reads it sees the old one or the new one.
    ///
    /// It survives the death of this process; it is not synced. What a power cut ends (processes, mounts, links,
    /// cgroups) needs no owner afterwards, and what it leaves (scratch directories) is found by listing them.
    pub fn write(&self, record: &Record) -> Result<(), RecordError> {
        let directory = self.directory(&record.spec.id);
        attempt("make", &directory, fs::create_dir_all(&directory))?;
        let path = directory.join("record.json");
        let new = directory.join("record.json.new");
        let content = serde_json::to_vec_pretty(record).map_err(io::Error::from);
        attempt(
            "write",
            &new,
            content.and_then(|content| write_private(&new, &content)),
        )?;
        attempt("write", &path, fs::rename(&new, &path))
    }

    /// Forgets a container and removes its directory.
    pub fn remove(&self, id: &ContainerId) -> Result<(), RecordError> {
        let directory = self.directory(id);
        match fs::remove_dir_all(&directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                attempt("remove", &directory, Err(source))
            }
            _ => Ok(()),
        }
    }

    /// All records. A directory whose record cannot be read (a crash before the first sync) is given by its id
    /// alone.
    pub fn all(&self) -> Result<Vec<(ContainerId, Option<Record>)>, RecordError> {
        let mut found = Vec::new();
        for entry in attempt("list", &self.directory, fs::read_dir(&self.directory))? {
            let entry = attempt("list", &self.directory, entry)?;
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| ContainerId::new(name).ok())
            else {
                continue;
            };
            found.push((id, read(&entry.path())));
        }
        Ok(found)
    }
}

fn read(directory: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(directory.join("record.json")).ok()?).ok()
}

/// Writes a file that only root may read: passwords are among what containers are given.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(content)
}

fn attempt<T>(operation: &'static str, path: &Path, result: io::Result<T>) -> Result<T, RecordError> {
    result.map_err(|source| RecordError {
        operation,
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::os::unix::fs::PermissionsExt;

    fn record() -> Record {
        Record {
            spec: testing::spec(),
            created_unix_ms: 7,
            init: None,
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written_and_only_root_may_read_it() {
        let state = tempfile::tempdir().unwrap();
        let records = Records::open(state.path().join("containers")).unwrap();
        records.write(&record()).unwrap();
        assert_eq!(records.all().unwrap(), [(record().spec.id, Some(record()))]);
        let file = records.directory(&record().spec.id).join("record.json");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_torn_record_still_has_an_owner() {
        let state = tempfile::tempdir().unwrap();
        let records = Records::open(state.path().join("containers")).unwrap();
        records.write(&record()).unwrap();
        fs::write(
            records.directory(&record().spec.id).join("record.json"),
            "{\"spec\":",
        )
        .unwrap();
        assert_eq!(records.all().unwrap(), [(record().spec.id, None)]);
    }

    #[test]
    fn removing_twice_is_success() {
        let state = tempfile::tempdir().unwrap();
        let records = Records::open(state.path().join("containers")).unwrap();
        records.write(&record()).unwrap();
        records.remove(&record().spec.id).unwrap();
        records.remove(&record().spec.id).unwrap();
        assert_eq!(records.all().unwrap(), []);
    }

    #[test]
    fn another_process_of_the_same_number_is_another_process() {
        let mine = Init::of(std::process::id()).unwrap().unwrap();
        assert!(mine.lives());
        assert!(
            !Init {
                start_time: mine.start_time + 1,
                ..mine
            }
            .lives()
        );
    }
}
