//! Disk: what each volume uses of its limit, and that the pool has room.

use crate::{Platform, PlatformError, activity::Report, store::EnvironmentRecord};
use guise_model::{ProjectId, VolumeId};
use guise_node::{Growth, NodeError, Room, VolumeUse};
use std::{collections::BTreeMap, thread, time::Duration};

/// What the host keeps for itself when the pool grows, in bytes.
const HOST_RESERVE: u64 = 5_000_000_000;
/// How often the pool is looked at: what is free when it grows is more than most disks write meanwhile.
const LOOK: Duration = Duration::from_secs(10);
/// A volume this full is worth a warning.
const NEARLY_FULL_PERCENT: u64 = 90;

/// What everything uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskView {
    /// Volumes that belong to a component.
    pub volumes: Vec<VolumeView>,
    /// The pool and the host around it.
    pub room: Room,
    /// Whether the kernel holds volumes to their limits.
    pub limits_hold: bool,
}

/// A volume, whose it is, and what it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeView {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: String,
    /// The app, worker or service.
    pub component: String,
    /// The volume.
    pub volume: VolumeId,
    /// What it uses. What a branch shares with its parent counts for the parent.
    pub used: VolumeUse,
}

impl VolumeView {
    /// How much of its limit it uses, in percent; `None` when it has none.
    pub fn percent(&self) -> Option<u64> {
        let limit = self.used.limit_bytes.filter(|limit| *limit > 0)?;
        Some(self.used.used_bytes.saturating_mul(100) / limit)
    }

    /// Whether it is worth a warning.
    pub fn is_nearly_full(&self) -> bool {
        self.percent()
            .is_some_and(|percent| percent >= NEARLY_FULL_PERCENT)
    }

    fn warning(&self) -> String {
        format!(
            "W: the volume of {} is {} % full ({} of {} MB): delete data in it, or raise `disk` and push",
            self.component,
            self.percent().unwrap_or_default(),
            self.used.used_bytes / 1_000_000,
            self.used.limit_bytes.unwrap_or_default() / 1_000_000,
        )
    }
}

impl Platform {
    /// What the volumes of everything, of a project, or of one of its environments use.
    ///
    /// # Errors
    /// When the database or the pool cannot be read.
    pub fn disk(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<DiskView, PlatformError> {
        let uses = self.node().volume_uses()?;
        let mut volumes = Vec::new();
        for owned in self.store().owned_volumes(project, environment)? {
            // A volume gets its owner before it is made.
            let Some(used) = uses.get(&owned.volume).copied() else {
                continue;
            };
            volumes.push(VolumeView {
                project: owned.project,
                environment: owned.environment,
                component: owned.component,
                volume: owned.volume,
                used,
            });
        }
        Ok(DiskView {
            volumes,
            room: self.node().room()?,
            limits_hold: self.node().limits_volumes(),
        })
    }

    /// Makes room before an environment is changed, and warns of what is running out. No room is no failure yet: what
    /// needs it will say so.
    pub(crate) fn look_at_disk(&self, environment: &EnvironmentRecord, report: &Report) {
        match self.make_room() {
            Ok(Some(line)) => report.line(&line),
            Ok(None) => {}
            Err(error) => report.line(&format!("W: {error}")),
        }
        match self.disk(Some(&environment.project), Some(&environment.name)) {
            Ok(disk) => {
                for volume in disk.volumes.iter().filter(|volume| volume.is_nearly_full()) {
                    report.line(&volume.warning());
                }
            }
            Err(error) => report.line(&format!("W: {error}")),
        }
    }

    /// Warns where `disk` is only a number.
    pub(crate) fn say_whether_limits_hold(&self, report: &Report) {
        if !self.node().limits_volumes() {
            report.line("W: this kernel cannot limit volumes (Linux 6.7 can): `disk` is not enforced");
        }
    }

    /// The limits of all volumes, in bytes; none where the kernel has none.
    pub(crate) fn limits(&self) -> Result<BTreeMap<VolumeId, Option<u64>>, PlatformError> {
        if !self.node().limits_volumes() {
            return Ok(BTreeMap::new());
        }
        let uses = self.node().volume_uses()?.into_iter();
        Ok(uses.map(|(volume, used)| (volume, used.limit_bytes)).collect())
    }

    /// Lets the pool grow whenever it is nearly full, for as long as the daemon runs.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn watch_pool(&self) -> std::io::Result<()> {
        let platform = self.clone();
        let watch = move || {
            let mut said = None;
            loop {
                let line = platform
                    .make_room()
                    .unwrap_or_else(|error| Some(error.to_string()));
                // A lack stays for long, and is told once.
                if line.is_some() && line != said {
                    tracing::warn!("{}", line.as_deref().unwrap_or_default());
                }
                said = line;
                thread::sleep(LOOK);
            }
        };
        thread::Builder::new().name("pool".into()).spawn(watch).map(drop)
    }

    /// Enlarges the pool if it must be; says what there is to say about it.
    fn make_room(&self) -> Result<Option<String>, NodeError> {
        let growth = self.node().grow_pool_if_needed(HOST_RESERVE)?;
        Ok(in_words(growth))
    }
}

/// What to say of a volume that holds as much as its limit or more.
pub(crate) fn beyond_limit(component: &str, used: VolumeUse) -> Option<String> {
    let limit = used.limit_bytes.filter(|limit| used.used_bytes >= *limit)?;
    let (used, limit) = (used.used_bytes / 1_000_000, limit / 1_000_000);
    Some(format!(
        "W: the volume of {component} holds {used} MB, which is not less than its limit of {limit} MB: it cannot be \
         written to until data is deleted or `disk` is raised"
    ))
}

fn in_words(growth: Growth) -> Option<String> {
    match growth {
        Growth::NotNeeded => None,
        Growth::Grown(bytes) => Some(format!("The data pool grew by {} GB.", gigabytes(bytes))),
        Growth::Scarce(room) => Some(format!(
            "W: the data pool has {} GB left and its host {} GB, which is too little to grow: free some there; a full \
             pool stops whatever writes",
            gigabytes(room.free_bytes),
            gigabytes(room.host_free_bytes),
        )),
    }
}

fn gigabytes(bytes: u64) -> String {
    // A tenth of a gigabyte is all that anybody wants to know.
    let tenths = bytes / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(used_bytes: u64, limit_bytes: Option<u64>) -> VolumeView {
        VolumeView {
            project: "abcdefgh12345".parse().unwrap(),
            environment: "main".into(),
            component: "db".into(),
            volume: "data-x".parse().unwrap(),
            used: VolumeUse {
                used_bytes,
                limit_bytes,
            },
        }
    }

    #[test]
    fn a_volume_is_nearly_full_at_nine_tenths_of_its_limit() {
        assert!(!volume(899, Some(1000)).is_nearly_full());
        assert!(volume(900, Some(1000)).is_nearly_full());
        assert!(!volume(900, None).is_nearly_full());
        assert!(
            !volume(900, Some(0)).is_nearly_full(),
            "0 is what no quota looks like"
        );
    }

    #[test]
    fn a_limit_below_what_is_there_is_a_warning() {
        let beyond = |limit| beyond_limit("db", volume(300_000_000, limit).used);
        assert_eq!(beyond(Some(512_000_000)), None);
        assert_eq!(beyond(None), None);
        assert!(
            beyond(Some(256_000_000))
                .unwrap()
                .starts_with("W: the volume of db holds 300 MB, which is not less than its limit of 256 MB")
        );
    }

    #[test]
    fn warnings_say_what_to_do() {
        assert_eq!(
            volume(950_000_000, Some(1_000_000_000)).warning(),
            "W: the volume of db is 95 % full (950 of 1000 MB): delete data in it, or raise `disk` and push"
        );
        let room = Room {
            total_bytes: 20_000_000_000,
            used_bytes: 18_000_000_000,
            free_bytes: 1_200_000_000,
            host_free_bytes: 5_000_000_000,
        };
        let warning = in_words(Growth::Scarce(room)).unwrap();
        assert!(
            warning.starts_with("W: the data pool has 1.2 GB left and its host 5.0 GB"),
            "{warning}"
        );
        assert_eq!(in_words(Growth::NotNeeded), None);
    }
}
