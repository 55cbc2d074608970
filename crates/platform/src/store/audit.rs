//! Who did what: activities with their users, and all else that is worth knowing later.

use super::{Store, StoreError, now};
use guise_model::ProjectId;
use rusqlite::params;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: String,
    /// Who; `None` for guise itself.
    pub user: Option<String>,
    /// What, dotted: `environment.push`, `ssh.shell`, `user.add`.
    pub action: String,
    /// The project it was about.
    pub project: Option<String>,
    /// The environment it was about.
    pub environment: Option<String>,
    /// More of it, in words.
    pub detail: String,
}

impl Store {
    /// Records that somebody did something.
    pub fn record_audit(
        &self,
        user: &str,
        action: &str,
        target: Option<(&ProjectId, Option<&str>)>,
        detail: &str,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO audit (at, user, action, project, environment, detail) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                now(),
                user,
                action,
                target.map(|(project, _)| project.as_str()),
                target.and_then(|(_, environment)| environment),
                detail
            ],
        )?;
        Ok(())
    }

    /// What was done, newest first; by one user and in one project if named.
    pub fn audit(
        &self,
        user: Option<&str>,
        project: Option<&ProjectId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM (
                 SELECT at, user, action, project, environment, detail FROM audit
                 UNION ALL
                 SELECT created_at, user, type, project, environment, description FROM activities)
             WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR project = ?2)
             ORDER BY at DESC LIMIT ?3",
        )?;
        let records = statement
            .query_map(params![user, project.map(ProjectId::as_str), limit], |row| {
                Ok(AuditRecord {
                    at: row.get(0)?,
                    user: row.get(1)?,
                    action: row.get(2)?,
                    project: row.get(3)?,
                    environment: row.get(4)?,
                    detail: row.get(5)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{actor::on_behalf_of, store::ActivityState, store::activity_for_tests};

    #[test]
    fn activities_and_what_is_none_are_told_together_newest_first() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        store.record_audit("root", "user.add", None, "ada").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let push = activity_for_tests(ActivityState::Pending);
        on_behalf_of("ada", || store.create_activity(&push)).unwrap();
        let all = store.audit(None, None, 10).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|record| (record.user.as_deref(), record.action.as_str()))
            .collect();
        assert_eq!(
            seen,
            [(Some("ada"), "environment.push"), (Some("root"), "user.add")]
        );
        assert_eq!(store.audit(Some("root"), None, 10).unwrap().len(), 1);
    }
}
