//! The thread that looks at each minute which crons are due.

use super::{runs_crons, timetable};
use crate::{Platform, PlatformError, Shared};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashMap, sync::Weak, time::Duration};

/// What the thread remembers between two looks.
#[derive(Debug)]
struct Memory {
    /// The moment of the last look: what was due until then is done.
    looked: Timestamp,
    /// For which moment a cron was last started, by its identity.
    started: HashMap<String, Timestamp>,
}

impl Platform {
    /// Starts the thread that runs crons when they are due. It ends with the platform. What was due while no daemon
    /// ran is left out.
    pub fn run_crons(&self) {
        let shared = std::sync::Arc::downgrade(&self.shared);
        std::thread::spawn(move || keep(&shared));
    }

    fn start_due_crons(&self, memory: &mut Memory, now: Timestamp) -> Result<(), PlatformError> {
        // A clock that was set back makes nothing due again.
        let since = memory.looked.min(now);
        let minimum = SignedDuration::from_mins(self.config().crons.minimum_minutes.into());
        memory.looked = now;
        for environment in self.store().all_environments()? {
            if !runs_crons(&environment, self.config().crons.pause_after_days, now) {
                continue;
            }
            for (app, crons) in self.deployed_crons(&environment)? {
                for cron in &crons.jobs {
                    let timetable = timetable(&environment, &app, cron, crons.timezone.as_deref());
                    let due = timetable.and_then(|timetable| timetable.next(since));
                    let identity = format!("{}/{app}/{}", environment.key(), cron.name);
                    let Some(due) =
                        due.filter(|due| *due <= now && memory.may_start(&identity, *due, minimum))
                    else {
                        continue;
                    };
                    memory.started.insert(identity, due);
                    self.submit_cron(&environment, &app, &cron.name)?;
                }
            }
        }
        Ok(())
    }
}

impl Memory {
    /// Whether the last start of a cron is far enough away: in the past, or ahead of a clock that was set back.
    fn may_start(&self, identity: &str, due: Timestamp, minimum: SignedDuration) -> bool {
        let started = self.started.get(identity);
        started.is_none_or(|started| due.duration_since(*started).abs() >= minimum)
    }
}

fn keep(shared: &Weak<Shared>) {
    let mut memory = Memory {
        looked: Timestamp::now(),
        started: HashMap::new(),
    };
    loop {
        std::thread::sleep(until_next_minute(Timestamp::now()));
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = (Platform { shared }).start_due_crons(&mut memory, Timestamp::now()) {
            tracing::error!(%error, "crons that are due could not be started");
        }
    }
}

/// A little more, so that the minute has begun by any rounding.
fn until_next_minute(now: Timestamp) -> Duration {
    const MINUTE: i64 = 60_000;
    let into_minute = now.as_millisecond().rem_euclid(MINUTE);
    Duration::from_millis((MINUTE - into_minute).unsigned_abs() + 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cron_that_is_due_too_often_is_left_out_meanwhile() {
        let at = |time: &str| -> Timestamp { time.parse().unwrap() };
        let mut memory = Memory {
            looked: at("2026-11-24T10:00:00Z"),
            started: HashMap::new(),
        };
        let five = SignedDuration::from_mins(5);
        assert!(memory.may_start("clean", at("2026-11-24T10:00:00Z"), five));
        memory.started.insert("clean".into(), at("2026-11-24T10:00:00Z"));
        assert!(!memory.may_start("clean", at("2026-11-24T10:04:00Z"), five));
        assert!(memory.may_start("clean", at("2026-11-24T10:05:00Z"), five));
        assert!(memory.may_start("other", at("2026-11-24T10:04:00Z"), five));
    }

    #[test]
    fn the_next_look_is_just_after_the_minute_begins() {
        let until = |time: &str| until_next_minute(time.parse().unwrap());
        assert_eq!(until("2026-11-24T10:00:00Z"), Duration::from_millis(60_005));
        assert_eq!(until("2026-11-24T10:00:59.9Z"), Duration::from_millis(105));
        assert_eq!(until("1969-12-31T23:59:59.9Z"), Duration::from_millis(105));
    }
}
