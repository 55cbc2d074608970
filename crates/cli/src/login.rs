//! The daemon of another machine that this person has logged in to, remembered in a file of theirs.

use crate::error::Error;
use crate::remote::Remote;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The daemon that `GUISE_URL` and `GUISE_TOKEN` name, else the one that was logged in to.
///
/// `PLATFORMSH_CLI_TOKEN`, which scripts may know, is as good as `GUISE_TOKEN`.
pub fn current() -> Result<Option<Remote>, Error> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = set("GUISE_URL") {
        let token = set("GUISE_TOKEN")
            .or_else(|| set("PLATFORMSH_CLI_TOKEN"))
            .ok_or(Error::NoToken)?;
        let authority = set("GUISE_CA").map(read).transpose()?;
        return Remote::at(&url, token, authority)
            .map(Some)
            .ok_or(Error::BadUrl { url });
    }
    let Some(file) = file() else { return Ok(None) };
    match fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| Error::Read {
                path: file,
                source: source.into(),
            }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: file, source }),
    }
}

/// Remembers a daemon. The file is for its owner only: it has the token.
pub fn remember(remote: &Remote) -> Result<(), Error> {
    let path = file().ok_or(Error::NoHome)?;
    let failed = |source| Error::Write {
        path: path.clone(),
        source,
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    // A new file, then its name: nobody reads half of it, and an old one's mode does not matter.
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed)?;
    let text = serde_json::to_vec(remote).map_err(|source| failed(source.into()))?;
    file.write_all(&text).map_err(failed)?;
    fs::rename(&fresh, &path).map_err(failed)
}

/// Forgets it; answers whether there was one.
pub fn forget() -> Result<bool, Error> {
    let path = file().ok_or(Error::NoHome)?;
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Write { path, source }),
    }
}

/// A file that was named, as text.
pub fn read(path: impl Into<PathBuf>) -> Result<String, Error> {
    let path = path.into();
    fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
}

fn file() -> Option<PathBuf> {
    let directory = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")))?;
    Some(config.join("guise/login.json"))
}
