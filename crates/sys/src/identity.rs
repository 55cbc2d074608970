//! Who a process is: ids, capabilities, keyring, no_new_privs. All calls are per thread, and guise's callers have one.

use rustix::io::Errno;
pub use rustix::thread::CapabilitySet;
use rustix::thread::{CapabilitySets, Gid, Uid};

/// The five capability sets of capabilities(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What can ever be gained by exec.
    pub bounding: CapabilitySet,
    /// What permission checks look at.
    pub effective: CapabilitySet,
    /// What may be made effective.
    pub permitted: CapabilitySet,
    /// What passes through exec of a file with inheritable capabilities.
    pub inheritable: CapabilitySet,
    /// What passes through exec of any file.
    pub ambient: CapabilitySet,
}

/// The highest capability number that is asked for; the kernel says which it knows.
const LAST_CAPABILITY: u32 = 63;

/// Drops every capability from the bounding set that is not in `keep`.
///
/// # Errors
/// `EPERM`: no CAP_SETPCAP.
pub fn limit_bounding(keep: CapabilitySet) -> Result<(), Errno> {
    for number in 0..=LAST_CAPABILITY {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::capability_is_in_bounding_set(capability) {
            Ok(true) if !keep.contains(capability) => {
                rustix::thread::remove_capability_from_bounding_set(capability)?
            }
            Ok(_) => {}
            // The kernel's last capability was passed.
            Err(Errno::INVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Sets the effective, permitted, inheritable and ambient sets.
///
/// # Errors
/// `EPERM`: more than permitted now, or an ambient capability that is not both permitted and inheritable.
pub fn set_capabilities(wanted: &Capabilities) -> Result<(), Errno> {
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: wanted.effective,
            permitted: wanted.permitted,
            inheritable: wanted.inheritable,
        },
    )?;
    rustix::thread::clear_ambient_capability_set()?;
    for capability in wanted.ambient.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// The names of the capabilities that this kernel knows.
pub fn known_capabilities() -> Vec<String> {
    let known = |number: &u32| {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        rustix::thread::capability_is_in_bounding_set(capability).is_ok()
    };
    let names = (0..=LAST_CAPABILITY).take_while(known);
    names
        .filter_map(|number| CapabilitySet::from_bits_retain(1 << number).iter_names().next())
        .map(|(name, _)| format!("CAP_{name}"))
        .collect()
}

/// Keeps the permitted set when the last of the ids 0 is given up, until the next exec.
///
/// # Errors
/// `EPERM`: the bit is locked.
pub fn keep_capabilities(keep: bool) -> Result<(), Errno> {
    rustix::thread::set_keep_capabilities(keep)
}

/// Sets supplementary groups, then all three group ids, then all three user ids: the other order would lose the right to the former.
///
/// # Errors
/// `EINVAL`: an id has no mapping in this user namespace; `EPERM`: no CAP_SETGID/CAP_SETUID, or `setgroups` is denied.
pub fn set_ids(uid: u32, gid: u32, groups: &[u32]) -> Result<(), Errno> {
    let groups: Vec<Gid> = groups.iter().map(|&id| Gid::from_raw(id)).collect();
    rustix::thread::set_thread_groups(&groups)?;
    let gid = Gid::from_raw(gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

/// Makes exec unable to grant privileges, for ever (PR_SET_NO_NEW_PRIVS).
///
/// # Errors
/// None that are known.
pub fn set_no_new_privileges() -> Result<(), Errno> {
    rustix::thread::set_no_new_privs(true)
}

/// Becomes user `owner.0` and group `owner.1` if they are given, and then holds no capability and can never gain one.
///
/// # Errors
/// What could not be done, in words, and why not.
pub fn renounce(owner: Option<(u32, u32)>) -> Result<(), (&'static str, Errno)> {
    let doing = |what| move |errno| (what, errno);
    set_no_new_privileges().map_err(doing("setting no_new_privs"))?;
    if let Some((uid, gid)) = owner {
        // The bounding set takes CAP_SETPCAP, which goes with the user id.
        limit_bounding(CapabilitySet::empty()).map_err(doing("emptying the capability bounding set"))?;
        set_ids(uid, gid, &[]).map_err(doing("becoming another user and group"))?;
    }
    let none = CapabilitySet::empty();
    let nothing = Capabilities {
        bounding: none,
        effective: none,
        permitted: none,
        inheritable: none,
        ambient: none,
    };
    set_capabilities(&nothing).map_err(doing("dropping all capabilities"))
}

/// Joins a new, anonymous session keyring, so that the caller's keys are out of reach (keyctl(2)).
///
/// # Errors
/// `ENOSYS`: kernel without keyrings; `EDQUOT`: too many keys.
pub fn new_session_keyring() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        )
    };
    if answer == -1 {
        Err(crate::last_errno())
    } else {
        Ok(())
    }
}
