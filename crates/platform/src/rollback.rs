//! Earlier deployments, and going back to one: its images are still there, so nothing is built.

use crate::{
    Platform, PlatformError,
    activity::Report,
    assemble::{AppBuild, Images},
    deploy::{Built, DeployError, Reason},
    desired::{ComponentKind, Desired},
    store::{ActivityRecord, BackupStatus, DeploymentRecord, EnvironmentRecord, EnvironmentStatus},
    task::Task,
};
use guise_model::{BackupId, DeploymentId, ImageDigest};
use guise_node::AppImage;
use std::collections::BTreeSet;

impl Platform {
    /// An environment's deployments that are kept, newest first.
    pub fn deployments(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<DeploymentRecord>, PlatformError> {
        Ok(self
            .store()
            .deployments(&environment.project, &environment.name)?)
    }

    /// Goes back to an earlier deployment: the named one, or the last one of another commit. Data stays as it is
    /// unless `data`, which restores the newest backup of that commit.
    ///
    /// # Errors
    /// [`PlatformError::UnknownDeployment`], [`PlatformError::NoEarlierDeployment`],
    /// [`PlatformError::NoBackupOfDeployment`].
    pub fn rollback(
        &self,
        environment: &EnvironmentRecord,
        given: Option<&str>,
        data: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "rolled back")?;
        let deployments = self.deployments(environment)?;
        let deployment = match given {
            Some(given) => deployments
                .iter()
                .find(|deployment| deployment.id.as_str() == given)
                .ok_or_else(|| PlatformError::UnknownDeployment {
                    environment: environment.name.clone(),
                    given: given.into(),
                })?,
            None => earlier(&deployments, environment.deployment.as_ref()).ok_or_else(|| {
                PlatformError::NoEarlierDeployment {
                    environment: environment.name.clone(),
                }
            })?,
        };
        let backup = data
            .then(|| self.newest_backup_of(environment, deployment))
            .transpose()?;
        let short = deployment.commit.get(..8).unwrap_or(&deployment.commit);
        let description = format!("Roll {} back to {short}", environment.name);
        let task = Task::Rollback {
            deployment: deployment.id.clone(),
            backup,
        };
        self.submit("environment.rollback", environment, &description, &task)
    }

    fn newest_backup_of(
        &self,
        environment: &EnvironmentRecord,
        deployment: &DeploymentRecord,
    ) -> Result<BackupId, PlatformError> {
        let backups = self.backups(environment)?.into_iter();
        let mut of_deployment = backups
            .filter(|backup| backup.status == BackupStatus::Created && backup.commit == deployment.commit);
        of_deployment
            .next()
            .map(|backup| backup.id)
            .ok_or_else(|| PlatformError::NoBackupOfDeployment {
                deployment: deployment.id.clone(),
            })
    }

    pub(crate) fn run_rollback(
        &self,
        environment: &EnvironmentRecord,
        id: &DeploymentId,
        backup: Option<&BackupId>,
        report: &Report,
    ) -> Result<(), DeployError> {
        let deployment = self.store().deployment(id)?;
        let deployment = deployment.ok_or_else(|| PlatformError::UnknownDeployment {
            environment: environment.name.clone(),
            given: id.to_string(),
        })?;
        let (commit, desired) = (&deployment.commit, &deployment.desired);
        let built = self.prepare_kept(environment, commit, Some(desired), report)?;
        match backup {
            Some(backup) => {
                let backup = self.complete_backup(backup)?;
                self.deploy_with_data(&backup, environment, &built, report)
            }
            None => self.deploy_built(environment, &built, Reason::Redeploy, None, report),
        }
    }

    /// A commit with the images that it once ran from; builds it when they are not (all) there.
    pub(crate) fn prepare_kept(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        ran: Option<&Desired>,
        report: &Report,
    ) -> Result<Built, DeployError> {
        let here: BTreeSet<ImageDigest> = self
            .node()
            .images()?
            .into_iter()
            .map(|image| image.digest)
            .collect();
        match ran.filter(|ran| images_in(ran).is_subset(&here)) {
            Some(ran) => {
                report.line("Using the images that ran before: nothing is built");
                Ok(Built {
                    commit: commit.into(),
                    config: self.read_configuration(environment, commit)?,
                    images: images_by_component(ran),
                })
            }
            None => self.prepare(environment, commit, report),
        }
    }
}

/// The newest deployment before the current one that is of another commit.
fn earlier<'a>(
    newest_first: &'a [DeploymentRecord],
    current: Option<&DeploymentId>,
) -> Option<&'a DeploymentRecord> {
    let position = newest_first
        .iter()
        .position(|deployment| Some(&deployment.id) == current)?;
    let current = &newest_first[position];
    newest_first[position..]
        .iter()
        .find(|deployment| deployment.commit != current.commit)
}

/// Every image that an environment is made from.
pub(crate) fn images_in(desired: &Desired) -> BTreeSet<ImageDigest> {
    let specs = desired.components.iter().map(|component| &component.spec);
    specs
        .flat_map(|spec| {
            let app = match &spec.app {
                Some(AppImage::Frozen { image }) => Some(image.clone()),
                _ => None,
            };
            std::iter::once(spec.base.clone()).chain(app)
        })
        .collect()
}

/// What a deployment was assembled from.
fn images_by_component(desired: &Desired) -> Images {
    let mut images = Images::default();
    for component in &desired.components {
        let (name, base) = (component.name.clone(), component.spec.base.clone());
        match (component.kind, &component.spec.app) {
            (ComponentKind::Service, _) => {
                images.services.insert(name, base);
            }
            (ComponentKind::App, Some(AppImage::Frozen { image })) => {
                let tree = component.env.get("PLATFORM_TREE_ID").cloned().unwrap_or_default();
                let image = image.clone();
                images.apps.insert(name, AppBuild { base, image, tree });
            }
            // A worker is made from its app's images.
            _ => {}
        }
    }
    images
}

impl From<guise_node::NodeError> for DeployError {
    fn from(error: guise_node::NodeError) -> Self {
        Self::Platform(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(id: char, commit: &str) -> DeploymentRecord {
        DeploymentRecord {
            id: DeploymentId::new(id.to_string().repeat(13)).unwrap(),
            commit: commit.into(),
            desired: crate::plan::tests::desired(),
            created_at: String::new(),
        }
    }

    #[test]
    fn going_back_skips_deployments_of_the_same_commit() {
        let kept = [
            deployment('d', "three"),
            deployment('c', "two"),
            deployment('b', "two"),
            deployment('a', "one"),
        ];
        let back =
            |current: usize| earlier(&kept, Some(&kept[current].id)).map(|found| found.commit.as_str());
        assert_eq!(back(0), Some("two"));
        assert_eq!(back(1), Some("one"));
        assert_eq!(back(3), None);
        assert_eq!(earlier(&kept, None).map(|found| &found.id), None);
    }

    #[test]
    fn the_images_of_a_deployment_are_found_again_in_its_record() {
        let desired = crate::plan::tests::desired();
        let images = images_by_component(&desired);
        for component in &desired.components {
            let base = match component.kind {
                ComponentKind::Service => images.services.get(&component.name),
                ComponentKind::App => images.apps.get(&component.name).map(|build| &build.base),
                ComponentKind::Worker => continue,
            };
            assert_eq!(base, Some(&component.spec.base), "{}", component.name);
        }
        for build in images.apps.values() {
            assert!(images_in(&desired).contains(&build.image));
        }
        assert!(!images.apps.is_empty());
    }
}
