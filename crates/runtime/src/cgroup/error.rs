//! What can go wrong with control groups.

use guise_sys::Errno;
use std::path::PathBuf;

/// A step with a group failed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The hierarchies could not be found.
    #[error("reading the cgroup mounts from /proc/self/mountinfo: {source}")]
    Discover {
        /// Why.
        source: std::io::Error,
    },
    /// There are none.
    #[error(
        "this machine has no cgroup hierarchy mounted; mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup"
    )]
    NoHierarchy,
    /// The path of a group leaves the hierarchy.
    #[error("cgroup path {path}: only names separated by / are allowed", path = path.display())]
    BadPath {
        /// The path.
        path: PathBuf,
    },
    /// A limit needs a controller that the machine does not offer.
    #[error(
        "setting {file}: no mounted hierarchy has the {controller} controller; enable it on the kernel command line or in the hierarchy's root"
    )]
    NoController {
        /// The controller.
        controller: String,
        /// The file that would be written.
        file: String,
    },
    /// The kernel did not take the filter of devices.
    #[error("filtering the devices of cgroup {path}: {source}{}", filter_hint(*.source), path = path.display())]
    FilterDevices {
        /// The directory.
        path: PathBuf,
        /// Why; `EINVAL`: the kernel has no CONFIG_CGROUP_BPF; `EPERM`: a group above filters alone.
        source: Errno,
    },
    /// A directory could not be made.
    #[error("making cgroup {path}: {source}", path = path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("writing {value:?} to {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What.
        value: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A directory could not be removed.
    #[error("removing cgroup {path}: {source}", path = path.display())]
    Remove {
        /// The directory.
        path: PathBuf,
        /// Why; `EBUSY`: processes in it could not be killed in time.
        source: std::io::Error,
    },
    /// Freezing did not come to an end.
    #[error("freezing cgroup {path}: not all processes stopped within {seconds} s", path = path.display())]
    FreezeTimeout {
        /// The directory.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
}

fn filter_hint(source: Errno) -> &'static str {
    match source {
        Errno::INVAL | Errno::NOSYS => "; the kernel needs CONFIG_CGROUP_BPF, as Debian's have",
        Errno::PERM => {
            "; root's CAP_BPF is needed, and no group above that filters without BPF_F_ALLOW_MULTI"
        }
        _ => "",
    }
}
