//! The journal: the steps of activities, each with its beginning and its end.

use super::{Store, StoreError, now, unreadable};
use guise_model::ActivityId;
use rusqlite::params;

/// A step of an activity as it is journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Its number, from 1 on.
    pub number: u32,
    /// What it is, as JSON: its name is `step`, the others say what it works on.
    pub step: serde_json::Value,
    /// When it began.
    pub started_at: String,
    /// When it had done its work; `None` of one that goes on, or has failed.
    pub completed_at: Option<String>,
}

impl Store {
    /// Journals that an activity begins a step. `step` is its JSON. A run after a crash overwrites its old journal.
    pub fn begin_step(&self, activity: &ActivityId, number: u32, step: &str) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT OR REPLACE INTO steps (activity, number, step, started_at) VALUES (?, ?, ?, ?)",
            params![activity.as_str(), number, step, now()],
        )?;
        Ok(())
    }

    /// Journals that an activity's step is done.
    pub fn end_step(&self, activity: &ActivityId, number: u32) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE steps SET completed_at = ? WHERE activity = ? AND number = ?",
            params![now(), activity.as_str(), number],
        )?;
        Ok(())
    }

    /// The steps of an activity, in order. Of one that was run again after a crash, those of its last run: a shorter
    /// one leaves the last steps of the former in the journal.
    pub fn steps(&self, activity: &ActivityId) -> Result<Vec<StepRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT number, step, started_at, completed_at FROM steps
             WHERE activity = ?1
                 AND started_at >= (SELECT started_at FROM steps WHERE activity = ?1 AND number = 1)
             ORDER BY number",
        )?;
        let steps = statement.query_map([activity.as_str()], |row| {
            let step: String = row.get("step")?;
            Ok(StepRecord {
                number: row.get("number")?,
                step: serde_json::from_str(&step).map_err(|error| unreadable(Box::new(error)))?,
                started_at: row.get("started_at")?,
                completed_at: row.get("completed_at")?,
            })
        })?;
        Ok(steps.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ActivityState, activities::tests::activity};
    use std::{thread::sleep, time::Duration};

    #[test]
    fn the_journal_of_a_second_run_has_no_steps_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let activity = activity(ActivityState::Pending);
        store.create_activity(&activity).unwrap();
        let run = |names: &[&str]| {
            for (number, name) in (1..).zip(names) {
                let step = format!(r#"{{"step":"{name}"}}"#);
                store.begin_step(&activity.id, number, &step).unwrap();
                sleep(Duration::from_millis(2));
            }
        };
        run(&["build", "hold", "swap_app"]);
        run(&["build", "record"]);
        store.end_step(&activity.id, 1).unwrap();
        let steps = store.steps(&activity.id).unwrap();
        let names: Vec<_> = steps.iter().map(|step| step.step["step"].as_str()).collect();
        assert_eq!(names, [Some("build"), Some("record")]);
        assert!(steps[0].completed_at.is_some() && steps[1].completed_at.is_none());
    }
}
