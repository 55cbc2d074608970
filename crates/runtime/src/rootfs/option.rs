//! Mount options of config.json, sorted into what the kernel takes in which call.

use guise_sys::mount::{MountAttrFlags, Propagation};

/// A mount's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Attributes of the mount to set.
    pub set: MountAttrFlags,
    /// Attributes of the mount to clear.
    pub clear: MountAttrFlags,
    /// Attributes to set of the mount and all mounts below it (`rro`).
    pub set_below: MountAttrFlags,
    /// Attributes to clear of the mount and all mounts below it (`rrw`).
    pub clear_below: MountAttrFlags,
    /// Propagation; private if the configuration does not say.
    pub propagation: Propagation,
    /// It is a bind mount.
    pub bind: bool,
    /// With the mounts below its source.
    pub recursive: bool,
    /// A tmpfs begins with what is in its place.
    pub copy_up: bool,
    /// Owners of files are translated to the container's ids, whatever the mount's own maps say.
    pub idmap: bool,
    /// The same for the mounts below its source.
    pub recursive_idmap: bool,
    /// Options of the filesystem itself: `size=64m`.
    pub filesystem: Vec<String>,
}

/// Every option that is ours; all others are given to the filesystem.
pub const MOUNT_OPTIONS: [&str; 51] = [
    "async",
    "atime",
    "bind",
    "defaults",
    "dev",
    "diratime",
    "exec",
    "idmap",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "ratime",
    "rbind",
    "rdev",
    "rdiratime",
    "relatime",
    "rexec",
    "ridmap",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "ro",
    "rprivate",
    "rrelatime",
    "rro",
    "rrw",
    "rshared",
    "rslave",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
    "runbindable",
    "rw",
    "shared",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "tmpcopyup",
    "unbindable",
];

/// Sorts the options; a later one wins over an earlier one. What is not a mount attribute is the filesystem's affair.
pub fn parse<S: AsRef<str>>(options: &[S]) -> Options {
    let mut parsed = Options {
        set: MountAttrFlags::empty(),
        clear: MountAttrFlags::empty(),
        set_below: MountAttrFlags::empty(),
        clear_below: MountAttrFlags::empty(),
        propagation: Propagation::Private,
        bind: false,
        recursive: false,
        copy_up: false,
        idmap: false,
        recursive_idmap: false,
        filesystem: Vec::new(),
    };
    for option in options {
        parsed.add(option.as_ref());
    }
    parsed
}

impl Options {
    fn add(&mut self, option: &str) {
        if let Some((propagation, _)) = propagation(option) {
            self.propagation = propagation;
        } else if let Some((flag, on)) = attribute(option) {
            change(&mut self.set, &mut self.clear, flag, on);
        } else if let Some((flag, on)) = option.strip_prefix('r').and_then(attribute) {
            change(&mut self.set_below, &mut self.clear_below, flag, on);
        } else {
            self.add_other(option);
        }
    }

    fn add_other(&mut self, option: &str) {
        match option {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "tmpcopyup" => self.copy_up = true,
            "idmap" => self.idmap = true,
            "ridmap" => (self.idmap, self.recursive_idmap) = (true, true),
            // What has no meaning for a mount that is made anew each time.
            "defaults" | "auto" | "noauto" | "async" | "_netdev" | "nofail" | "newinstance" | "" => {}
            _ => self.filesystem.push(option.to_owned()),
        }
    }
}

/// Of the values of the access time only the last one counts.
fn change(set: &mut MountAttrFlags, clear: &mut MountAttrFlags, flag: MountAttrFlags, on: bool) {
    let access_time = MountAttrFlags::MOUNT_ATTR_NOATIME | MountAttrFlags::MOUNT_ATTR_STRICTATIME;
    if access_time.contains(flag) {
        set.remove(access_time);
        clear.remove(access_time);
    }
    set.set(flag, on);
    clear.set(flag, !on);
}

/// Whether the text names a kind of propagation.
pub fn is_propagation(text: &str) -> bool {
    propagation(text).is_some()
}

/// A kind of propagation, and whether it is meant for the mounts below too.
pub fn propagation(option: &str) -> Option<(Propagation, bool)> {
    let (kind, recursive) = match option {
        "private" | "slave" | "shared" | "unbindable" => (option, false),
        _ => (option.strip_prefix('r')?, true),
    };
    let kind = match kind {
        "private" => Propagation::Private,
        "slave" => Propagation::Slave,
        "shared" => Propagation::Shared,
        "unbindable" => Propagation::Unbindable,
        _ => return None,
    };
    Some((kind, recursive))
}

/// Options of mount(8) that are attributes of a mount: the attribute, and whether it is set.
fn attribute(option: &str) -> Option<(MountAttrFlags, bool)> {
    Some(match option {
        "ro" => (MountAttrFlags::MOUNT_ATTR_RDONLY, true),
        "rw" => (MountAttrFlags::MOUNT_ATTR_RDONLY, false),
        "nosuid" => (MountAttrFlags::MOUNT_ATTR_NOSUID, true),
        "suid" => (MountAttrFlags::MOUNT_ATTR_NOSUID, false),
        "nodev" => (MountAttrFlags::MOUNT_ATTR_NODEV, true),
        "dev" => (MountAttrFlags::MOUNT_ATTR_NODEV, false),
        "noexec" => (MountAttrFlags::MOUNT_ATTR_NOEXEC, true),
        "exec" => (MountAttrFlags::MOUNT_ATTR_NOEXEC, false),
        "noatime" => (MountAttrFlags::MOUNT_ATTR_NOATIME, true),
        "atime" => (MountAttrFlags::MOUNT_ATTR_NOATIME, false),
        "strictatime" => (MountAttrFlags::MOUNT_ATTR_STRICTATIME, true),
        "nostrictatime" => (MountAttrFlags::MOUNT_ATTR_STRICTATIME, false),
        "nodiratime" => (MountAttrFlags::MOUNT_ATTR_NODIRATIME, true),
        "diratime" => (MountAttrFlags::MOUNT_ATTR_NODIRATIME, false),
        "nosymfollow" => (MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW, true),
        "symfollow" => (MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW, false),
        // Access times as they are when nothing is said.
        "relatime" => (MountAttrFlags::MOUNT_ATTR_STRICTATIME, false),
        "norelatime" => (MountAttrFlags::empty(), true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_filesystem_options_are_told_apart() {
        let options = parse(&["nosuid", "mode=755", "size=64m", "ro", "rw", "noexec"]);
        assert_eq!(
            options.set,
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC
        );
        assert_eq!(options.filesystem, ["mode=755", "size=64m"]);
        assert!(!options.bind);
    }

    #[test]
    fn a_recursive_bind_is_private_unless_it_says_otherwise() {
        let options = parse(&["rbind", "rro"]);
        assert!(options.bind && options.recursive);
        assert_eq!(options.set_below, MountAttrFlags::MOUNT_ATTR_RDONLY);
        assert_eq!(options.propagation, Propagation::Private);
        assert_eq!(parse(&["rsuid"]).clear_below, MountAttrFlags::MOUNT_ATTR_NOSUID);
        assert_eq!(parse(&["rbind", "rslave"]).propagation, Propagation::Slave);
    }

    #[test]
    fn what_is_said_to_be_ours_is_never_given_to_a_filesystem() {
        for option in MOUNT_OPTIONS {
            assert!(parse(&[option]).filesystem.is_empty(), "{option}");
        }
    }
}
