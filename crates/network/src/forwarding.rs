//! IPv4 forwarding: on while guise has a network, and afterwards as it was found.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const SETTING: &str = "/proc/sys/net/ipv4/ip_forward";
/// Name of the file that remembers what was found.
const REMEMBERED: &str = "ip_forward";

/// Forwarding could not be read, remembered or set.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct ForwardingError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Turns forwarding on. If it was off, a file in `directory` remembers that, before anything is changed.
pub fn enable(directory: &Path) -> Result<(), ForwardingError> {
    let setting = Path::new(SETTING);
    if read(setting)?.trim() == "1" {
        return Ok(());
    }
    write(&directory.join(REMEMBERED), "0\n")?;
    write(setting, "1")
}

/// Turns forwarding off again if [`enable`] turned it on.
pub fn restore(directory: &Path) -> Result<(), ForwardingError> {
    let remembered = directory.join(REMEMBERED);
    match fs::read_to_string(&remembered) {
        Ok(former) => {
            write(Path::new(SETTING), former.trim())?;
            fs::remove_file(&remembered).map_err(failed("removing", &remembered))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("reading", &remembered)(error)),
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
