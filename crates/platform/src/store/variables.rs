//! Variables that people set.

use super::{Store, StoreError, now};
use guise_model::ProjectId;
use rusqlite::{Row, params};

/// A variable of a project or of an environment (spec 4.3).
#[derive(Clone, PartialEq, Eq)]
pub struct VariableRecord {
    /// The environment whose it is; `None` for the project's.
    pub environment: Option<String>,
    /// Its full name: `env:COLOUR`.
    pub name: String,
    /// Its value, JSON as text if `is_json`.
    pub value: String,
    /// Whether the value is JSON.
    pub is_json: bool,
    /// Whether the value is never told.
    pub is_sensitive: bool,
    /// Whether builds see it.
    pub visible_build: bool,
    /// Whether running apps see it.
    pub visible_runtime: bool,
    /// Whether the environment's children see it.
    pub is_inheritable: bool,
    /// Whether it is seen at all; one that is not hides what it would hide.
    pub is_enabled: bool,
    /// The apps that see it; all when empty.
    pub application_scope: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// Without the value: records are logged and compared in tests.
impl std::fmt::Debug for VariableRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VariableRecord")
            .field("environment", &self.environment)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// The variables of one environment, or the project's own, by name.
    ///
    /// # Errors
    /// When the database cannot be read, or a value not be opened.
    pub fn variables(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
    ) -> Result<Vec<VariableRecord>, StoreError> {
        let level = environment.unwrap_or_default();
        let mut variables = Vec::new();
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT * FROM variables WHERE project = ? AND environment = ? ORDER BY name")?;
        let rows = statement.query_map(params![project.as_str(), level], |row| {
            Ok((row.get::<_, Vec<u8>>("value")?, record(row)?))
        })?;
        for row in rows {
            let (sealed, mut variable) = row?;
            let value = self
                .seal
                .unseal(&about(project, level, &variable.name), &sealed)?;
            variable.value = String::from_utf8(value).map_err(|error| StoreError::Unreadable {
                what: "variable",
                reason: error.to_string(),
            })?;
            variables.push(variable);
        }
        Ok(variables)
    }

    /// Makes or replaces a variable.
    pub fn put_variable(&self, project: &ProjectId, variable: &VariableRecord) -> Result<(), StoreError> {
        let level = variable.environment.as_deref().unwrap_or_default();
        let about = about(project, level, &variable.name);
        self.connection().execute(
            "INSERT OR REPLACE INTO variables VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                project.as_str(),
                level,
                variable.name,
                self.seal.seal(&about, variable.value.as_bytes()),
                variable.is_json,
                variable.is_sensitive,
                variable.visible_build,
                variable.visible_runtime,
                variable.is_inheritable,
                variable.is_enabled,
                serde_json::json!(variable.application_scope).to_string(),
                variable.created_at,
                now(),
            ],
        )?;
        Ok(())
    }

    /// Deletes a variable.
    pub fn delete_variable(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
        name: &str,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "DELETE FROM variables WHERE project = ? AND environment = ? AND name = ?",
            params![project.as_str(), environment.unwrap_or_default(), name],
        )?;
        Ok(())
    }
}

/// What a value is sealed for: no other variable's.
fn about(project: &ProjectId, level: &str, name: &str) -> String {
    format!("variable {name} of {project}/{level}")
}

fn record(row: &Row<'_>) -> rusqlite::Result<VariableRecord> {
    let environment: String = row.get("environment")?;
    let scope: String = row.get("application_scope")?;
    Ok(VariableRecord {
        environment: Some(environment).filter(|name| !name.is_empty()),
        name: row.get("name")?,
        value: String::new(),
        is_json: row.get("is_json")?,
        is_sensitive: row.get("is_sensitive")?,
        visible_build: row.get("visible_build")?,
        visible_runtime: row.get("visible_runtime")?,
        is_inheritable: row.get("is_inheritable")?,
        is_enabled: row.get("is_enabled")?,
        application_scope: serde_json::from_str(&scope)
            .map_err(|error| super::unreadable(Box::new(error)))?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A variable as `variable create --level project` makes it.
    pub(crate) fn variable(name: &str, value: &str) -> VariableRecord {
        VariableRecord {
            environment: None,
            name: name.into(),
            value: value.into(),
            is_json: false,
            is_sensitive: false,
            visible_build: true,
            visible_runtime: true,
            is_inheritable: true,
            is_enabled: true,
            application_scope: vec![],
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    #[test]
    fn values_come_back_and_the_database_does_not_show_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guise.db");
        let store = Store::open(&path).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        store
            .put_variable(&project, &variable("env:TOKEN", "very-secret"))
            .unwrap();
        let mut of_main = variable("env:TOKEN", "very-other");
        of_main.environment = Some("main".into());
        store.put_variable(&project, &of_main).unwrap();
        let values = |level| {
            let variables = store.variables(&project, level).unwrap();
            variables
                .into_iter()
                .map(|variable| variable.value)
                .collect::<Vec<_>>()
        };
        assert_eq!(values(None), ["very-secret"]);
        assert_eq!(values(Some("main")), ["very-other"]);
        for file in std::fs::read_dir(directory.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(5).any(|window| window == b"very-"));
        }
        store
            .delete_variable(&project, Some("main"), "env:TOKEN")
            .unwrap();
        assert!(values(Some("main")).is_empty());
        store.delete_project(&project).unwrap();
        assert!(values(None).is_empty());
    }
}
