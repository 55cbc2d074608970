//! A group's directory in one hierarchy, and the files in it.

use super::error::CgroupError;
use super::hierarchy::{Hierarchy, Version};
use super::limits::Setting;
use guise_sys::bpf::{self, Instruction};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// A group's directory in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The hierarchy.
    pub hierarchy: Hierarchy,
    /// The directory.
    pub path: PathBuf,
}

impl Directory {
    /// Makes the directory and its parents, as far as missing.
    ///
    /// # Errors
    /// [`CgroupError::Create`], [`CgroupError::Write`].
    pub fn create(&self) -> Result<(), CgroupError> {
        let below_root = self
            .path
            .strip_prefix(&self.hierarchy.mount)
            .unwrap_or(&self.path);
        let mut parent = self.hierarchy.mount.clone();
        for name in below_root.components() {
            if self.hierarchy.version == Version::V2 {
                self.hand_down(&parent)?;
            }
            let child = parent.join(name);
            match std::fs::create_dir(&child) {
                Err(source) if source.kind() != ErrorKind::AlreadyExists => {
                    return Err(CgroupError::Create { path: child, source });
                }
                _ => {}
            }
            if self.hierarchy.version == Version::V1 && self.hierarchy.has("cpuset") {
                inherit_cpuset(&parent, &child)?;
            }
            parent = child;
        }
        Ok(())
    }

    /// A v2 group has the controllers that its parent enables in `cgroup.subtree_control`.
    fn hand_down(&self, parent: &Path) -> Result<(), CgroupError> {
        let enabled = read(&parent.join("cgroup.subtree_control"))?;
        let missing: Vec<String> = ["memory", "cpu", "pids", "cpuset", "io", "hugetlb", "rdma"]
            .iter()
            .filter(|name| self.hierarchy.has(name) && !enabled.split_whitespace().any(|on| on == **name))
            .map(|name| format!("+{name}"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        write(&parent.join("cgroup.subtree_control"), &missing.join(" "))
    }

    /// Writes a limit.
    ///
    /// # Errors
    /// [`CgroupError::Write`].
    pub fn write_setting(&self, setting: &Setting) -> Result<(), CgroupError> {
        let path = self.path.join(&setting.file);
        if setting.optional && !path.exists() {
            return Ok(());
        }
        write(&path, &setting.value)
    }

    /// Lets a program decide about the devices of a v2 group. A second one would not replace it, but be asked besides.
    ///
    /// # Errors
    /// [`CgroupError::FilterDevices`].
    pub fn filter_devices(&self, program: &[Instruction]) -> Result<(), CgroupError> {
        let open = || rustix::fs::open(&self.path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let attach = || {
            let program = bpf::load_device_program(program)?;
            bpf::attach_device_program(open()?.as_fd(), program.as_fd())
        };
        attach().map_err(|source| CgroupError::FilterDevices {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes a file of the directory.
    ///
    /// # Errors
    /// [`CgroupError::Write`].
    pub fn write(&self, file: &str, value: &str) -> Result<(), CgroupError> {
        write(&self.path.join(file), value)
    }
}

/// A new v1 cpuset has no processors and no memory nodes, and takes no process before it has.
fn inherit_cpuset(parent: &Path, child: &Path) -> Result<(), CgroupError> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if read(&child.join(file))?.trim().is_empty() {
            write(&child.join(file), read(&parent.join(file))?.trim())?;
        }
    }
    Ok(())
}

pub(super) fn processes_below(directory: &Path) -> Result<Vec<i32>, CgroupError> {
    let text = read(&directory.join("cgroup.procs"))?;
    let mut processes: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for child in children(directory) {
        processes.extend(processes_below(&child)?);
    }
    Ok(processes)
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

pub(super) fn remove_below(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(()) => return Ok(()),
        Err(_) => {}
    }
    for child in children(directory) {
        remove_below(&child)?;
    }
    std::fs::remove_dir(directory)
}

pub(super) fn read(path: &Path) -> Result<String, CgroupError> {
    match std::fs::read_to_string(path) {
        // Removed while it was read: it is empty, then.
        Err(source) if source.raw_os_error() == Some(guise_sys::Errno::NODEV.raw_os_error()) => {
            Ok(String::new())
        }
        answer => answer.map_err(|source| CgroupError::Read {
            path: path.into(),
            source,
        }),
    }
}

pub(super) fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    std::fs::write(path, value).map_err(|source| CgroupError::Write {
        path: path.into(),
        value: value.into(),
        source,
    })
}
