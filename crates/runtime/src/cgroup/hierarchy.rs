//! Which cgroup hierarchies this machine has: v1, v2, or both (hybrid).

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Which of the kernel's two interfaces a hierarchy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// One hierarchy per controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Its interface.
    pub version: Version,
    /// v1: its controllers. v2: those of `cgroup.controllers` at its root, empty in a hybrid layout.
    pub controllers: Vec<String>,
}

impl Hierarchy {
    /// Whether settings of `controller` belong here.
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// The controllers that guise holds containers to, beside cpuset, which is used when asked for.
///
/// The v1 freezer is among them only where there is no v2 hierarchy: `cgroup.freeze` works there without any controller.
pub const CONTROLLERS: [&str; 5] = ["memory", "cpu", "cpuacct", "pids", "devices"];

/// Finds the mounted hierarchies.
///
/// # Errors
/// When /proc is not mounted.
pub fn discover() -> std::io::Result<Vec<Hierarchy>> {
    Ok(parse(&std::fs::read_to_string("/proc/self/mountinfo")?))
}

/// Reads the hierarchies out of a mountinfo table (proc_pid_mountinfo(5)).
pub fn parse(mountinfo: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mountinfo.lines() {
        let Some(hierarchy) = parse_line(line) else {
            continue;
        };
        // A hierarchy may be mounted in several places; one is enough.
        let known = found.iter().any(|other| {
            other.version == hierarchy.version
                && (other.version == Version::V2 || other.controllers == hierarchy.controllers)
        });
        if !known {
            found.push(hierarchy);
        }
    }
    found
}

fn parse_line(line: &str) -> Option<Hierarchy> {
    let (place, filesystem) = line.split_once(" - ")?;
    let mount = PathBuf::from(place.split(' ').nth(4)?);
    let mut fields = filesystem.split(' ');
    match fields.next()? {
        "cgroup2" => {
            let controllers = controllers_of(&mount);
            Some(Hierarchy {
                mount,
                version: Version::V2,
                controllers,
            })
        }
        "cgroup" => {
            // The super block's options are, besides flags, the controllers.
            let options = fields.nth(1)?;
            let controllers: Vec<String> = options
                .split(',')
                .filter(|option| !matches!(*option, "rw" | "ro" | "xattr" | "noprefix" | "clone_children"))
                .map(str::to_owned)
                .collect();
            Some(Hierarchy {
                mount,
                version: Version::V1,
                controllers,
            })
        }
        _ => None,
    }
}

fn controllers_of(directory: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /nowhere/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:32 / /mnt/again rw,relatime - cgroup cgroup rw,memory
";

    #[test]
    fn a_hybrid_machine_has_each_v1_hierarchy_once_and_an_empty_v2() {
        let found = parse(HYBRID);
        let mounts: Vec<&str> = found.iter().filter_map(|h| h.mount.to_str()).collect();
        assert_eq!(
            mounts,
            [
                "/sys/fs/cgroup/cpu,cpuacct",
                "/sys/fs/cgroup/memory",
                "/sys/fs/cgroup/systemd",
                "/nowhere/unified"
            ]
        );
        assert!(found[0].has("cpu") && found[0].has("cpuacct") && !found[0].has("memory"));
        assert_eq!(found[3].version, Version::V2);
        assert!(found[3].controllers.is_empty());
    }
}
