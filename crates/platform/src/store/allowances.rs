//! What the operator gives containers in place of their sizes.

use super::{Store, StoreError};
use guise_model::{Allowance, ProjectId};
use rusqlite::params;
use std::collections::BTreeMap;

impl Store {
    /// Those of one environment, or of the project, by component.
    pub fn allowances(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
    ) -> Result<BTreeMap<String, Allowance>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT component, allowance FROM allowances WHERE project = ? AND environment = ?",
        )?;
        let rows = statement.query_map(
            params![project.as_str(), environment.unwrap_or_default()],
            |row| {
                let allowance = serde_json::from_str(&row.get::<_, String>(1)?);
                Ok((
                    row.get(0)?,
                    allowance.map_err(|error| super::unreadable(Box::new(error)))?,
                ))
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Makes or replaces one; `None` removes it.
    pub fn put_allowance(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
        component: &str,
        allowance: Option<Allowance>,
    ) -> Result<(), StoreError> {
        let environment = environment.unwrap_or_default();
        match allowance {
            Some(allowance) => self.connection().execute(
                "INSERT OR REPLACE INTO allowances VALUES (?, ?, ?, ?)",
                params![
                    project.as_str(),
                    environment,
                    component,
                    serde_json::json!(allowance).to_string()
                ],
            ),
            None => self.connection().execute(
                "DELETE FROM allowances WHERE project = ? AND environment = ? AND component = ?",
                params![project.as_str(), environment, component],
            ),
        }?;
        Ok(())
    }
}
