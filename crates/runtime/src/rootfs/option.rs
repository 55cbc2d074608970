//! Mount options of config.json, sorted into what the kernel takes in which call.

use guise_sys::mount::{MountAttrFlags, Propagation};

/// A mount's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Attributes of the mount to set.
    pub set: MountAttrFlags,
    /// Attributes of the mount to clear.
    pub clear: MountAttrFlags,
    /// The same for the mounts below it (`rro` and the like).
    pub set_below: MountAttrFlags,
    /// Propagation; private if the configuration does not say.
    pub propagation: Propagation,
    /// It is a bind mount.
    pub bind: bool,
    /// With the mounts below its source.
    pub recursive: bool,
    /// Options of the filesystem itself: `size=64m`.
    pub filesystem: Vec<String>,
}

/// Sorts the options; a later one wins over an earlier one. What is not a mount attribute is the filesystem's affair.
pub fn parse<S: AsRef<str>>(options: &[S]) -> Options {
    let mut parsed = Options {
        set: MountAttrFlags::empty(),
        clear: MountAttrFlags::empty(),
        set_below: MountAttrFlags::empty(),
        propagation: Propagation::Private,
        bind: false,
        recursive: false,
        filesystem: Vec::new(),
    };
    for option in options {
        parsed.add(option.as_ref());
    }
    parsed
}

impl Options {
    fn add(&mut self, option: &str) {
        match option {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "private" | "rprivate" => self.propagation = Propagation::Private,
            "slave" | "rslave" => self.propagation = Propagation::Slave,
            "shared" | "rshared" => self.propagation = Propagation::Shared,
            "unbindable" | "runbindable" => self.propagation = Propagation::Unbindable,
            // Defaults, and what has no meaning for a mount that is made anew each time.
            "defaults" | "auto" | "noauto" | "rw" | "async" | "_netdev" | "nofail" | "newinstance" | "" => {
                if option == "rw" {
                    self.change(MountAttrFlags::MOUNT_ATTR_RDONLY, false);
                }
            }
            _ => match attribute(option).or_else(|| attribute(option.strip_prefix('r')?)) {
                Some((flag, on)) => {
                    self.change(flag, on);
                    if attribute(option).is_none() && on {
                        self.set_below |= flag;
                    }
                }
                None => self.filesystem.push(option.to_owned()),
            },
        }
    }

    fn change(&mut self, flag: MountAttrFlags, on: bool) {
        self.set.set(flag, on);
        self.clear.set(flag, !on);
    }
}

fn attribute(option: &str) -> Option<(MountAttrFlags, bool)> {
    Some(match option {
        "ro" => (MountAttrFlags::MOUNT_ATTR_RDONLY, true),
        "nosuid" => (MountAttrFlags::MOUNT_ATTR_NOSUID, true),
        "suid" => (MountAttrFlags::MOUNT_ATTR_NOSUID, false),
        "nodev" => (MountAttrFlags::MOUNT_ATTR_NODEV, true),
        "dev" => (MountAttrFlags::MOUNT_ATTR_NODEV, false),
        "noexec" => (MountAttrFlags::MOUNT_ATTR_NOEXEC, true),
        "exec" => (MountAttrFlags::MOUNT_ATTR_NOEXEC, false),
        "noatime" => (MountAttrFlags::MOUNT_ATTR_NOATIME, true),
        "strictatime" => (MountAttrFlags::MOUNT_ATTR_STRICTATIME, true),
        "nodiratime" => (MountAttrFlags::MOUNT_ATTR_NODIRATIME, true),
        "nosymfollow" => (MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW, true),
        "relatime" | "diratime" | "atime" => (MountAttrFlags::empty(), true),
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
        assert_eq!(parse(&["rbind", "rslave"]).propagation, Propagation::Slave);
    }
}
