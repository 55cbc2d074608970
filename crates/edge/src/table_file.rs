//! The files that keep routes and certificates across the edge's own restart.

use crate::options::Owner;
use anyhow::Context;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, unlinkat};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    ffi::{OsStr, OsString},
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, chown},
    },
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// A file in a directory that was opened while the edge still could: guised's state is closed to it later.
#[derive(Debug)]
pub struct TableFile {
    directory: OwnedFd,
    name: OsString,
    /// Whether it is another edge's by now.
    given_up: AtomicBool,
}

impl TableFile {
    /// Opens the file's directory, which is made for `owner` if it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made or opened.
    pub(crate) fn open(path: &Path, owner: Option<Owner>) -> anyhow::Result<Self> {
        let name = path
            .file_name()
            .with_context(|| format!("{} names no file", path.display()))?;
        let parent = directory_for(path, owner)?;
        let directory = openat(
            CWD,
            parent,
            OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .with_context(|| format!("opening the directory {}", parent.display()))?;
        Ok(Self {
            directory,
            name: name.into(),
            given_up: AtomicBool::new(false),
        })
    }

    /// A file in a directory that is there and belongs to the caller.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        Self::open(path, None)
    }

    /// Another file in the same directory.
    pub(crate) fn beside(&self, name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            directory: self.directory.try_clone()?,
            name: OsStr::new(name).into(),
            given_up: AtomicBool::new(false),
        })
    }

    /// Reads it; empty if there is none.
    pub(crate) fn load<T: DeserializeOwned + Default>(&self) -> anyhow::Result<T> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = match openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => return Ok(T::default()),
            Err(errno) => return Err(errno).context("opening the file"),
        };
        let mut text = String::new();
        file.read_to_string(&mut text).context("reading the file")?;
        serde_json::from_str(&text).context("parsing the file")
    }

    /// Writes nothing any more: another edge keeps it now.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::SeqCst);
    }

    /// Replaces it: a reader finds the former content or the new one. Not synced to the disk, since after the
    /// machine's own crash guised tells everything again.
    pub(crate) fn store(&self, content: &impl Serialize) -> anyhow::Result<()> {
        if self.given_up.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut temporary = self.name.clone();
        temporary.push(".new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.directory, &temporary, flags, Mode::from_raw_mode(0o600))
            .context("making the new file")?;
        let written = File::from(fd)
            .write_all(&serde_json::to_vec(content)?)
            .context("writing the new file")
            .and_then(|()| {
                renameat(&self.directory, &temporary, &self.directory, &self.name)
                    .context("replacing the file")
            });
        if written.is_err() {
            // What could not be written whole is of no use to anyone.
            let _ = unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        written
    }
}

/// The directory of `path`; made, closed to others and given to `owner` if it is missing. One that is there stays as it is.
pub fn directory_for(path: &Path, owner: Option<Owner>) -> anyhow::Result<&Path> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match DirBuilder::new().mode(0o700).create(parent) {
        Ok(()) => {
            if let Some(Owner { uid, gid }) = owner {
                chown(parent, Some(uid), Some(gid))
                    .with_context(|| format!("giving the directory {} to user {uid}", parent.display()))?;
            }
            Ok(parent)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(parent),
        Err(error) => Err(error).with_context(|| format!("making the directory {}", parent.display())),
    }
}
