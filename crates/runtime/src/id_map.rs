//! The id maps of a new user namespace, which only its maker may write (user_namespaces(7)).

use oci_spec::runtime::LinuxIdMapping;
use rustix::process::Pid;
use std::fmt::Write;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::OwnedFd;

/// Writes both maps of the user namespace that process `pid` is in.
///
/// # Errors
/// `EINVAL`: overlapping or empty ranges; `EPERM`: ids that are not the caller's to give, or maps that are written already.
pub fn write(pid: Pid, uids: &[LinuxIdMapping], gids: &[LinuxIdMapping]) -> Result<()> {
    for (file, map) in [("uid_map", uids), ("gid_map", gids)] {
        let path = format!("/proc/{}/{file}", pid.as_raw_nonzero());
        std::fs::write(&path, text(map))
            .map_err(|error| Error::new(error.kind(), format!("writing {path}: {error}")))?;
    }
    Ok(())
}

/// The user namespace that process `pid` is in.
///
/// # Errors
/// Those of open(2).
pub fn open_namespace(pid: Pid) -> Result<OwnedFd> {
    let path = format!("/proc/{}/ns/user", pid.as_raw_nonzero());
    let opened =
        File::open(&path).map_err(|error| Error::new(error.kind(), format!("opening {path}: {error}")));
    Ok(opened?.into())
}

/// All lines in one write: the kernel takes a map only once.
fn text(mappings: &[LinuxIdMapping]) -> String {
    mappings.iter().fold(String::new(), |mut text, map| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {} {}", map.container_id(), map.host_id(), map.size());
        text
    })
}
