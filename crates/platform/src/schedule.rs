//! What happens by itself: automated backups of production, their end, and the removal of what nobody uses.
//!
//! One thread looks every minute. It only queues activities; what runs them is the same as for people's.

use crate::{
    Platform, PlatformError, Shared,
    catch_up::Expected,
    retention::expired,
    store::{BackupRecord, EnvironmentRecord, EnvironmentStatus, EnvironmentType},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock, Weak, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

const EVERY: Duration = Duration::from_secs(60);
/// A backup that failed is not tried again before this has passed.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);
const COLLECTION: SignedDuration = SignedDuration::from_hours(24);

/// How activities and the upkeep keep out of each other's way.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Read by activities: an image that one of them is about to use is not removed.
    pub(crate) images: RwLock<()>,
    /// Whether something was deployed since the last collection.
    pub(crate) stale: AtomicBool,
    /// Pushes that are to be told of.
    pub(crate) pushes: Expected,
}

/// What the thread remembers between two looks.
#[derive(Debug, Default)]
struct Memory {
    /// When an automated backup of an environment was last asked for.
    asked: HashMap<String, Timestamp>,
    /// When a collection was last done.
    collected: Option<Timestamp>,
}

impl Platform {
    /// Starts the thread that does what happens by itself. It ends with the platform.
    pub fn keep_schedule(&self) {
        let shared = Arc::downgrade(&self.shared);
        std::thread::spawn(move || keep(&shared));
    }

    fn look(&self, memory: &mut Memory, now: Timestamp) -> Result<(), PlatformError> {
        self.catch_up_with_overdue_pushes()?;
        for environment in self.store().all_environments()? {
            let zone = self.zone(&environment)?;
            let backups = self.backups(&environment)?;
            for backup in expired(&backups, now) {
                self.expire(backup, memory, now)?;
            }
            if self.wants_backup(&environment, &backups, now, &zone)
                && !asked_lately(memory, &environment.key(), now)
            {
                let last = newest_automated(&backups);
                let expires = self.config().retention.expires(last, now, &zone);
                memory.asked.insert(environment.key(), now);
                self.submit_backup(&environment, true, Some(format!("{expires:.0}")))?;
            }
        }
        let collected = memory.collected;
        let is_stale = self.shared.upkeep.stale.load(Ordering::Relaxed)
            || collected.is_none_or(|then| now.duration_since(then) >= COLLECTION);
        if is_stale {
            self.shared.upkeep.stale.store(false, Ordering::Relaxed);
            if self.collect()? {
                memory.collected = Some(now);
            } else {
                self.shared.upkeep.stale.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn expire(
        &self,
        backup: &BackupRecord,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<(), PlatformError> {
        let key = backup.id.to_string();
        if !asked_lately(memory, &key, now) {
            memory.asked.insert(key, now);
            self.delete_backup(backup)?;
        }
        Ok(())
    }

    /// The time zone of an environment's project.
    fn zone(&self, environment: &EnvironmentRecord) -> Result<TimeZone, PlatformError> {
        let project = self.store().project(&environment.project)?;
        let zone = project.and_then(|project| TimeZone::get(&project.timezone).ok());
        Ok(zone.unwrap_or(TimeZone::UTC))
    }

    /// Only production is backed up by itself (spec 5.4), from the first period on that begins after it was deployed.
    fn wants_backup(
        &self,
        environment: &EnvironmentRecord,
        backups: &[BackupRecord],
        now: Timestamp,
        zone: &TimeZone,
    ) -> bool {
        let deployed = environment
            .deployed_at
            .as_deref()
            .and_then(|time| time.parse().ok());
        let last = newest_automated(backups).or(deployed);
        environment.kind == EnvironmentType::Production
            && environment.status == EnvironmentStatus::Active
            && last.is_some_and(|last| self.config().retention.is_due(last, now, zone))
    }
}

fn keep(shared: &Weak<Shared>) {
    let mut memory = Memory::default();
    loop {
        std::thread::sleep(EVERY);
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = (Platform { shared }).look(&mut memory, Timestamp::now()) {
            tracing::error!(%error, "the schedule could not be kept; it is looked at again in a minute");
        }
    }
}

fn newest_automated(newest_first: &[BackupRecord]) -> Option<Timestamp> {
    let newest = newest_first.iter().find(|backup| backup.automated)?;
    newest.created_at.parse().ok()
}

fn asked_lately(memory: &Memory, what: &str, now: Timestamp) -> bool {
    let asked = memory.asked.get(what);
    asked.is_some_and(|then| now.duration_since(*then) < PATIENCE)
}
