//! Projects.

use super::{Store, StoreError, now};
use crate::random;
use guise_model::ProjectId;
use rusqlite::{OptionalExtension, Row, ToSql, params};

/// A project as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRecord {
    /// Its id.
    pub id: ProjectId,
    /// What people call it.
    pub title: String,
    /// The branch that is production.
    pub default_branch: String,
    /// `PLATFORM_PROJECT_ENTROPY`: 56 random characters, fixed for life.
    pub entropy: String,
    /// Whether the push of a new branch makes an environment that runs.
    pub push_activates: bool,
    /// When its days begin.
    pub timezone: String,
    /// When it was made.
    pub created_at: String,
}

fn record(row: &Row<'_>) -> rusqlite::Result<ProjectRecord> {
    let id: String = row.get("id")?;
    Ok(ProjectRecord {
        id: ProjectId::new(id).map_err(|error| super::unreadable(Box::new(error)))?,
        title: row.get("title")?,
        default_branch: row.get("default_branch")?,
        entropy: row.get("entropy")?,
        push_activates: row.get("push_activates")?,
        timezone: row.get("timezone")?,
        created_at: row.get("created_at")?,
    })
}

impl Store {
    /// Makes a project with a fresh id.
    pub fn create_project(&self, title: &str, default_branch: &str) -> Result<ProjectRecord, StoreError> {
        let project = ProjectRecord {
            id: ProjectId::new(random::letters(13)).expect("13 random letters are a project id"),
            title: title.into(),
            default_branch: default_branch.into(),
            entropy: random::letters(56),
            push_activates: true,
            timezone: "UTC".into(),
            created_at: now(),
        };
        self.connection().execute(
            "INSERT INTO projects (id, title, default_branch, entropy, created_at) VALUES (?, ?, ?, ?, ?)",
            params![
                project.id.as_str(),
                project.title,
                project.default_branch,
                project.entropy,
                project.created_at
            ],
        )?;
        Ok(project)
    }

    /// All projects, oldest first.
    pub fn projects(&self) -> Result<Vec<ProjectRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM projects ORDER BY created_at, id")?;
        let projects = statement.query_map([], record)?.collect::<Result<_, _>>()?;
        Ok(projects)
    }

    /// One project.
    pub fn project(&self, id: &ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM projects WHERE id = ?")?;
        Ok(statement.query_row([id.as_str()], record).optional()?)
    }

    /// Sets one column that people may change.
    pub(crate) fn set_project_column(
        &self,
        id: &ProjectId,
        column: &'static str,
        value: &dyn ToSql,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            &format!("UPDATE projects SET {column} = ? WHERE id = ?"),
            params![value, id.as_str()],
        )?;
        Ok(())
    }

    /// Makes the environment of another branch production, and the one that was it a child of that.
    pub fn set_default_branch(&self, project: &ProjectRecord, branch: &str) -> Result<(), StoreError> {
        let id = project.id.as_str();
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE projects SET default_branch = ? WHERE id = ?",
            params![branch, id],
        )?;
        let place = "UPDATE environments SET type = ?, parent = ? WHERE project = ? AND name = ?";
        transaction.execute(place, params!["development", branch, id, project.default_branch])?;
        transaction.execute(place, params!["production", None::<&str>, id, branch])?;
        Ok(transaction.commit()?)
    }

    /// Forgets a project and all that belongs to it, except for the activity of its deletion.
    pub fn delete_project(&self, id: &ProjectId) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for table in [
            "slots",
            "containers",
            "volumes",
            "passwords",
            "builds",
            "deployments",
        ] {
            transaction.execute(&format!("DELETE FROM {table} WHERE project = ?"), [id.as_str()])?;
        }
        // The one that deletes it goes on, and is what people find of it later.
        transaction.execute(
            "DELETE FROM activities WHERE project = ? AND type <> 'project.delete'",
            [id.as_str()],
        )?;
        transaction.execute("DELETE FROM projects WHERE id = ?", [id.as_str()])?;
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_found_until_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap();
        assert_eq!(store.projects().unwrap(), vec![project.clone()]);
        assert_eq!(store.project(&project.id).unwrap(), Some(project.clone()));
        store.delete_project(&project.id).unwrap();
        assert_eq!(store.project(&project.id).unwrap(), None);
    }

    #[test]
    fn another_default_branch_becomes_production_and_the_old_one_its_child() {
        use crate::store::EnvironmentType::{Development, Production};
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "master").unwrap();
        store
            .create_environment(&project.id, "master", Production, None)
            .unwrap();
        store
            .create_environment(&project.id, "main", Development, Some("master"))
            .unwrap();
        store.set_default_branch(&project, "main").unwrap();
        let of = |name| {
            let found = store.environment(&project.id, name).unwrap().unwrap();
            (found.kind, found.parent)
        };
        assert_eq!(of("main"), (Production, None));
        assert_eq!(of("master"), (Development, Some("main".into())));
        let project = store.project(&project.id).unwrap().unwrap();
        assert_eq!(project.default_branch, "main");
        // The same again changes nothing that matters.
        store.set_default_branch(&project, "main").unwrap();
        assert_eq!(of("main"), (Production, None));
    }
}
