//! Builds and deployments.

use super::{Store, StoreError, now};
use crate::{desired::Desired, random, seal::Seal};
use guise_model::{DeploymentId, ImageDigest, ProjectId};
use rusqlite::{OptionalExtension, Row, params};

/// A deployment as stored.
#[derive(Debug, Clone)]
pub struct DeploymentRecord {
    /// Its id.
    pub id: DeploymentId,
    /// The commit it is of.
    pub commit: String,
    /// What runs.
    pub desired: Desired,
    /// When it was carried out.
    pub created_at: String,
}

/// What a build made, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRecord {
    /// The app's image.
    pub image: ImageDigest,
    /// The git tree it was built from. A later commit that builds the same keeps it, so that a commit which only
    /// changes the configuration does not change the app's environment.
    pub tree: String,
}

fn deployment(seal: &Seal, row: &Row<'_>) -> rusqlite::Result<DeploymentRecord> {
    let id = DeploymentId::new(row.get::<_, String>("id")?);
    let desired: String = row.get("desired")?;
    Ok(DeploymentRecord {
        id: id.map_err(|error| super::unreadable(Box::new(error)))?,
        commit: row.get("commit_id")?,
        desired: super::sealed::open(seal, &desired).map_err(|error| super::unreadable(Box::new(error)))?,
        created_at: row.get("created_at")?,
    })
}

impl Store {
    /// An earlier build with the same id.
    pub fn build(&self, project: &ProjectId, build: &str) -> Result<Option<BuildRecord>, StoreError> {
        let row: Option<(String, String)> = self
            .connection()
            .query_row(
                "SELECT image, tree FROM builds WHERE project = ? AND build = ?",
                params![project.as_str(), build],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        row.map(|(image, tree)| {
            let image = ImageDigest::new(image).map_err(|error| StoreError::Unreadable {
                what: "build",
                reason: error.to_string(),
            })?;
            Ok(BuildRecord { image, tree })
        })
        .transpose()
    }

    /// Remembers what a build made.
    pub fn record_build(
        &self,
        project: &ProjectId,
        build: &str,
        app: &str,
        made: &BuildRecord,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT OR REPLACE INTO builds (project, build, app, image, tree, created_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                project.as_str(),
                build,
                app,
                made.image.as_str(),
                made.tree,
                now()
            ],
        )?;
        Ok(())
    }

    /// Every image some build made: image, project, app.
    pub fn built_images(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT DISTINCT image, project, app FROM builds")?;
        let images = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        Ok(images)
    }

    /// Records a deployment that is about to be carried out.
    pub fn create_deployment(
        &self,
        project: &ProjectId,
        environment: &str,
        commit: &str,
        desired: &Desired,
    ) -> Result<DeploymentId, StoreError> {
        let id = DeploymentId::new(random::letters(13)).expect("13 random letters are a deployment id");
        let desired = super::sealed::close(&self.seal, desired)?;
        self.connection().execute(
            "INSERT INTO deployments (id, project, environment, commit_id, desired, created_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![id.as_str(), project.as_str(), environment, commit, desired, now()],
        )?;
        Ok(id)
    }

    /// One deployment.
    pub fn deployment(&self, id: &DeploymentId) -> Result<Option<DeploymentRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT * FROM deployments WHERE id = ?")?;
        Ok(statement
            .query_row([id.as_str()], |row| deployment(&self.seal, row))
            .optional()?)
    }

    /// An environment's deployments, newest first.
    pub fn deployments(
        &self,
        project: &ProjectId,
        environment: &str,
    ) -> Result<Vec<DeploymentRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT * FROM deployments WHERE project = ? AND environment = ?
             ORDER BY created_at DESC, rowid DESC",
        )?;
        let read = |row: &Row<'_>| deployment(&self.seal, row);
        let found = statement.query_map(params![project.as_str(), environment], read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Records that an environment is awake, and in which containers its deployment runs now.
    pub fn woken(
        &self,
        environment: &super::EnvironmentRecord,
        id: &DeploymentId,
        desired: &Desired,
    ) -> Result<(), StoreError> {
        let desired = super::sealed::close(&self.seal, desired)?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE deployments SET desired = ? WHERE id = ?",
            params![desired, id.as_str()],
        )?;
        transaction.execute(
            "UPDATE environments SET asleep = FALSE WHERE project = ? AND name = ?",
            params![environment.project.as_str(), environment.name],
        )?;
        Ok(transaction.commit()?)
    }

    /// Forgets a deployment.
    pub fn delete_deployment(&self, id: &DeploymentId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM deployments WHERE id = ?", [id.as_str()])?;
        Ok(())
    }

    /// Forgets the builds that made an image which is gone.
    pub fn forget_builds_of(&self, image: &ImageDigest) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM builds WHERE image = ?", [image.as_str()])?;
        Ok(())
    }
}
