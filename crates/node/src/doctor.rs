//! What this machine can do, probed for real: a version number says what a kernel could do, a probe what it does here.

mod idmap;

use guise_runtime::cgroup::{self, Version};
use guise_sys::{Errno, kernel, mount};
use rustix::mount::MountAttrFlags;
use std::{env, path::Path, process::Command};

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `kernel`, `idmapped squashfs`, `mksquashfs`.
    pub name: String,
    /// Whether it will do.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What guise needs.
    pub need: String,
    /// How to get what is missing.
    pub remedy: Option<String>,
}

/// Oldest kernel whose `move_mount` knows `MOVE_MOUNT_BENEATH` (move_mount(2)): the swap of an app's code without an
/// instant in between.
const KERNEL: (u32, u32) = (6, 5);

/// Programs that guise starts, and the Debian package of each.
const TOOLS: [(&str, &str, &str); 6] = [
    ("git", "git", "to receive pushes and check out commits"),
    ("mkfs.btrfs", "btrfs-progs", "to make the pool of volumes"),
    ("mksquashfs", "squashfs-tools", "to freeze images"),
    ("mmdebstrap", "mmdebstrap", "to build base images"),
    ("nft", "nftables", "to separate containers from each other"),
    ("tar", "tar", "to build base images"),
];

/// Examines the machine. Needs root for most probes and leaves nothing behind.
pub fn examine() -> Vec<Check> {
    let mut checks = vec![root(), kernel_version(), user_namespaces(), seccomp(), cgroups()];
    checks.extend(["squashfs", "btrfs", "tmpfs"].map(filesystem));
    checks.push(simple_quotas());
    checks.extend(TOOLS.map(|(program, package, need)| tool(program, package, need)));
    checks.push(idmapped_squashfs());
    checks.push(nftables());
    checks
}

impl Check {
    fn new(name: &str, need: &str, found: Result<String, String>, remedy: &str) -> Self {
        let ok = found.is_ok();
        Self {
            name: name.into(),
            ok,
            found: found.unwrap_or_else(|problem| problem),
            need: need.into(),
            remedy: (!ok && !remedy.is_empty()).then(|| remedy.into()),
        }
    }
}

fn root() -> Check {
    let uid = rustix::process::geteuid();
    let found = if uid.is_root() {
        Ok("root".into())
    } else {
        Err(format!("user id {}", uid.as_raw()))
    };
    Check::new(
        "rights",
        "root, to make namespaces, mounts and links",
        found,
        "run it with sudo",
    )
}

fn kernel_version() -> Check {
    let (running, release) = (kernel::KernelVersion::running(), kernel::release());
    let found = if (running.major, running.minor) >= KERNEL {
        Ok(release)
    } else {
        Err(release)
    };
    Check::new(
        "kernel",
        "Linux 6.5, for idmapped squashfs (6.2) and the atomic swap of code (6.5)",
        found,
        "install a newer kernel: on Debian 12 `apt install -t bookworm-backports linux-image-amd64`, or upgrade to Debian 13",
    )
}

fn user_namespaces() -> Check {
    let found = idmap::namespace()
        .map(|_| "a new one works".into())
        .map_err(|error| error.to_string());
    Check::new(
        "user namespaces",
        "to give each container users of its own",
        found,
        "allow them: sysctl user.max_user_namespaces=15000",
    )
}

fn seccomp() -> Check {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let has = status.lines().any(|line| line.starts_with("Seccomp:"));
    let found = if has {
        Ok("in the kernel".into())
    } else {
        Err("the kernel has none".into())
    };
    Check::new(
        "seccomp",
        "to keep containers from rare system calls",
        found,
        "use a kernel with CONFIG_SECCOMP_FILTER",
    )
}

fn cgroups() -> Check {
    let need = "the controllers memory, cpu and pids, of version 1 or 2";
    let remedy = "mount cgroup2 on /sys/fs/cgroup, as systemd does, or boot without `cgroup_disable=`";
    let hierarchies = match cgroup::discover() {
        Ok(hierarchies) => hierarchies,
        Err(error) => {
            return Check::new(
                "cgroups",
                need,
                Err(format!("/proc/self/mountinfo: {error}")),
                remedy,
            );
        }
    };
    let has = |version| hierarchies.iter().any(|hierarchy| hierarchy.version == version);
    let layout = match (has(Version::V1), has(Version::V2)) {
        (true, true) => "version 1 with an empty version 2 beside it (hybrid)",
        (true, false) => "version 1",
        (false, true) => "version 2",
        (false, false) => "none mounted",
    };
    let lacking = |controller: &&str| !hierarchies.iter().any(|hierarchy| hierarchy.has(controller));
    let missing: Vec<&str> = ["memory", "cpu", "pids"].into_iter().filter(lacking).collect();
    let found = match missing.as_slice() {
        [] => Ok(layout.into()),
        missing => Err(format!("{layout}, without {}", missing.join(", "))),
    };
    Check::new("cgroups", need, found, remedy)
}

/// Opening a filesystem type loads its module; `ENODEV` means there is none.
fn filesystem(name: &str) -> Check {
    let found = match mount::create(name, &[], MountAttrFlags::empty()) {
        Err(Errno::NODEV) => Err("the kernel does not know it".into()),
        Err(Errno::PERM) => Err("only root can tell".into()),
        // Anything else comes from a filesystem that is there and got no device.
        _ => Ok("in the kernel".into()),
    };
    let need = match name {
        "squashfs" => "to mount frozen images",
        "btrfs" => "to copy volumes in an instant",
        _ => "for files that are generated",
    };
    Check::new(name, need, found, &format!("load the module: modprobe {name}"))
}

/// A feature that btrfs names here once its module is loaded (btrfs(5)).
fn simple_quotas() -> Check {
    let found = if Path::new("/sys/fs/btrfs/features/simple_quota").exists() {
        Ok("in the kernel".into())
    } else {
        Err("btrfs cannot do it: volumes have no limits".into())
    };
    Check::new(
        "simple quotas",
        "to hold volumes to their disk limits",
        found,
        "run Linux 6.7 or newer",
    )
}

fn tool(program: &str, package: &str, need: &str) -> Check {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file());
    let found = found
        .map(|path| path.display().to_string())
        .ok_or_else(|| "not found".into());
    Check::new(program, need, found, &format!("apt install {package}"))
}

fn idmapped_squashfs() -> Check {
    Check::new(
        "idmapped squashfs",
        "one mount of an image for many containers, each with its own ids",
        idmap::squashfs()
            .map(|()| "works".into())
            .map_err(|error| error.to_string()),
        "needs Linux 6.2, mksquashfs and the loop module (modprobe loop)",
    )
}

fn nftables() -> Check {
    let found = match Command::new("nft").args(["-j", "list", "tables"]).output() {
        Ok(output) if output.status.success() => Ok("answers".into()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("cannot start nft: {error}")),
    };
    Check::new(
        "nftables",
        "to separate containers from each other",
        found,
        "apt install nftables; modprobe nf_tables",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_comes_with_the_package_that_has_it() {
        let check = tool("no-such-program", "no-such-package", "for nothing");
        assert_eq!(
            (check.ok, check.remedy.as_deref()),
            (false, Some("apt install no-such-package"))
        );
        assert!(tool("tar", "tar", "").ok);
    }

    #[test]
    fn what_is_well_needs_no_remedy() {
        for check in examine() {
            assert_eq!(check.ok, check.remedy.is_none(), "{check:?}");
        }
    }
}
