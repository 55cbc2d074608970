//! Exchanging an environment's volumes for others, all at once, so that they can be exchanged back.
//!
//! A volume that was taken out stays owned, by no environment and under the name `replaced--…`, until it is put
//! back or deleted.

use super::{Store, StoreError};
use guise_model::{ProjectId, VolumeId};
use rusqlite::{OptionalExtension, Transaction, params};

/// Under which component name, of no environment, a volume that was taken out is kept.
fn kept_as(environment: &str, component: &str) -> String {
    format!("replaced--{environment}--{component}")
}

impl Store {
    /// Gives each component of an environment its new volume. What it had before is kept apart.
    ///
    /// # Errors
    /// When something is kept apart already for a component: it must be put back or forgotten first.
    pub fn exchange_volumes(
        &self,
        project: &ProjectId,
        environment: &str,
        new: &[(String, VolumeId)],
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for (component, volume) in new {
            rename(
                &transaction,
                project,
                (environment, component),
                ("", &kept_as(environment, component)),
            )?;
            transaction.execute(
                "INSERT INTO volumes (id, project, environment, component) VALUES (?, ?, ?, ?)",
                params![volume.as_str(), project.as_str(), environment, component],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Takes these volumes out of their components again and puts back what was there before; they are kept apart
    /// instead. A component that has another volume is left alone: nothing was exchanged.
    pub fn put_volumes_back(
        &self,
        project: &ProjectId,
        environment: &str,
        new: &[(String, VolumeId)],
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for (component, volume) in new {
            let taken_out = transaction.execute(
                "UPDATE volumes SET environment = '', component = ?
                 WHERE id = ? AND project = ? AND environment = ? AND component = ?",
                params![
                    format!("replaced--{volume}"),
                    volume.as_str(),
                    project.as_str(),
                    environment,
                    component
                ],
            )?;
            if taken_out == 0 {
                continue;
            }
            let kept = kept_as(environment, component);
            rename(&transaction, project, ("", &kept), (environment, component))?;
            rename(
                &transaction,
                project,
                ("", &format!("replaced--{volume}")),
                ("", &kept),
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// The volume that was taken out of a component.
    pub fn replaced_volume(
        &self,
        project: &ProjectId,
        environment: &str,
        component: &str,
    ) -> Result<Option<VolumeId>, StoreError> {
        let found: Option<String> = self
            .connection()
            .query_row(
                "SELECT id FROM volumes WHERE project = ? AND environment = '' AND component = ?",
                params![project.as_str(), kept_as(environment, component)],
                |row| row.get(0),
            )
            .optional()?;
        let refused = |error: guise_model::InvalidId| StoreError::Unreadable {
            what: "volume",
            reason: error.to_string(),
        };
        found.map(VolumeId::new).transpose().map_err(refused)
    }

    /// Forgets a volume that is gone.
    pub fn disown_volume(&self, volume: &VolumeId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM volumes WHERE id = ?", [volume.as_str()])?;
        Ok(())
    }
}

/// Gives a volume another owner, if there is one: from and to are environment and component.
fn rename(
    transaction: &Transaction<'_>,
    project: &ProjectId,
    from: (&str, &str),
    to: (&str, &str),
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE volumes SET environment = ?, component = ?
         WHERE project = ? AND environment = ? AND component = ?",
        params![to.0, to.1, project.as_str(), from.0, from.1],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_exchanged_and_exchanged_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let volume = |name: &str| VolumeId::new(name).unwrap();
        let old = store.volume(&project, "main", "db").unwrap();
        let new = [
            ("db".to_string(), volume("new-db")),
            ("app".to_string(), volume("new-app")),
        ];
        store.exchange_volumes(&project, "main", &new).unwrap();
        assert_eq!(store.volume(&project, "main", "db").unwrap(), volume("new-db"));
        assert_eq!(store.volume(&project, "main", "app").unwrap(), volume("new-app"));
        assert_eq!(
            store.replaced_volume(&project, "main", "db").unwrap(),
            Some(old.clone())
        );
        assert_eq!(store.replaced_volume(&project, "main", "app").unwrap(), None);
        // What is kept apart is not overwritten, or it would be lost.
        assert!(
            store
                .exchange_volumes(&project, "main", &[("db".into(), volume("x"))])
                .is_err()
        );
        assert_eq!(store.volume(&project, "main", "db").unwrap(), volume("new-db"));

        store.put_volumes_back(&project, "main", &new).unwrap();
        assert_eq!(store.volume(&project, "main", "db").unwrap(), old);
        assert_eq!(
            store.replaced_volume(&project, "main", "db").unwrap(),
            Some(volume("new-db"))
        );
        assert_eq!(
            store.replaced_volume(&project, "main", "app").unwrap(),
            Some(volume("new-app"))
        );
        // Again it changes nothing: what is in use is never taken out.
        store.put_volumes_back(&project, "main", &new).unwrap();
        assert_eq!(store.volume(&project, "main", "db").unwrap(), old);
        store.disown_volume(&volume("new-db")).unwrap();
        assert_eq!(store.replaced_volume(&project, "main", "db").unwrap(), None);
        assert_eq!(store.volumes(&project, Some("main")).unwrap().len(), 1);
    }
}
