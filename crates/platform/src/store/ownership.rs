//! Who owns what on the node: slots, containers, volumes, passwords.
//!
//! A thing is recorded here before it is made, so that whatever a crash leaves behind has an owner or is removed.

use super::{Store, StoreError};
use crate::{random, roll::beside};
use guise_model::{ContainerId, InvalidId, ProjectId, VolumeId};
use rusqlite::{OptionalExtension, params};

/// A volume and whose data it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedVolume {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: String,
    /// The app, worker or service.
    pub component: String,
    /// The volume.
    pub volume: VolumeId,
}

impl Store {
    /// The slot of a component, taken now if it has none.
    ///
    /// # Errors
    /// [`StoreError::NoSlot`] when slots 1 to `capacity` − 1 are taken.
    pub fn slot(
        &self,
        project: &ProjectId,
        environment: &str,
        component: &str,
        capacity: u32,
    ) -> Result<u32, StoreError> {
        let connection = self.connection();
        let owner = params![project.as_str(), environment, component];
        let known = "SELECT slot FROM slots WHERE project = ? AND environment = ? AND component = ?";
        if let Some(slot) = connection.query_row(known, owner, |row| row.get(0)).optional()? {
            return Ok(slot);
        }
        // The lowest free one: one more than a taken one (or than 0) that is not taken itself.
        let free: u32 = connection.query_row(
            "SELECT min(candidate) FROM (SELECT 1 AS candidate UNION SELECT slot + 1 FROM slots)
             WHERE candidate NOT IN (SELECT slot FROM slots)",
            [],
            |row| row.get(0),
        )?;
        if free >= capacity {
            return Err(StoreError::NoSlot {
                capacity: capacity.saturating_sub(1),
            });
        }
        connection.execute(
            "INSERT INTO slots (slot, project, environment, component) VALUES (?, ?, ?, ?)",
            params![free, project.as_str(), environment, component],
        )?;
        Ok(free)
    }

    /// Gives back a component's slot.
    pub fn release_slot(
        &self,
        project: &ProjectId,
        environment: &str,
        component: &str,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "DELETE FROM slots WHERE project = ? AND environment = ? AND component = ?",
            params![project.as_str(), environment, component],
        )?;
        Ok(())
    }

    /// Makes the slot that a component runs in its own. It changes places with the one it had, if that is another.
    pub fn settle_slot(
        &self,
        project: &ProjectId,
        environment: &str,
        component: &str,
        slot: u32,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let beside = beside(component);
        let is_beside = transaction
            .query_row(
                "SELECT 1 FROM slots WHERE slot = ? AND project = ? AND environment = ? AND component = ?",
                params![slot, project.as_str(), environment, beside],
                |_| Ok(()),
            )
            .optional()?;
        if is_beside.is_none() {
            return Ok(());
        }
        // The owners are unique, so one of the two has none in between.
        for (from, to) in [(component, ""), (&beside, component), ("", &beside)] {
            transaction.execute(
                "UPDATE slots SET component = ? WHERE project = ? AND environment = ? AND component = ?",
                params![to, project.as_str(), environment, from],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Gives back the slots of an environment's components but those of `kept`, those that have a container, and those
    /// that are `in_use`.
    pub fn release_slots_but(
        &self,
        project: &ProjectId,
        environment: &str,
        kept: &[&str],
        in_use: &[u32],
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "DELETE FROM slots WHERE project = ?1 AND environment = ?2
                 AND component NOT IN (SELECT value FROM json_each(?3))
                 AND slot NOT IN (SELECT value FROM json_each(?4))
                 AND component NOT IN
                     (SELECT component FROM containers WHERE project = ?1 AND environment = ?2)",
            params![
                project.as_str(),
                environment,
                serde_json::json!(kept).to_string(),
                serde_json::json!(in_use).to_string()
            ],
        )?;
        Ok(())
    }

    /// Records the owner of a container about to be made.
    pub fn own_container(
        &self,
        id: &ContainerId,
        project: &ProjectId,
        environment: &str,
        component: &str,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT OR REPLACE INTO containers (id, project, environment, component) VALUES (?, ?, ?, ?)",
            params![id.as_str(), project.as_str(), environment, component],
        )?;
        Ok(())
    }

    /// Forgets a container that is gone.
    pub fn disown_container(&self, id: &ContainerId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM containers WHERE id = ?", [id.as_str()])?;
        Ok(())
    }

    /// Owner of each container: id, project, environment, component.
    pub fn container_owners(&self) -> Result<Vec<(String, String, String, String)>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT id, project, environment, component FROM containers")?;
        let owners = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<_, _>>()?;
        Ok(owners)
    }

    /// The volume of a component, named now if it has none.
    pub fn volume(
        &self,
        project: &ProjectId,
        environment: &str,
        component: &str,
    ) -> Result<VolumeId, StoreError> {
        let connection = self.connection();
        connection.execute(
            "INSERT OR IGNORE INTO volumes (id, project, environment, component) VALUES (?, ?, ?, ?)",
            params![
                format!("data-{}", random::letters(12)),
                project.as_str(),
                environment,
                component
            ],
        )?;
        let id: String = connection.query_row(
            "SELECT id FROM volumes WHERE project = ? AND environment = ? AND component = ?",
            params![project.as_str(), environment, component],
            |row| row.get(0),
        )?;
        VolumeId::new(id).map_err(|error| StoreError::Unreadable {
            what: "volume",
            reason: error.to_string(),
        })
    }

    /// Volumes of an environment, or of a whole project: component and id.
    pub fn volumes(
        &self,
        project: &ProjectId,
        environment: Option<&str>,
    ) -> Result<Vec<(String, VolumeId)>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT component, id FROM volumes WHERE project = ?1 AND (?2 IS NULL OR environment = ?2)",
        )?;
        let rows: Vec<(String, String)> = statement
            .query_map(params![project.as_str(), environment], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        rows.into_iter()
            .map(|(component, id)| {
                let id = VolumeId::new(id).map_err(|error| StoreError::Unreadable {
                    what: "volume",
                    reason: error.to_string(),
                })?;
                Ok((component, id))
            })
            .collect()
    }

    /// All volumes with their owners, or those of a project, or of one of its environments.
    pub fn owned_volumes(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<Vec<OwnedVolume>, StoreError> {
        let unreadable = |error: InvalidId| StoreError::Unreadable {
            what: "volume",
            reason: error.to_string(),
        };
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT project, environment, component, id FROM volumes
             WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR environment = ?2)
             ORDER BY project, environment, component",
        )?;
        let mut rows = statement.query(params![project.map(ProjectId::as_str), environment])?;
        let mut owned = Vec::new();
        while let Some(row) = rows.next()? {
            owned.push(OwnedVolume {
                project: ProjectId::new(row.get::<_, String>(0)?).map_err(unreadable)?,
                environment: row.get(1)?,
                component: row.get(2)?,
                volume: VolumeId::new(row.get::<_, String>(3)?).map_err(unreadable)?,
            });
        }
        Ok(owned)
    }

    /// The password of an endpoint, chosen now if it has none.
    pub fn password(
        &self,
        project: &ProjectId,
        environment: &str,
        service: &str,
        endpoint: &str,
    ) -> Result<String, StoreError> {
        let connection = self.connection();
        connection.execute(
            "INSERT OR IGNORE INTO passwords (project, environment, service, endpoint, password)
             VALUES (?, ?, ?, ?, ?)",
            params![
                project.as_str(),
                environment,
                service,
                endpoint,
                random::letters(32)
            ],
        )?;
        Ok(connection.query_row(
            "SELECT password FROM passwords
             WHERE project = ? AND environment = ? AND service = ? AND endpoint = ?",
            params![project.as_str(), environment, service, endpoint],
            |row| row.get(0),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store, ProjectId) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        (directory, store, project)
    }

    #[test]
    fn a_component_keeps_its_slot_and_a_freed_one_is_given_out_again() {
        let (_directory, store, project) = store();
        assert_eq!(store.slot(&project, "main", "app", 10).unwrap(), 1);
        assert_eq!(store.slot(&project, "main", "db", 10).unwrap(), 2);
        assert_eq!(store.slot(&project, "main", "app", 10).unwrap(), 1);
        store.release_slot(&project, "main", "app").unwrap();
        assert_eq!(store.slot(&project, "dev", "app", 10).unwrap(), 1);
    }

    #[test]
    fn slots_of_components_that_are_gone_are_given_back() {
        let (_directory, store, project) = store();
        let container = ContainerId::new("abcdefghijkl").unwrap();
        for component in ["kept", "gone", "stays"] {
            store.slot(&project, "main", component, 10).unwrap();
        }
        store.slot(&project, "dev", "gone", 10).unwrap();
        store
            .own_container(&container, &project, "main", "stays")
            .unwrap();
        store.release_slots_but(&project, "main", &["kept"], &[]).unwrap();
        assert_eq!(store.slot(&project, "main", "new", 10).unwrap(), 2);
        assert_eq!(store.slot(&project, "main", "stays", 10).unwrap(), 3);
        assert_eq!(store.slot(&project, "dev", "gone", 10).unwrap(), 4);
    }

    #[test]
    fn an_app_that_rolled_owns_the_slot_it_runs_in_and_the_old_one_stays_while_in_use() {
        let (_directory, store, project) = store();
        let slot = |component: &str| store.slot(&project, "main", component, 10).unwrap();
        assert_eq!((slot("app"), slot(&beside("app"))), (1, 2));
        for _ in 0..2 {
            store.settle_slot(&project, "main", "app", 2).unwrap();
            assert_eq!((slot("app"), slot(&beside("app"))), (2, 1));
        }
        store
            .release_slots_but(&project, "main", &["app"], &[1, 2])
            .unwrap();
        assert_eq!(slot("other"), 3);
        store.release_slots_but(&project, "main", &["app"], &[2]).unwrap();
        assert_eq!((slot("app"), slot("another")), (2, 1));
    }

    #[test]
    fn running_out_of_slots_is_said() {
        let (_directory, store, project) = store();
        store.slot(&project, "main", "app", 2).unwrap();
        assert!(matches!(
            store.slot(&project, "main", "db", 2),
            Err(StoreError::NoSlot { capacity: 1 })
        ));
    }

    #[test]
    fn volumes_and_passwords_stay_the_same() {
        let (_directory, store, project) = store();
        assert_eq!(
            store.volume(&project, "main", "db").unwrap(),
            store.volume(&project, "main", "db").unwrap()
        );
        assert_ne!(
            store.volume(&project, "main", "db").unwrap(),
            store.volume(&project, "dev", "db").unwrap()
        );
        let password = store.password(&project, "main", "db", "admin").unwrap();
        assert_eq!(password, store.password(&project, "main", "db", "admin").unwrap());
        assert_eq!(password.len(), 32);
    }

    #[test]
    fn volumes_are_listed_with_their_owners() {
        let (_directory, store, project) = store();
        let other = store.create_project("Other", "main").unwrap().id;
        for (project, environment) in [(&project, "main"), (&project, "dev"), (&other, "main")] {
            store.volume(project, environment, "db").unwrap();
        }
        let count = |project, environment| store.owned_volumes(project, environment).unwrap().len();
        assert_eq!(count(None, None), 3);
        assert_eq!(count(Some(&project), None), 2);
        let of_dev = store.owned_volumes(Some(&project), Some("dev")).unwrap();
        assert_eq!(of_dev[0].volume, store.volume(&project, "dev", "db").unwrap());
        assert_eq!(of_dev[0].component, "db");
    }
}
