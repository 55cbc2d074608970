//! Runs of crons: activities whose parameters name an app and a cron.

use super::{ActivityRecord, EnvironmentRecord, Store, StoreError, activities::record};
use guise_model::ActivityId;
use rusqlite::{OptionalExtension, params};

impl Store {
    /// The newest run of a cron.
    pub(crate) fn last_cron_run(
        &self,
        environment: &EnvironmentRecord,
        app: &str,
        cron: &str,
    ) -> Result<Option<ActivityRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM activities
             WHERE project = ? AND environment = ? AND type = 'environment.cron'
               AND parameters ->> 'app' = ? AND parameters ->> 'cron' = ?
             ORDER BY created_at DESC, rowid DESC LIMIT 1",
        )?;
        let of = params![environment.project.as_str(), environment.name, app, cron];
        Ok(statement.query_row(of, record).optional()?)
    }

    /// Deletes the activities of a cron's runs that have ended, but for the newest `keep`; answers which.
    pub(crate) fn forget_cron_runs(
        &self,
        environment: &EnvironmentRecord,
        app: &str,
        cron: &str,
        keep: u32,
    ) -> Result<Vec<ActivityId>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "DELETE FROM activities WHERE id IN (
                 SELECT id FROM activities
                 WHERE project = ? AND environment = ? AND type = 'environment.cron'
                   AND parameters ->> 'app' = ? AND parameters ->> 'cron' = ?
                   AND state IN ('complete', 'cancelled')
                 ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?)
             RETURNING id",
        )?;
        let of = params![environment.project.as_str(), environment.name, app, cron, keep];
        let ids = statement.query_map(of, |row| row.get::<_, String>(0))?;
        let ids = ids.map(|id| ActivityId::new(id?).map_err(|error| super::unreadable(Box::new(error))));
        Ok(ids.collect::<Result<_, rusqlite::Error>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random,
        store::{ActivityState, EnvironmentType, now},
    };

    #[test]
    fn old_runs_of_one_cron_are_forgotten_and_others_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("shop", "main").unwrap().id;
        let environment = store
            .create_environment(&project, "main", EnvironmentType::Production, None)
            .unwrap();
        let run = |cron: &str, ended: bool| {
            let activity = ActivityRecord {
                id: ActivityId::new(random::letters(13)).unwrap(),
                kind: "environment.cron".into(),
                project: Some(project.clone()),
                environment: Some("main".into()),
                description: "Cron".into(),
                parameters: serde_json::json!({"app": "app", "cron": cron}),
                state: ActivityState::Pending,
                success: None,
                percent: 0,
                created_at: now(),
                started_at: None,
                completed_at: None,
                cancelled_at: None,
            };
            store.create_activity(&activity).unwrap();
            if ended {
                store
                    .end_activity(&activity.id, ActivityState::Complete, true)
                    .unwrap();
            }
            activity.id
        };
        let unfinished = run("clean", false);
        let old = [run("clean", true), run("clean", true)];
        let other = run("other", true);
        let newest = run("clean", true);
        let mut forgotten = store.forget_cron_runs(&environment, "app", "clean", 1).unwrap();
        forgotten.sort();
        let mut expected = old.to_vec();
        expected.sort();
        assert_eq!(forgotten, expected);
        let last = |cron: &str| {
            store
                .last_cron_run(&environment, "app", cron)
                .unwrap()
                .unwrap()
                .id
        };
        assert_eq!((last("clean"), last("other")), (newest, other));
        assert!(store.activity(&unfinished).unwrap().is_some());
    }
}
