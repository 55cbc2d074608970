//! Our own executable, out of reach of containers (CVE-2019-5736).
//!
//! A container can make the runtime run inside it by naming `/proc/self/exe` as its program, and then hold the file open to overwrite
//! it when the runtime has ended. In a user namespace of its own the container has no right to write a file of the host's root, and
//! nothing needs to be done. Without one, the runtime runs itself again from a read-only clone of the mount it is on: it is the same
//! file in the page cache, but every attempt to open it for writing through /proc answers EROFS. That costs one exec and no copy.

use guise_sys::mount::{self, Attributes, MountAttrFlags};
use guise_sys::{Errno, process};
use rustix::fs::StatVfsMountFlags;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The executable could not be protected.
#[derive(Debug, thiserror::Error)]
#[error(
    "running again from a read-only mount, so that the container cannot overwrite this program: {source}"
)]
pub struct ProtectError {
    source: Errno,
}

/// Returns if this program already runs from a read-only mount; otherwise starts it again from one.
///
/// # Errors
/// [`ProtectError`].
pub fn protect() -> Result<(), ProtectError> {
    let own = Path::new("/proc/self/exe");
    let failed = |source| ProtectError { source };
    if rustix::fs::statvfs(own)
        .map_err(failed)?
        .f_flag
        .contains(StatVfsMountFlags::RDONLY)
    {
        return Ok(());
    }
    let clone = mount::clone_tree_at(own, false).map_err(failed)?;
    let read_only = Attributes {
        set: MountAttrFlags::MOUNT_ATTR_RDONLY,
        ..Attributes::default()
    };
    mount::set_attributes(clone.as_fd(), &read_only).map_err(failed)?;
    let arguments: Vec<CString> = std::env::args_os()
        .filter_map(|text| CString::new(text.as_bytes()).ok())
        .collect();
    let environment: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| CString::new([name.into_vec(), value.into_vec()].join(&b'=')).ok())
        .collect();
    Err(failed(process::exec_fd(clone.as_fd(), &arguments, &environment)))
}
