//! Environments.

use super::{Store, StoreError, now};
use crate::{machine_name::machine_name, strategy::Strategy};
use guise_access::HttpAccess;
use guise_model::{DeploymentId, ProjectId};
use rusqlite::{OptionalExtension, Row, ToSql, params};

/// An environment as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentRecord {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its branch.
    pub name: String,
    /// What people call it; empty for its branch's name.
    pub title: String,
    /// Its name in URLs.
    pub machine_name: String,
    /// Production, staging or development.
    pub kind: EnvironmentType,
    /// Whether it runs.
    pub status: EnvironmentStatus,
    /// The environment it was branched from.
    pub parent: Option<String>,
    /// The commit last deployed.
    pub head_commit: Option<String>,
    /// The deployment that runs.
    pub deployment: Option<DeploymentId>,
    /// When it was deployed.
    pub deployed_at: Option<String>,
    /// Whether search engines are asked to stay away.
    pub restrict_robots: bool,
    /// Who may see it; `None` for what its parent says.
    pub http_access: Option<HttpAccess>,
    /// Whether it may send mail; `None` for what its type says.
    pub enable_smtp: Option<bool>,
    /// Whether it sleeps: it is active, and nothing of it runs until somebody asks for it.
    pub asleep: bool,
    /// After how long without a visitor it sleeps; `None` for what its type says.
    pub sleep_after: Option<String>,
    /// Whether its activation clones its parent's data.
    pub clone_parent_on_create: bool,
    /// How it is deployed unless a deployment says otherwise.
    pub strategy: Strategy,
}

impl EnvironmentRecord {
    /// Whether it may send mail: production may unless it is said otherwise, others may not (spec 5.1).
    pub fn sends_mail(&self) -> bool {
        self.enable_smtp
            .unwrap_or(self.kind == EnvironmentType::Production)
    }

    /// The key under which the edge and the queue know it: `project/branch`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a stored word.
            pub(super) fn read(word: &str) -> rusqlite::Result<Self> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    other => Err(super::unreadable(
                        format!("{:?} is no {}", other, stringify!($name)).into(),
                    )),
                }
            }
        }
    };
}
pub(super) use words;

words! {
    /// Production, staging or development (spec 5.1).
    EnvironmentType { Production = "production", Staging = "staging", Development = "development" }
}

words! {
    /// Whether an environment runs (spec 5.1).
    EnvironmentStatus { Active = "active", Inactive = "inactive", Paused = "paused", Deleting = "deleting" }
}

fn record(row: &Row<'_>) -> rusqlite::Result<EnvironmentRecord> {
    let refused = |error: guise_model::InvalidId| super::unreadable(Box::new(error));
    Ok(EnvironmentRecord {
        project: ProjectId::new(row.get::<_, String>("project")?).map_err(refused)?,
        name: row.get("name")?,
        title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
        machine_name: row.get("machine_name")?,
        kind: EnvironmentType::read(&row.get::<_, String>("type")?)?,
        status: EnvironmentStatus::read(&row.get::<_, String>("status")?)?,
        parent: row.get("parent")?,
        head_commit: row.get("head_commit")?,
        deployment: row
            .get::<_, Option<String>>("deployment")?
            .map(DeploymentId::new)
            .transpose()
            .map_err(refused)?,
        deployed_at: row.get("deployed_at")?,
        restrict_robots: row.get("restrict_robots")?,
        http_access: row
            .get::<_, Option<String>>("http_access")?
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| super::unreadable(Box::new(error)))?,
        enable_smtp: row.get("enable_smtp")?,
        asleep: row.get("asleep")?,
        sleep_after: row.get("sleep_after")?,
        clone_parent_on_create: row.get("clone_parent_on_create")?,
        strategy: Strategy::find(&row.get::<_, String>("deployment_strategy")?).unwrap_or_default(),
    })
}

impl Store {
    /// Makes an environment, inactive; an existing one is left as it is.
    pub fn create_environment(
        &self,
        project: &ProjectId,
        name: &str,
        kind: EnvironmentType,
        parent: Option<&str>,
    ) -> Result<EnvironmentRecord, StoreError> {
        let connection = self.connection();
        connection.execute(
            "INSERT OR IGNORE INTO environments (project, name, machine_name, type, status, parent, created_at)
             VALUES (?, ?, ?, ?, 'inactive', ?, ?)",
            params![project.as_str(), name, machine_name(name), kind.as_str(), parent, now()],
        )?;
        Ok(connection.query_row(
            "SELECT * FROM environments WHERE project = ? AND name = ?",
            params![project.as_str(), name],
            record,
        )?)
    }

    /// One environment.
    pub fn environment(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> Result<Option<EnvironmentRecord>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT * FROM environments WHERE project = ? AND name = ?")?;
        Ok(statement
            .query_row(params![project.as_str(), name], record)
            .optional()?)
    }

    /// A project's environments, oldest first.
    pub fn environments(&self, project: &ProjectId) -> Result<Vec<EnvironmentRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT * FROM environments WHERE project = ? ORDER BY created_at, name")?;
        let environments = statement
            .query_map([project.as_str()], record)?
            .collect::<Result<_, _>>()?;
        Ok(environments)
    }

    /// Every environment of every project.
    pub fn all_environments(&self) -> Result<Vec<EnvironmentRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM environments ORDER BY project, name")?;
        let environments = statement.query_map([], record)?.collect::<Result<_, _>>()?;
        Ok(environments)
    }

    /// Sets one column that people may change.
    pub(crate) fn set_environment_column(
        &self,
        environment: &EnvironmentRecord,
        column: &'static str,
        value: Option<&dyn ToSql>,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            &format!("UPDATE environments SET {column} = ? WHERE project = ? AND name = ?"),
            params![value, environment.project.as_str(), environment.name],
        )?;
        Ok(())
    }

    /// Sets who may see an environment.
    pub(crate) fn set_http_access(
        &self,
        environment: &EnvironmentRecord,
        access: &HttpAccess,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(access).map_err(|error| StoreError::Unreadable {
            what: "setting of HTTP access",
            reason: error.to_string(),
        })?;
        self.set_environment_column(environment, "http_access", Some(&text))
    }

    /// Sets whether an environment runs.
    pub fn set_status(
        &self,
        project: &ProjectId,
        name: &str,
        status: EnvironmentStatus,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE environments SET status = ?, asleep = FALSE WHERE project = ? AND name = ?",
            params![status.as_str(), project.as_str(), name],
        )?;
        Ok(())
    }

    /// Records that an environment now runs a deployment.
    pub fn set_deployed(
        &self,
        project: &ProjectId,
        name: &str,
        deployment: &DeploymentId,
        commit: &str,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE environments SET status = 'active', asleep = FALSE, deployment = ?, head_commit = ?, deployed_at = ?
             WHERE project = ? AND name = ?",
            params![deployment.as_str(), commit, now(), project.as_str(), name],
        )?;
        Ok(())
    }

    /// Makes an environment inactive and forgets all that belonged to what it ran.
    pub fn reset_environment(&self, project: &ProjectId, name: &str) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for table in ["slots", "containers", "volumes", "passwords", "deployments"] {
            transaction.execute(
                &format!("DELETE FROM {table} WHERE project = ? AND environment = ?"),
                params![project.as_str(), name],
            )?;
        }
        transaction.execute(
            "UPDATE environments SET status = 'inactive', asleep = FALSE, deployment = NULL, deployed_at = NULL
             WHERE project = ? AND name = ?",
            params![project.as_str(), name],
        )?;
        Ok(transaction.commit()?)
    }

    /// Forgets an environment and all that belongs to it but its activities.
    pub fn delete_environment(&self, project: &ProjectId, name: &str) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for table in [
            "slots",
            "containers",
            "volumes",
            "passwords",
            "deployments",
            "variables",
            "allowances",
        ] {
            transaction.execute(
                &format!("DELETE FROM {table} WHERE project = ? AND environment = ?"),
                params![project.as_str(), name],
            )?;
        }
        // Children of a deleted environment hang on its parent from now on (spec 5.2).
        transaction.execute(
            "UPDATE environments SET parent =
                 (SELECT parent FROM environments WHERE project = ?1 AND name = ?2)
             WHERE project = ?1 AND parent = ?2",
            params![project.as_str(), name],
        )?;
        transaction.execute(
            "DELETE FROM environments WHERE project = ? AND name = ?",
            params![project.as_str(), name],
        )?;
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guise_model::Allowance;

    #[test]
    fn children_of_a_deleted_environment_hang_on_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let development = EnvironmentType::Development;
        store
            .create_environment(&project, "main", EnvironmentType::Production, None)
            .unwrap();
        store
            .create_environment(&project, "a", development, Some("main"))
            .unwrap();
        store
            .create_environment(&project, "b", development, Some("a"))
            .unwrap();
        let of_a = |store: &Store| store.allowances(&project, Some("a")).unwrap().len();
        store
            .put_allowance(&project, Some("a"), "app", Some(Allowance::default()))
            .unwrap();
        store.reset_environment(&project, "a").unwrap();
        assert_eq!(of_a(&store), 1, "what people set outlives what runs");
        store.delete_environment(&project, "a").unwrap();
        assert_eq!(of_a(&store), 0);
        let b = store.environment(&project, "b").unwrap().unwrap();
        assert_eq!(b.parent.as_deref(), Some("main"));
        assert_eq!(store.environments(&project).unwrap().len(), 2);
    }
}
