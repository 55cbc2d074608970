//! IPv4 forwarding: on while any guise has a network, and afterwards as it was found.
//!
//! The setting is the machine's, and several guises may live on one machine. Each that needs forwarding leaves a claim
//! in a directory that a reboot clears; the first remembers what it found, the last puts it back.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const SETTING: &str = "/proc/sys/net/ipv4/ip_forward";
const CLAIMS: &str = "/run/guise/forwarding";
/// The file that remembers what was found; no instance may be called so.
const FORMER: &str = ".former";

/// Forwarding could not be read, remembered or set.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct ForwardingError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Turns forwarding on for an instance.
pub fn enable(instance: &str) -> Result<(), ForwardingError> {
    claim(Path::new(CLAIMS), Path::new(SETTING), instance)
}

/// Says that an instance needs forwarding no more. With the last one, the setting is put back to what it was.
pub fn restore(instance: &str) -> Result<(), ForwardingError> {
    release(Path::new(CLAIMS), Path::new(SETTING), instance)
}

fn claim(claims: &Path, setting: &Path, instance: &str) -> Result<(), ForwardingError> {
    fs::create_dir_all(claims).map_err(failed("making", claims))?;
    let _turn = lock(claims)?;
    let former = claims.join(FORMER);
    if !former.exists() {
        write(&former, &read(setting)?)?;
    }
    write(&claims.join(instance), "")?;
    write(setting, "1")
}

fn release(claims: &Path, setting: &Path, instance: &str) -> Result<(), ForwardingError> {
    if !claims.is_dir() {
        return Ok(());
    }
    let _turn = lock(claims)?;
    remove(&claims.join(instance))?;
    let former = claims.join(FORMER);
    if !former.exists() || others(claims)? {
        return Ok(());
    }
    write(setting, read(&former)?.trim())?;
    remove(&former)
}

/// Whether any instance still claims forwarding.
fn others(claims: &Path) -> Result<bool, ForwardingError> {
    let entries = fs::read_dir(claims).map_err(failed("listing", claims))?;
    Ok(entries.flatten().any(|entry| entry.file_name() != FORMER))
}

/// One guise at a time: an exclusive lock on the directory, until the file is dropped.
fn lock(claims: &Path) -> Result<File, ForwardingError> {
    let directory = File::open(claims).map_err(failed("opening", claims))?;
    directory.lock().map_err(failed("locking", claims))?;
    Ok(directory)
}

fn remove(path: &Path) -> Result<(), ForwardingError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removing", path)(error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, ForwardingError> {
    fs::read_to_string(path).map_err(failed("reading", path))
}

fn write(path: &Path, text: &str) -> Result<(), ForwardingError> {
    fs::write(path, text).map_err(failed("writing", path))
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ForwardingError {
    move |source| ForwardingError {
        operation,
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_out_puts_back_what_the_first_one_found() {
        let place = tempfile::tempdir().unwrap();
        let (claims, setting) = (place.path().join("claims"), place.path().join("ip_forward"));
        fs::write(&setting, "0\n").unwrap();
        claim(&claims, &setting, "one").unwrap();
        claim(&claims, &setting, "two").unwrap();
        claim(&claims, &setting, "one").unwrap();
        assert_eq!(fs::read_to_string(&setting).unwrap(), "1");
        release(&claims, &setting, "one").unwrap();
        release(&claims, &setting, "one").unwrap();
        assert_eq!(
            fs::read_to_string(&setting).unwrap(),
            "1",
            "the other one still needs it"
        );
        release(&claims, &setting, "two").unwrap();
        assert_eq!(fs::read_to_string(&setting).unwrap(), "0");
    }

    #[test]
    fn forwarding_that_was_on_before_stays_on() {
        let place = tempfile::tempdir().unwrap();
        let (claims, setting) = (place.path().join("claims"), place.path().join("ip_forward"));
        fs::write(&setting, "1\n").unwrap();
        claim(&claims, &setting, "one").unwrap();
        release(&claims, &setting, "one").unwrap();
        assert_eq!(fs::read_to_string(&setting).unwrap(), "1");
    }
}
