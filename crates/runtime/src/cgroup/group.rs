//! One group: the same path in every hierarchy that matters.

use super::device;
use super::directory::{Directory, processes_below, remove_below};
use super::error::CgroupError;
use super::hierarchy::{CONTROLLERS, Hierarchy, Version};
use super::limits;
use oci_spec::runtime::LinuxResources;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A group: one directory per hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    directories: Vec<Directory>,
}

/// A group's directory in one hierarchy, as it is shown to the container.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Name of the hierarchy's mount point.
    pub name: &'a OsStr,
    /// The hierarchy's interface.
    pub version: Version,
    /// The hierarchy's controllers.
    pub controllers: &'a [String],
    /// The directory.
    pub path: &'a Path,
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Group {
    /// The group `path` (absolute, below each hierarchy's root) in those of `hierarchies` that guise uses for every container, and in
    /// those of the controllers `besides`; makes nothing.
    ///
    /// # Errors
    /// [`CgroupError::BadPath`], [`CgroupError::NoHierarchy`].
    pub fn at(hierarchies: &[Hierarchy], path: &Path, besides: &[String]) -> Result<Self, CgroupError> {
        let names = path.strip_prefix("/").unwrap_or(path);
        let harmless = names
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !harmless || names.as_os_str().is_empty() {
            return Err(CgroupError::BadPath { path: path.into() });
        }
        let has_v2 = hierarchies.iter().any(|h| h.version == Version::V2);
        let wanted = |hierarchy: &&Hierarchy| {
            hierarchy.version == Version::V2
                || CONTROLLERS.iter().any(|name| hierarchy.has(name))
                || besides.iter().any(|name| hierarchy.has(name))
                || (!has_v2 && hierarchy.has("freezer"))
        };
        let directories: Vec<Directory> = hierarchies
            .iter()
            .filter(wanted)
            .map(|hierarchy| Directory {
                hierarchy: hierarchy.clone(),
                path: hierarchy.mount.join(names),
            })
            .collect();
        if directories.is_empty() {
            return Err(CgroupError::NoHierarchy);
        }
        Ok(Self { directories })
    }

    /// This group in the hierarchies of both: it and `other` have the same path.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let missing = other
            .directories
            .iter()
            .filter(|directory| !self.directories.contains(directory));
        Self {
            directories: self.directories.iter().chain(missing).cloned().collect(),
        }
    }

    /// Its path below each hierarchy's root.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let first = self.directories.first()?;
        let below = first.path.strip_prefix(&first.hierarchy.mount).ok()?;
        Some(Path::new("/").join(below))
    }

    /// Makes the directories, as far as missing, and on v2 hands the controllers down to them.
    ///
    /// # Errors
    /// [`CgroupError::Create`], [`CgroupError::Write`].
    pub fn create(&self) -> Result<(), CgroupError> {
        for directory in &self.directories {
            directory.create()?;
        }
        Ok(())
    }

    /// Writes the limits.
    ///
    /// # Errors
    /// [`CgroupError::NoController`], [`CgroupError::Write`], [`CgroupError::FilterDevices`].
    pub fn limit(&self, resources: &LinuxResources) -> Result<(), CgroupError> {
        self.limit_devices(&device::rules(resources))?;
        let versions = [Version::V1, Version::V2];
        let mut refused = Vec::new();
        // A controller lives in one hierarchy only; the table of that hierarchy's interface counts. What neither knows cannot be done.
        let (mut written, mut homeless) = (Vec::new(), Vec::new());
        for version in versions {
            for setting in limits::settings(resources, version) {
                match self.directory_of(&setting.controller, version) {
                    Some(directory) => {
                        written.push(setting.key.clone());
                        if let Err(refusal) = directory.write_setting(&setting) {
                            refused.push((directory, setting, refusal));
                        }
                    }
                    None => homeless.push(setting),
                }
            }
        }
        // v1 takes no limit of memory above that of memory and swap, which may have been raised after it; nor the other way round.
        for (directory, setting, refusal) in refused {
            directory.write_setting(&setting).map_err(|_| refusal)?;
        }
        match homeless
            .into_iter()
            .find(|setting| !setting.optional && !written.contains(&setting.key))
        {
            Some(setting) => Err(CgroupError::NoController {
                controller: setting.controller,
                file: setting.file,
            }),
            None => Ok(()),
        }
    }

    fn limit_devices(&self, rules: &[device::Rule]) -> Result<(), CgroupError> {
        if rules.is_empty() {
            return Ok(());
        }
        if let Some(directory) = self.directory_of("devices", Version::V1) {
            return rules
                .iter()
                .try_for_each(|rule| directory.write_setting(&rule.v1()));
        }
        match self.unified() {
            Some(directory) => directory.filter_devices(&device::program(rules)),
            None => Err(CgroupError::NoController {
                controller: "devices".into(),
                file: "devices.deny".into(),
            }),
        }
    }

    /// Moves a process (all its threads) into the group.
    ///
    /// # Errors
    /// [`CgroupError::Write`]: `ESRCH`: it has ended; `ENODEV`: the group is being removed.
    pub fn add(&self, pid: i32) -> Result<(), CgroupError> {
        for directory in &self.directories {
            directory.write("cgroup.procs", &pid.to_string())?;
        }
        Ok(())
    }

    /// The processes in the group and the groups below it.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    pub fn processes(&self) -> Result<Vec<i32>, CgroupError> {
        match self.directories.iter().find(|directory| directory.path.exists()) {
            Some(directory) => processes_below(&directory.path),
            None => Ok(Vec::new()),
        }
    }

    /// Kills every process in the group, and waits until none is left.
    ///
    /// # Errors
    /// [`CgroupError::Write`], [`CgroupError::Read`].
    pub fn kill(&self) -> Result<(), CgroupError> {
        if let Some(unified) = self
            .unified()
            .filter(|unified| unified.path.join("cgroup.kill").exists())
        {
            unified.write("cgroup.kill", "1")?;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(200);
        loop {
            let processes = self.processes()?;
            if processes.is_empty() || Instant::now() > deadline {
                return Ok(());
            }
            for pid in processes {
                // A pid of a v1 group is killed by number; it cannot be reused between reading and killing unless it ended
                // meanwhile, so it is checked through a pidfd that it still belongs to the group.
                self.kill_member(pid);
            }
            // A frozen process does not die on v1 before it is thawed.
            self.thaw()?;
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    fn kill_member(&self, pid: i32) {
        let Some(number) = rustix::process::Pid::from_raw(pid) else {
            return;
        };
        let Ok(pidfd) = guise_sys::process::open(number) else {
            return;
        };
        if self.processes().is_ok_and(|members| members.contains(&pid)) {
            use std::os::fd::AsFd;
            // Already ended is as good as killed.
            let _ = guise_sys::process::send_signal(pidfd.as_fd(), 9);
        }
    }

    /// Removes the directories. They must be empty of processes; one that is gone already is fine.
    ///
    /// # Errors
    /// [`CgroupError::Remove`].
    pub fn remove(&self) -> Result<(), CgroupError> {
        let deadline = Instant::now() + PATIENCE;
        for directory in &self.directories {
            let mut pause = Duration::from_micros(200);
            while let Err(source) = remove_below(&directory.path) {
                // The kernel takes a moment to let go of a process that has ended.
                if source.kind() != ErrorKind::ResourceBusy || Instant::now() > deadline {
                    return Err(CgroupError::Remove {
                        path: directory.path.clone(),
                        source,
                    });
                }
                sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Whether any of the directories exists.
    pub fn exists(&self) -> bool {
        self.directories.iter().any(|directory| directory.path.exists())
    }

    /// The directories by controller, for `state` and for people. v2 is called `unified`, as in runc.
    pub fn paths(&self) -> Vec<(String, PathBuf)> {
        let name = |directory: &Directory| match directory.hierarchy.version {
            Version::V1 => directory.hierarchy.controllers.join(","),
            Version::V2 => "unified".into(),
        };
        self.directories
            .iter()
            .map(|directory| (name(directory), directory.path.clone()))
            .collect()
    }

    /// The directories with the names that their hierarchies have below /sys/fs/cgroup, and the names of their controllers.
    pub fn places(&self) -> impl Iterator<Item = Place<'_>> {
        self.directories.iter().map(|directory| Place {
            name: match directory.hierarchy.version {
                Version::V1 => directory.hierarchy.mount.file_name().unwrap_or_default(),
                Version::V2 => OsStr::new("unified"),
            },
            version: directory.hierarchy.version,
            controllers: &directory.hierarchy.controllers,
            path: &directory.path,
        })
    }

    pub(super) fn file(&self, controller: &str, version: Version, file: &str) -> Option<PathBuf> {
        let path = self.directory_of(controller, version)?.path.join(file);
        path.exists().then_some(path)
    }

    fn directory_of(&self, controller: &str, version: Version) -> Option<&Directory> {
        self.directories
            .iter()
            .find(|directory| directory.hierarchy.version == version && directory.hierarchy.has(controller))
    }

    pub(super) fn unified_path(&self) -> Option<&Path> {
        self.unified().map(|directory| directory.path.as_path())
    }

    fn unified(&self) -> Option<&Directory> {
        self.directories
            .iter()
            .find(|directory| directory.hierarchy.version == Version::V2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(place: &Path) -> Vec<Hierarchy> {
        let hierarchy = |name: &str, version, controllers: &[&str]| {
            let mount = place.join(name);
            std::fs::create_dir_all(&mount).unwrap();
            Hierarchy {
                mount,
                version,
                controllers: controllers.iter().map(|c| (*c).to_owned()).collect(),
            }
        };
        vec![
            hierarchy("memory", Version::V1, &["memory"]),
            hierarchy("pids", Version::V1, &["pids"]),
            hierarchy("freezer", Version::V1, &["freezer"]),
            hierarchy("systemd", Version::V1, &["name=systemd"]),
        ]
    }

    #[test]
    fn a_group_is_made_in_the_hierarchies_that_matter_and_limits_reach_the_right_one() {
        let place = tempfile::tempdir().unwrap();
        let group = Group::at(&tree(place.path()), Path::new("/guise/a"), &[]).unwrap();
        group.create().unwrap();
        let resources = serde_json::from_value(
            serde_json::json!({ "memory": { "limit": 1000 }, "pids": { "limit": 7 } }),
        )
        .unwrap();
        group.limit(&resources).unwrap();
        let limit = std::fs::read_to_string(place.path().join("memory/guise/a/memory.limit_in_bytes"));
        assert_eq!(limit.unwrap(), "1000");
        assert_eq!(
            std::fs::read_to_string(place.path().join("pids/guise/a/pids.max")).unwrap(),
            "7"
        );
        assert!(place.path().join("freezer/guise/a").is_dir());
        assert!(!place.path().join("systemd/guise").exists());
    }

    #[test]
    fn a_limit_without_its_controller_is_an_error_that_names_both() {
        let place = tempfile::tempdir().unwrap();
        let group = Group::at(&tree(place.path()), Path::new("/guise/a"), &[]).unwrap();
        group.create().unwrap();
        let resources = serde_json::from_value(serde_json::json!({ "cpu": { "shares": 5 } })).unwrap();
        let refusal = group.limit(&resources).unwrap_err().to_string();
        assert!(
            refusal.contains("cpu.shares") && refusal.contains("cpu controller"),
            "{refusal}"
        );
    }

    #[test]
    fn a_group_path_cannot_leave_the_hierarchy() {
        let place = tempfile::tempdir().unwrap();
        for path in ["/guise/../..", "/", ""] {
            let refusal = Group::at(&tree(place.path()), Path::new(path), &[]);
            assert!(matches!(refusal, Err(CgroupError::BadPath { .. })), "{path:?}");
        }
    }
}
