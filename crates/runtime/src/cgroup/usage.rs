//! What a group uses now.

use super::directory::read;
use super::error::CgroupError;
use super::group::Group;
use super::hierarchy::Version;
use std::path::Path;

/// What a group uses now; 0 where the kernel does not count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Memory, page cache included, in bytes.
    pub memory_bytes: u64,
    /// Processor time since it was made, in microseconds.
    pub cpu_usec: u64,
    /// Processes and threads.
    pub pids: u64,
}

impl Group {
    /// Reads the group's use.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    pub fn usage(&self) -> Result<Usage, CgroupError> {
        let first = |choices: &[(&str, Version, &str)]| {
            choices
                .iter()
                .find_map(|(controller, version, file)| self.file(controller, *version, file))
        };
        let memory = first(&[
            ("memory", Version::V1, "memory.usage_in_bytes"),
            ("memory", Version::V2, "memory.current"),
        ]);
        let pids = first(&[
            ("pids", Version::V1, "pids.current"),
            ("pids", Version::V2, "pids.current"),
        ]);
        Ok(Usage {
            memory_bytes: memory.map_or(Ok(0), |path| number(&path))?,
            cpu_usec: self.cpu_usec()?,
            pids: pids.map_or(Ok(0), |path| number(&path))?,
        })
    }

    /// How many of its processes the kernel has killed for memory.
    ///
    /// # Errors
    /// [`CgroupError::Read`].
    pub fn memory_kills(&self) -> Result<u64, CgroupError> {
        let counter = self
            .file("memory", Version::V1, "memory.oom_control")
            .or_else(|| self.file("memory", Version::V2, "memory.events"));
        let Some(path) = counter else { return Ok(0) };
        let text = read(&path)?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        Ok(count.and_then(|count| count.trim().parse().ok()).unwrap_or(0))
    }

    fn cpu_usec(&self) -> Result<u64, CgroupError> {
        if let Some(nanoseconds) = self.file("cpuacct", Version::V1, "cpuacct.usage") {
            return Ok(number(&nanoseconds)? / 1_000);
        }
        // `cpu.stat` is there in every v2 group, with or without the cpu controller.
        let Some(path) = self.unified_path().map(|directory| directory.join("cpu.stat")) else {
            return Ok(0);
        };
        let stat = read(&path)?;
        let usec = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        Ok(usec.and_then(|value| value.trim().parse().ok()).unwrap_or(0))
    }
}

fn number(path: &Path) -> Result<u64, CgroupError> {
    Ok(read(path)?.trim().parse().unwrap_or(0))
}
