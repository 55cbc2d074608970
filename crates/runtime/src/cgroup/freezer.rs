//! Stopping all processes of a group at once, and letting them go on.

use super::directory::{read, write};
use super::error::CgroupError;
use super::group::Group;
use super::hierarchy::Version;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATIENCE_SECONDS: u64 = 10;

impl Group {
    /// Stops every process of the group, and returns when all stand still. On a timeout they are let go again.
    ///
    /// # Errors
    /// [`CgroupError::FreezeTimeout`], [`CgroupError::Write`], [`CgroupError::Read`].
    pub fn freeze(&self) -> Result<(), CgroupError> {
        if let Some(path) = self
            .unified_path()
            .map(|directory| directory.join("cgroup.freeze"))
        {
            write(&path, "1")?;
            let events = path.with_file_name("cgroup.events");
            return self.await_frozen(&path, || {
                Ok(read(&events)?.lines().any(|line| line == "frozen 1"))
            });
        }
        let Some(path) = self.file("freezer", Version::V1, "freezer.state") else {
            return Ok(());
        };
        self.await_frozen(&path, || {
            // v1 may stay FREEZING when a process forks meanwhile, until it is told again (kernel: freezer-subsystem.txt).
            write(&path, "FROZEN")?;
            Ok(read(&path)?.trim() == "FROZEN")
        })
    }

    fn await_frozen(
        &self,
        path: &Path,
        frozen: impl Fn() -> Result<bool, CgroupError>,
    ) -> Result<(), CgroupError> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_SECONDS);
        while !frozen()? {
            if Instant::now() > deadline {
                self.thaw()?;
                return Err(CgroupError::FreezeTimeout {
                    path: path.into(),
                    seconds: PATIENCE_SECONDS,
                });
            }
            sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// [`CgroupError::Write`].
    pub fn thaw(&self) -> Result<(), CgroupError> {
        if let Some(path) = self
            .unified_path()
            .map(|directory| directory.join("cgroup.freeze"))
        {
            return if path.exists() { write(&path, "0") } else { Ok(()) };
        }
        match self.file("freezer", Version::V1, "freezer.state") {
            Some(path) => write(&path, "THAWED"),
            None => Ok(()),
        }
    }

    /// Whether the group is frozen now.
    pub fn is_frozen(&self) -> bool {
        let (path, frozen) = match self.unified_path() {
            Some(directory) => (Some(directory.join("cgroup.freeze")), "1"),
            None => (self.file("freezer", Version::V1, "freezer.state"), "FROZEN"),
        };
        path.and_then(|path| read(&path).ok())
            .is_some_and(|state| state.trim() == frozen)
    }
}
