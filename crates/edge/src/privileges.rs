//! Giving up every privilege, for ever. Called before any thread exists: credentials are per thread.

use crate::options::Owner;
use anyhow::Context;
use guise_sys::identity::{self, Capabilities, CapabilitySet};

/// Becomes `owner` if there is one, and then holds no capability and can never gain one. Not even
/// CAP_NET_BIND_SERVICE is kept: the ports are open by now.
pub fn give_up(owner: Option<Owner>) -> anyhow::Result<()> {
    identity::set_no_new_privileges().context("setting no_new_privs")?;
    if let Some(Owner { uid, gid }) = owner {
        // The bounding set takes CAP_SETPCAP, which goes with the user id.
        identity::limit_bounding(CapabilitySet::empty()).context("emptying the capability bounding set")?;
        identity::set_ids(uid, gid, &[]).with_context(|| format!("becoming user {uid} and group {gid}"))?;
    }
    let none = CapabilitySet::empty();
    let nothing = Capabilities {
        bounding: none,
        effective: none,
        permitted: none,
        inheritable: none,
        ambient: none,
    };
    identity::set_capabilities(&nothing).context("dropping all capabilities")
}
