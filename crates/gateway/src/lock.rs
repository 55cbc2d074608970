//! A file that is locked as long as a gateway serves, and says which: so a guised that starts finds the one there is.

use anyhow::{Context, bail};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    net::SocketAddr,
    path::Path,
};

/// Locks the file and writes what serves: process id and address. Held until the value is dropped.
///
/// # Errors
/// When another gateway holds it, or it cannot be written.
pub fn take(path: &Path, listen: SocketAddr) -> anyhow::Result<File> {
    // Not truncated before it is locked: it is another's until then.
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another gateway holds {}", path.display()),
        Err(TryLockError::Error(error)) => return Err(error).context("locking"),
    }
    file.set_len(0)?;
    writeln!(file, "{} {listen}", std::process::id())?;
    Ok(file)
}
