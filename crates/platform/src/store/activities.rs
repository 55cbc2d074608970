//! Activities and their journal of steps.

use super::{EnvironmentRecord, Store, StoreError, environments::words, now};
use guise_model::{ActivityId, ProjectId};
use rusqlite::{OptionalExtension, Row, params};

words! {
    /// How far an activity is (spec 5.3).
    ActivityState {
        Pending = "pending",
        InProgress = "in_progress",
        Complete = "complete",
        Cancelled = "cancelled",
    }
}

/// An activity as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityRecord {
    /// Its id.
    pub id: ActivityId,
    /// Its type: `environment.push`.
    pub kind: String,
    /// The project it belongs to.
    pub project: Option<ProjectId>,
    /// The environment it changes.
    pub environment: Option<String>,
    /// One line that says what it is.
    pub description: String,
    /// What it needs to run (or to run again after a crash), as JSON.
    pub parameters: serde_json::Value,
    /// How far it is.
    pub state: ActivityState,
    /// Whether it succeeded, once complete.
    pub success: Option<bool>,
    /// What is done of it, 0 to 100.
    pub percent: u8,
    /// When it was asked for.
    pub created_at: String,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
}

impl ActivityRecord {
    /// Whether it belongs to this environment.
    pub(crate) fn is_of(&self, environment: &EnvironmentRecord) -> bool {
        self.project.as_ref() == Some(&environment.project)
            && self.environment.as_ref() == Some(&environment.name)
    }
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<ActivityRecord> {
    let refused = |error: guise_model::InvalidId| super::unreadable(Box::new(error));
    let parameters: String = row.get("parameters")?;
    Ok(ActivityRecord {
        id: ActivityId::new(row.get::<_, String>("id")?).map_err(refused)?,
        kind: row.get("type")?,
        project: row
            .get::<_, Option<String>>("project")?
            .map(ProjectId::new)
            .transpose()
            .map_err(refused)?,
        environment: row.get("environment")?,
        description: row.get("description")?,
        parameters: serde_json::from_str(&parameters).map_err(|error| super::unreadable(Box::new(error)))?,
        state: ActivityState::read(&row.get::<_, String>("state")?)?,
        success: row
            .get::<_, Option<String>>("result")?
            .map(|result| result == "success"),
        percent: row.get("percent")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
    })
}

impl Store {
    /// Records an activity that was asked for.
    pub fn create_activity(&self, activity: &ActivityRecord) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO activities
                 (id, type, project, environment, description, parameters, state, percent, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
            params![
                activity.id.as_str(),
                activity.kind,
                activity.project.as_ref().map(ProjectId::as_str),
                activity.environment,
                activity.description,
                activity.parameters.to_string(),
                activity.state.as_str(),
                activity.created_at,
            ],
        )?;
        Ok(())
    }

    /// Records that an activity began.
    pub fn begin_activity(&self, id: &ActivityId) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE activities SET state = 'in_progress', started_at = coalesce(started_at, ?) WHERE id = ?",
            params![now(), id.as_str()],
        )?;
        Ok(())
    }

    /// Records what is done of an activity, in percent.
    pub fn advance_activity(&self, id: &ActivityId, percent: u8) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE activities SET percent = ? WHERE id = ?",
            params![percent, id.as_str()],
        )?;
        Ok(())
    }

    /// Records how an activity ended.
    pub fn end_activity(
        &self,
        id: &ActivityId,
        state: ActivityState,
        success: bool,
    ) -> Result<(), StoreError> {
        let result = if success { "success" } else { "failure" };
        self.connection().execute(
            "UPDATE activities SET state = ?, result = ?, completed_at = ?,
                    percent = CASE WHEN ?2 = 'success' THEN 100 ELSE percent END
             WHERE id = ?",
            params![state.as_str(), result, now(), id.as_str()],
        )?;
        Ok(())
    }

    /// One activity.
    pub fn activity(&self, id: &ActivityId) -> Result<Option<ActivityRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM activities WHERE id = ?")?;
        Ok(statement.query_row([id.as_str()], record).optional()?)
    }

    /// Activities, newest first; of one project, environment and of some types (separated by commas) if named.
    pub fn activities(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
        types: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ActivityRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM activities
             WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR environment = ?2)
                 AND (?3 IS NULL OR instr(',' || ?3 || ',', ',' || type || ',') > 0)
             ORDER BY created_at DESC, rowid DESC LIMIT ?4",
        )?;
        let activities = statement
            .query_map(
                params![project.map(ProjectId::as_str), environment, types, limit],
                record,
            )?
            .collect::<Result<_, _>>()?;
        Ok(activities)
    }

    /// Activities that a stopped daemon left pending or in progress, oldest first.
    pub fn unfinished_activities(&self) -> Result<Vec<ActivityRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM activities WHERE state IN ('pending', 'in_progress') ORDER BY created_at, rowid",
        )?;
        let activities = statement.query_map([], record)?.collect::<Result<_, _>>()?;
        Ok(activities)
    }

    /// Whether an activity since the environment was made was asked to deploy a commit of its branch, or began to
    /// build it.
    pub fn has_activity_about(
        &self,
        project: &ProjectId,
        environment: &str,
        commit: &str,
    ) -> Result<bool, StoreError> {
        Ok(self.connection().query_row(
            "SELECT EXISTS (
                 SELECT 1 FROM activities JOIN environments
                     ON environments.project = activities.project AND environments.name = environment
                 WHERE activities.project = ?1 AND environment = ?2
                     AND activities.type <> 'environment.plan'
                     AND activities.created_at >= environments.created_at
                     AND (parameters ->> 'commit' = ?3
                         OR EXISTS (SELECT 1 FROM steps WHERE activity = id AND step ->> 'commit' = ?3)))",
            params![project.as_str(), environment, commit],
            |row| row.get(0),
        )?)
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn an_activity_that_did_not_end_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let activity = ActivityRecord {
            id: ActivityId::new(random::letters(13)).unwrap(),
            kind: "environment.push".into(),
            project: None,
            environment: Some("main".into()),
            description: "Push".into(),
            parameters: serde_json::json!({"commit": "c0ffee"}),
            state: ActivityState::Pending,
            success: None,
            percent: 0,
            created_at: now(),
            started_at: None,
            completed_at: None,
        };
        store.create_activity(&activity).unwrap();
        assert_eq!(store.unfinished_activities().unwrap(), vec![activity.clone()]);
        store.begin_activity(&activity.id).unwrap();
        store.begin_step(&activity.id, 1, "{}").unwrap();
        assert_eq!(
            store.unfinished_activities().unwrap()[0].state,
            ActivityState::InProgress
        );
        store.end_step(&activity.id, 1).unwrap();
        store
            .end_activity(&activity.id, ActivityState::Complete, true)
            .unwrap();
        assert!(store.unfinished_activities().unwrap().is_empty());
        let ended = store.activity(&activity.id).unwrap().unwrap();
        assert_eq!((ended.success, ended.percent), (Some(true), 100));
        let of = |types| store.activities(None, Some("main"), types, 10).unwrap().len();
        assert_eq!(of(None), 1);
        assert_eq!(of(Some("environment.cron,environment.push")), 1);
        assert_eq!(of(Some("environment.cron")), 0);
    }
}
