//! Which tunnels are open: each has a socket of its `ssh` (`ControlPath`, ssh_config(5)) and a record beside it.

use crate::error::Error;
use crate::place::Place;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An open tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The local port.
    pub port: u16,
    /// Id or title of the project, as it was named.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The app whose network it leads into.
    pub app: String,
    /// The relationship.
    pub relationship: String,
    /// Which of its endpoints.
    pub index: usize,
    /// Where it is now, as a URL.
    pub url: String,
}

impl Record {
    /// Whether it leads into this environment.
    pub fn is_of(&self, place: &Place) -> bool {
        self.project == place.project && self.environment == place.environment
    }
}

/// The directory with the records of one person.
#[derive(Debug)]
pub struct Records {
    directory: PathBuf,
}

impl Records {
    /// Opens the directory, and makes it if missing: for nobody else, since whoever may use a socket may use its tunnel.
    pub fn open() -> Result<Self, Error> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let directory = runtime.map_or_else(own_directory, |runtime| Ok(runtime.join("guise-tunnels")))?;
        let failed = |source| Error::Write {
            path: directory.clone(),
            source,
        };
        match DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let found = fs::symlink_metadata(&directory).map_err(failed)?;
        let own = fs::metadata("/proc/self").map_err(failed)?;
        if !found.is_dir() || found.uid() != own.uid() || found.mode() & 0o077 != 0 {
            let why = "it is not a directory of this user's alone: remove it";
            return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        Ok(Self { directory })
    }

    /// Where the `ssh` of a port listens for commands.
    pub fn socket(&self, port: u16) -> PathBuf {
        self.directory.join(format!("{port}.sock"))
    }

    /// Remembers a tunnel.
    pub fn add(&self, record: &Record) -> Result<(), Error> {
        let path = self.path(record.port);
        serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&path, text))
            .map_err(|source| Error::Write { path, source })
    }

    /// The tunnels that are open, by their ports. What has ended by itself is forgotten.
    pub fn list(&self) -> Result<Vec<Record>, Error> {
        let entries = fs::read_dir(&self.directory).map_err(|source| Error::Read {
            path: self.directory.clone(),
            source,
        })?;
        let mut open = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let record = fs::read(&path)
                .ok()
                .and_then(|text| serde_json::from_slice::<Record>(&text).ok());
            match record {
                Some(record) if self.order("check", record.port) => open.push(record),
                _ => drop(fs::remove_file(&path)),
            }
        }
        open.sort_by_key(|record| record.port);
        Ok(open)
    }

    /// Closes a tunnel and forgets it.
    pub fn close(&self, record: &Record) -> Result<(), Error> {
        self.order("exit", record.port);
        let path = self.path(record.port);
        fs::remove_file(&path).map_err(|source| Error::Write { path, source })
    }

    fn path(&self, port: u16) -> PathBuf {
        self.directory.join(format!("{port}.json"))
    }

    /// Tells the `ssh` of a port something; whether it took it.
    fn order(&self, order: &str, port: u16) -> bool {
        let status = Command::new("ssh")
            .arg("-S")
            .arg(self.socket(port))
            // The destination is not looked at when there is a socket.
            .args(["-O", order, "guise"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

/// Without a runtime directory (sudo, containers): one of the user's name in `/tmp`.
fn own_directory() -> Result<PathBuf, Error> {
    let own = fs::metadata("/proc/self").map_err(Error::Input)?.uid();
    Ok(Path::new("/tmp").join(format!("guise-tunnels-{own}")))
}
