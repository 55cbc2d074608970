//! Giving up every privilege, for ever. Called before any thread exists: credentials are per thread.

use crate::options::Owner;
use anyhow::Context;
use guise_sys::identity;

/// Becomes `owner` if there is one, and then holds no capability and can never gain one. Not even
/// CAP_NET_BIND_SERVICE is kept: the ports are open by now.
pub fn give_up(owner: Option<Owner>) -> anyhow::Result<()> {
    identity::renounce(owner.map(|Owner { uid, gid }| (uid, gid)))
        .or_else(|(what, errno)| Err(errno).context(what))
}
