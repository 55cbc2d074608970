//! Removes what nobody uses any more: images, old deployments, old logs.
//!
//! What is removed is decided by a pure function over everything that uses something. Nothing changes meanwhile:
//! activities hold a lock that the collector only takes when no activity does.

use crate::{Platform, PlatformError, rollback::images_in};
use guise_image::CacheSize;
use guise_model::{DeploymentId, ImageDigest};
use guise_node::{AppImage, ImageKind, ImageView};
use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

/// How many commits one can go back to.
const KEPT_COMMITS: usize = 10;
/// How long activities' logs are kept.
const LOGS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What a person had removed.
#[derive(Debug)]
pub struct Pruned {
    /// Images of the store that nobody used.
    pub images: Vec<ImageDigest>,
    /// The cache of base images afterwards.
    pub cache: CacheSize,
}

/// Everything there is, and who uses it.
#[derive(Debug, Default)]
struct Holdings {
    /// Images of the store that nothing new would be made of.
    images: Vec<ImageDigest>,
    /// Images that containers or backups use.
    used: BTreeSet<ImageDigest>,
    /// For each environment its deployments, newest first.
    environments: Vec<Vec<Held>>,
}

/// A deployment and what it holds.
#[derive(Debug, Clone)]
struct Held {
    id: DeploymentId,
    commit: String,
    images: BTreeSet<ImageDigest>,
    /// Whether it is what its environment runs.
    current: bool,
}

/// What can go.
#[derive(Debug, Default, PartialEq, Eq)]
struct Unused {
    images: Vec<ImageDigest>,
    deployments: Vec<DeploymentId>,
}

/// Kept is what runs, and of each of the last [`KEPT_COMMITS`] commits of an environment the newest deployment: ten
/// failed pushes, each of which records the way back, shall not use the window up.
fn unused(holdings: &Holdings) -> Unused {
    let mut used = holdings.used.clone();
    let mut deployments = Vec::new();
    for environment in &holdings.environments {
        let mut commits = BTreeSet::new();
        for held in environment {
            let is_newest = commits.len() < KEPT_COMMITS && commits.insert(held.commit.as_str());
            if held.current || is_newest {
                used.extend(held.images.iter().cloned());
            } else {
                deployments.push(held.id.clone());
            }
        }
    }
    let images = holdings.images.iter().filter(|image| !used.contains(image));
    Unused {
        images: images.cloned().collect(),
        deployments,
    }
}

impl Platform {
    /// Removes what nobody uses. Answers whether it could look: not while an activity runs.
    ///
    /// # Errors
    /// When the database or the image store refuses; what was removed before stays removed.
    pub(crate) fn collect(&self) -> Result<bool, PlatformError> {
        let Ok(_nothing_runs) = self.shared.upkeep.images.try_write() else {
            return Ok(false);
        };
        self.remove_unused(false)?;
        let logs = self.config().state.join("activities");
        let removed = remove_logs_before(&logs, SystemTime::now() - LOGS_KEPT);
        removed.map_err(|source| PlatformError::File {
            operation: "clear old logs from",
            path: logs,
            source,
        })?;
        Ok(true)
    }

    /// Removes the images that nobody uses, and cuts the cache of base images down to its size. With `all`, also base images
    /// that the next deployment would have to build again, and all of the cache.
    ///
    /// # Errors
    /// [`PlatformError::ImagesInUse`] while an activity runs; when the database or the image store refuses.
    pub fn prune_images(&self, all: bool) -> Result<Pruned, PlatformError> {
        let Ok(_nothing_runs) = self.shared.upkeep.images.try_write() else {
            return Err(PlatformError::ImagesInUse);
        };
        Ok(Pruned {
            images: self.remove_unused(all)?,
            cache: self.node().prune_image_cache(all)?,
        })
    }

    /// Answers the images that it removed.
    fn remove_unused(&self, all: bool) -> Result<Vec<ImageDigest>, PlatformError> {
        let unused = unused(&self.holdings(all)?);
        for deployment in &unused.deployments {
            self.store().delete_deployment(deployment)?;
        }
        for image in &unused.images {
            tracing::info!(image = image.short(), "removing an image that nobody uses");
            self.node().delete_image(image)?;
            self.store().forget_builds_of(image)?;
        }
        Ok(unused.images)
    }

    fn holdings(&self, with_current_bases: bool) -> Result<Holdings, PlatformError> {
        let superseded = self.node().superseded_images()?;
        let images = self.node().images()?.into_iter();
        let can_go = |image: &ImageView| {
            image.kind == ImageKind::App || with_current_bases || superseded.contains(&image.digest)
        };
        let mut holdings = Holdings {
            images: images.filter(can_go).map(|image| image.digest).collect(),
            ..Default::default()
        };
        for container in self.node().containers() {
            if let Some(AppImage::Frozen { image }) = container.spec.app {
                holdings.used.insert(image);
            }
        }
        for backup in self.store().backups(None, None)? {
            if let Some(desired) = self.store().backup_desired(&backup.id)? {
                holdings.used.extend(images_in(&desired));
            }
        }
        for environment in self.store().all_environments()? {
            let deployments = self.deployments(&environment)?.into_iter();
            let held = deployments.map(|deployment| Held {
                images: images_in(&deployment.desired),
                current: environment.deployment.as_ref() == Some(&deployment.id),
                id: deployment.id,
                commit: deployment.commit,
            });
            holdings.environments.push(held.collect());
        }
        Ok(holdings)
    }
}

/// Removes the logs in a directory that were last written to before a moment. The activities stay listed.
fn remove_logs_before(directory: &Path, moment: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        if is_log && path.metadata()?.modified()? < moment {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(number: u8) -> ImageDigest {
        ImageDigest::new(format!("{number:02x}").repeat(32)).unwrap()
    }

    fn held(number: usize, commit: u8, images: Vec<u8>, current: bool) -> Held {
        Held {
            id: DeploymentId::new(format!("{number:013}")).unwrap(),
            commit: format!("commit {commit}"),
            images: images.into_iter().map(image).collect(),
            current,
        }
    }

    #[test]
    fn failed_pushes_do_not_use_up_what_one_can_go_back_to() {
        let mut deployments: Vec<Held> = (0..20).map(|n| held(n, 1, vec![1], n == 0)).collect();
        deployments.push(held(20, 2, vec![2], false));
        let holdings = Holdings {
            images: vec![image(1), image(2), image(3)],
            environments: vec![deployments],
            ..Default::default()
        };
        let unused = unused(&holdings);
        assert_eq!(unused.images, [image(3)]);
        assert_eq!(unused.deployments.len(), 19);
        assert!(!unused.deployments.contains(&holdings.environments[0][20].id));
    }

    #[test]
    fn only_old_logs_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, age_days: u64| {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            let written = SystemTime::now() - Duration::from_secs(age_days * 24 * 3600);
            file.set_modified(written).unwrap();
        };
        file("old.log", 91);
        file("new.log", 89);
        file("other.txt", 400);
        remove_logs_before(directory.path(), SystemTime::now() - LOGS_KEPT).unwrap();
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["new.log", "other.txt"]);
    }

    prop_compose! {
        fn deployments()(
            held in prop::collection::vec((0u8..30, prop::collection::vec(0u8..60, 0..4)), 0..40),
            current in 0usize..40,
        ) -> Vec<(u8, Vec<u8>, bool)> {
            held.into_iter().enumerate().map(|(n, (commit, images))| (commit, images, n == current)).collect()
        }
    }

    proptest! {
        #[test]
        fn what_is_in_use_is_never_removed_and_all_else_is(
            images in prop::collection::btree_set(0u8..60, 0..60),
            used in prop::collection::btree_set(0u8..60, 0..5),
            environments in prop::collection::vec(deployments(), 0..4),
        ) {
            let mut number = 0;
            let environments: Vec<Vec<Held>> = environments.into_iter().map(|of_one| {
                of_one.into_iter().map(|(commit, images, current)| {
                    number += 1;
                    held(number, commit, images, current)
                }).collect()
            }).collect();
            let mut holdings = Holdings {
                images: images.into_iter().map(image).collect(),
                used: used.into_iter().map(image).collect(),
                environments,
            };
            let gone = unused(&holdings);
            for image in &gone.images {
                prop_assert!(!holdings.used.contains(image));
            }
            let mut still_used = holdings.used.clone();
            for environment in &holdings.environments {
                let kept: Vec<&Held> = environment.iter().filter(|held| !gone.deployments.contains(&held.id)).collect();
                prop_assert!(environment.iter().filter(|held| held.current).all(|held| !gone.deployments.contains(&held.id)));
                // The ten newest commits can be gone back to, each by its newest deployment.
                let mut seen: Vec<&str> = Vec::new();
                for held in environment {
                    if !seen.contains(&held.commit.as_str()) {
                        seen.push(&held.commit);
                        prop_assert_eq!(
                            seen.len() <= KEPT_COMMITS || held.current,
                            kept.iter().any(|k| k.id == held.id)
                        );
                    }
                }
                prop_assert!(kept.len() <= KEPT_COMMITS + 1);
                for held in kept {
                    prop_assert!(held.images.iter().all(|image| !gone.images.contains(image)));
                    still_used.extend(held.images.iter().cloned());
                }
            }
            for image in &holdings.images {
                prop_assert_eq!(gone.images.contains(image), !still_used.contains(image));
            }
            // Looking again finds nothing more.
            holdings.images.retain(|image| !gone.images.contains(image));
            for environment in &mut holdings.environments {
                environment.retain(|held| !gone.deployments.contains(&held.id));
            }
            prop_assert_eq!(unused(&holdings), Unused::default());
        }
    }
}
