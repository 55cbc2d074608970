//! Activities: what was asked for, and how far it is.

use super::{EnvironmentRecord, Store, StoreError, environments::words, now};
use guise_model::{ActivityId, ProjectId};
use rusqlite::{Connection, OptionalExtension, Row, params};

words! {
    /// How far an activity is (spec 5.3).
    ActivityState {
        Pending = "pending",
        InProgress = "in_progress",
        Complete = "complete",
        Cancelled = "cancelled",
        Scheduled = "scheduled",
        Staged = "staged",
    }
}

impl ActivityState {
    /// Whether an activity gets from this state into `next`.
    ///
    /// One in progress begins again after a crash. One that waited may find, after a crash, that there is nothing left
    /// for it to do, and is complete without a beginning.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Scheduled | Self::Staged => matches!(next, Self::Pending | Self::Cancelled),
            Self::Pending | Self::InProgress => {
                matches!(next, Self::InProgress | Self::Complete | Self::Cancelled)
            }
            Self::Complete | Self::Cancelled => false,
        }
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
    /// When somebody asked for it to stop.
    pub cancelled_at: Option<String>,
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
        cancelled_at: row.get("cancelled_at")?,
    })
}

/// That an activity can get into a state. An unknown activity has none that would forbid it.
fn must_become(connection: &Connection, id: &ActivityId, to: ActivityState) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT state FROM activities WHERE id = ?")?;
    let state = statement.query_row([id.as_str()], |row| {
        ActivityState::read(&row.get::<_, String>(0)?)
    });
    match state.optional()? {
        Some(from) if !from.may_become(to) => Err(StoreError::Transition {
            activity: id.clone(),
            from,
            to,
        }),
        _ => Ok(()),
    }
}

impl Store {
    /// Records an activity that was asked for.
    pub fn create_activity(&self, activity: &ActivityRecord) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO activities
                 (id, type, project, environment, description, parameters, state, percent, created_at, user)
             VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            params![
                activity.id.as_str(),
                activity.kind,
                activity.project.as_ref().map(ProjectId::as_str),
                activity.environment,
                activity.description,
                activity.parameters.to_string(),
                activity.state.as_str(),
                activity.created_at,
                crate::actor::current(),
            ],
        )?;
        Ok(())
    }

    /// Records that an activity began.
    ///
    /// # Errors
    /// [`StoreError::Transition`] when it has ended.
    pub fn begin_activity(&self, id: &ActivityId) -> Result<(), StoreError> {
        let connection = self.connection();
        let state = ActivityState::InProgress;
        must_become(&connection, id, state)?;
        connection.execute(
            "UPDATE activities SET state = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
            params![state.as_str(), now(), id.as_str()],
        )?;
        Ok(())
    }

    /// Records that somebody asked for an activity to stop, unless that was done before.
    pub fn cancel_activity(&self, id: &ActivityId) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE activities SET cancelled_at = coalesce(cancelled_at, ?) WHERE id = ?",
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
    ///
    /// # Errors
    /// [`StoreError::Transition`] when it has ended before.
    pub fn end_activity(
        &self,
        id: &ActivityId,
        state: ActivityState,
        success: bool,
    ) -> Result<(), StoreError> {
        let result = if success { "success" } else { "failure" };
        let connection = self.connection();
        must_become(&connection, id, state)?;
        connection.execute(
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
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random;

    /// An activity that was just asked for.
    pub(crate) fn activity(state: ActivityState) -> ActivityRecord {
        ActivityRecord {
            id: ActivityId::new(random::letters(13)).unwrap(),
            kind: "environment.push".into(),
            project: None,
            environment: Some("main".into()),
            description: "Push".into(),
            parameters: serde_json::json!({"commit": "c0ffee"}),
            state,
            success: None,
            percent: 0,
            created_at: now(),
            started_at: None,
            completed_at: None,
            cancelled_at: None,
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        (directory, store)
    }

    #[test]
    fn an_activity_that_did_not_end_is_found_again() {
        let (_directory, store) = store();
        let activity = activity(ActivityState::Pending);
        store.create_activity(&activity).unwrap();
        assert_eq!(store.unfinished_activities().unwrap(), vec![activity.clone()]);
        store.begin_activity(&activity.id).unwrap();
        assert_eq!(
            store.unfinished_activities().unwrap()[0].state,
            ActivityState::InProgress
        );
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

    #[test]
    fn an_activity_gets_into_no_state_but_those_that_follow_its_own() {
        use ActivityState::{Cancelled, Complete, InProgress, Pending, Scheduled, Staged};
        let table = [
            (Scheduled, &[Pending, Cancelled][..]),
            (Staged, &[Pending, Cancelled]),
            (Pending, &[InProgress, Complete, Cancelled]),
            (InProgress, &[InProgress, Complete, Cancelled]),
            (Complete, &[]),
            (Cancelled, &[]),
        ];
        let (_directory, store) = store();
        for (from, follow) in table {
            for (to, _) in table {
                let activity = activity(from);
                store.create_activity(&activity).unwrap();
                let recorded = match to {
                    InProgress => store.begin_activity(&activity.id),
                    _ => store.end_activity(&activity.id, to, false),
                };
                assert_eq!(recorded.is_ok(), follow.contains(&to), "{from:?} to {to:?}");
                let state = store.activity(&activity.id).unwrap().unwrap().state;
                assert_eq!(state, if recorded.is_ok() { to } else { from });
            }
        }
    }

    #[test]
    fn the_first_who_cancels_is_remembered() {
        let (_directory, store) = store();
        let activity = activity(ActivityState::Pending);
        store.create_activity(&activity).unwrap();
        let cancelled_at = || store.activity(&activity.id).unwrap().unwrap().cancelled_at;
        assert_eq!(cancelled_at(), None);
        store.cancel_activity(&activity.id).unwrap();
        let first = cancelled_at().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        store.cancel_activity(&activity.id).unwrap();
        assert_eq!(cancelled_at(), Some(first));
    }
}
