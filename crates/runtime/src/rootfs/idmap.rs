//! Mounts whose files belong to other ids than their own: the container's, or those of a map of the mount's.
//!
//! The kernel takes such a map as a user namespace (mount_setattr(2), MOUNT_ATTR_IDMAP). Where it is not the container's, a child
//! that does nothing else brings one into the world.

use super::error::RootfsError;
use crate::id_map;
use guise_sys::clone::clone3;
use guise_sys::namespace::Namespaces;
use guise_sys::{process, socket};
use oci_spec::runtime::LinuxIdMapping;
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A user namespace with these maps, in which nobody is.
///
/// # Errors
/// [`RootfsError::MakeMap`].
pub fn user_namespace(
    mount: &Path,
    uids: &[LinuxIdMapping],
    gids: &[LinuxIdMapping],
) -> Result<OwnedFd, RootfsError> {
    let failed = |source: std::io::Error| RootfsError::MakeMap {
        path: mount.into(),
        source,
    };
    let (ours, theirs) = socket::pair().map_err(|errno| failed(errno.into()))?;
    let ours = Cell::new(Some(ours));
    let waiting = || {
        // Nothing is ever said: the end of the conversation ends the child, which must not hold the other end itself.
        drop(ours.take());
        let _ = socket::receive(theirs.as_fd(), &mut [0; 1]);
        0
    };
    let child =
        clone3(Namespaces::USER, None, waiting).map_err(|error| failed(std::io::Error::other(error)))?;
    let mapped = id_map::write(child.pid, uids, gids).and_then(|()| id_map::open_namespace(child.pid));
    let _ = process::send_signal(child.pidfd.as_fd(), 9);
    let _ = process::wait(child.pidfd.as_fd());
    mapped.map_err(failed)
}
