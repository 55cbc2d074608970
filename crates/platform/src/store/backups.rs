//! Backups and their volumes.

use super::{Store, StoreError, environments::words};
use crate::desired::Desired;
use guise_model::{BackupId, DeploymentId, ProjectId, VolumeId};
use rusqlite::{Connection, OptionalExtension, Row, params};

words! {
    /// Whether a backup can be restored.
    BackupStatus { Creating = "creating", Created = "created", Deleting = "deleting" }
}

/// A backup as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRecord {
    /// Its id.
    pub id: BackupId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The environment it is of.
    pub environment: String,
    /// Whether it can be restored.
    pub status: BackupStatus,
    /// The commit that ran.
    pub commit: String,
    /// The deployment that ran; `None` for a backup that came from another machine.
    pub deployment: Option<DeploymentId>,
    /// Whether no request was under way when it was made.
    pub safe: bool,
    /// Whether the schedule made it.
    pub automated: bool,
    /// When it was made.
    pub created_at: String,
    /// When it may be deleted; `None` for one that is kept until somebody deletes it.
    pub expires_at: Option<String>,
    /// Its volumes, by component.
    pub volumes: Vec<BackupVolume>,
}

/// A volume of a backup: a read-only snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupVolume {
    /// The component whose data it holds.
    pub component: String,
    /// The snapshot.
    pub volume: VolumeId,
}

fn record(row: &Row<'_>) -> rusqlite::Result<BackupRecord> {
    let refused = |error: guise_model::InvalidId| super::unreadable(Box::new(error));
    let deployment: Option<String> = row.get("deployment")?;
    Ok(BackupRecord {
        id: BackupId::new(row.get::<_, String>("id")?).map_err(refused)?,
        project: ProjectId::new(row.get::<_, String>("project")?).map_err(refused)?,
        environment: row.get("environment")?,
        status: BackupStatus::read(&row.get::<_, String>("status")?)?,
        commit: row.get("commit_id")?,
        deployment: deployment.map(DeploymentId::new).transpose().map_err(refused)?,
        safe: row.get("safe")?,
        automated: row.get("automated")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        volumes: Vec::new(),
    })
}

fn with_volumes(connection: &Connection, mut backup: BackupRecord) -> rusqlite::Result<BackupRecord> {
    let mut statement = connection
        .prepare_cached("SELECT component, volume FROM backup_volumes WHERE backup = ? ORDER BY component")?;
    let volumes = statement.query_map([backup.id.as_str()], |row| {
        let volume = VolumeId::new(row.get::<_, String>("volume")?);
        Ok(BackupVolume {
            component: row.get("component")?,
            volume: volume.map_err(|error| super::unreadable(Box::new(error)))?,
        })
    })?;
    backup.volumes = volumes.collect::<Result<_, _>>()?;
    Ok(backup)
}

impl Store {
    /// Records a backup that is about to be made, with what runs.
    pub fn create_backup(&self, backup: &BackupRecord, desired: Option<&Desired>) -> Result<(), StoreError> {
        let desired = desired.map(|desired| super::sealed::close(&self.seal, desired));
        let desired = desired.transpose()?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT INTO backups (id, project, environment, status, commit_id, deployment, desired, safe,
                                  automated, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                backup.id.as_str(),
                backup.project.as_str(),
                backup.environment,
                backup.status.as_str(),
                backup.commit,
                backup.deployment.as_ref().map(DeploymentId::as_str),
                desired,
                backup.safe,
                backup.automated,
                backup.created_at,
                backup.expires_at,
            ],
        )?;
        for BackupVolume { component, volume } in &backup.volumes {
            transaction.execute(
                "INSERT INTO backup_volumes (volume, backup, component) VALUES (?, ?, ?)",
                params![volume.as_str(), backup.id.as_str(), component],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Records how far a backup is.
    pub fn set_backup_status(&self, id: &BackupId, status: BackupStatus) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE backups SET status = ? WHERE id = ?",
            params![status.as_str(), id.as_str()],
        )?;
        Ok(())
    }

    /// Forgets a backup whose volumes are gone.
    pub fn delete_backup(&self, id: &BackupId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM backups WHERE id = ?", [id.as_str()])?;
        Ok(())
    }

    /// One backup.
    pub fn backup(&self, id: &BackupId) -> Result<Option<BackupRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM backups WHERE id = ?")?;
        let found = statement.query_row([id.as_str()], record).optional()?;
        Ok(found
            .map(|backup| with_volumes(&connection, backup))
            .transpose()?)
    }

    /// Backups, newest first; of one project and environment if named.
    pub fn backups(
        &self,
        project: Option<&ProjectId>,
        environment: Option<&str>,
    ) -> Result<Vec<BackupRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM backups
             WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR environment = ?2)
             ORDER BY created_at DESC, rowid DESC",
        )?;
        let found = statement.query_map(params![project.map(ProjectId::as_str), environment], record)?;
        let found: Vec<BackupRecord> = found.collect::<Result<_, _>>()?;
        let found = found.into_iter().map(|backup| with_volumes(&connection, backup));
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What ran when a backup was made; `None` for one that came from another machine.
    pub fn backup_desired(&self, id: &BackupId) -> Result<Option<Desired>, StoreError> {
        let text: Option<Option<String>> = self
            .connection()
            .query_row("SELECT desired FROM backups WHERE id = ?", [id.as_str()], |row| {
                row.get(0)
            })
            .optional()?;
        let read = |text: String| super::sealed::open(&self.seal, &text);
        text.flatten().map(read).transpose()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A backup of `main` with a database and an app.
    pub(crate) fn backup(project: &ProjectId, id: &str) -> BackupRecord {
        let volume = |component: &str| BackupVolume {
            component: component.into(),
            volume: VolumeId::new(format!("backup-{id}-{component}")).unwrap(),
        };
        BackupRecord {
            id: BackupId::new(id).unwrap(),
            project: project.clone(),
            environment: "main".into(),
            status: BackupStatus::Creating,
            commit: "c0ffee".into(),
            deployment: None,
            safe: true,
            automated: false,
            created_at: super::super::now(),
            expires_at: None,
            volumes: vec![volume("app"), volume("db")],
        }
    }

    #[test]
    fn a_backup_is_kept_with_its_volumes_and_what_ran_until_it_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let desired = crate::plan::tests::desired();
        let mut first = backup(&project, "aaaaaaaaaaaaa");
        store.create_backup(&first, Some(&desired)).unwrap();
        assert_eq!(store.backup(&first.id).unwrap().unwrap(), first);
        assert_eq!(store.backup_desired(&first.id).unwrap(), Some(desired));
        store.set_backup_status(&first.id, BackupStatus::Created).unwrap();
        first.status = BackupStatus::Created;
        let mut imported = backup(&project, "bbbbbbbbbbbbb");
        imported.environment = "dev".into();
        imported.created_at = "2999-01-01T00:00:00Z".into();
        store.create_backup(&imported, None).unwrap();
        assert_eq!(store.backup_desired(&imported.id).unwrap(), None);
        assert_eq!(
            store.backups(Some(&project), None).unwrap(),
            vec![imported, first.clone()]
        );
        assert_eq!(
            store.backups(Some(&project), Some("main")).unwrap(),
            vec![first.clone()]
        );
        store.delete_backup(&first.id).unwrap();
        assert_eq!(store.backup(&first.id).unwrap(), None);
    }

    #[test]
    fn the_backups_of_a_project_go_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        store
            .create_backup(&backup(&project, "aaaaaaaaaaaaa"), None)
            .unwrap();
        store.delete_project(&project).unwrap();
        assert!(store.backups(None, None).unwrap().is_empty());
    }
}
