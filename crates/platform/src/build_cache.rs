//! What a project's builds keep for the next one, and how to be rid of it (spec 1.3, `PLATFORM_CACHE_DIR`).

use crate::{
    Platform, PlatformError,
    store::{ProjectRecord, StoreError},
};
use guise_model::{Name, ProjectId, VolumeId};

/// How the components of a project begin that own a cache; behind it stands the app's name.
const CACHE: &str = "cache--";
/// The component that owns what the builds of all apps keep in common.
const SHARED: &str = "shared-cache";
/// The environment of what all of a project's have in common.
const EVERY: &str = "";

impl Platform {
    /// The volume for what an app's builds keep, on all branches.
    pub(crate) fn build_cache(&self, project: &ProjectId, app: &Name) -> Result<VolumeId, StoreError> {
        self.store().volume(project, EVERY, &format!("{CACHE}{app}"))
    }

    /// The volume for what the builds of all apps keep in common, on all branches.
    pub(crate) fn shared_build_cache(&self, project: &ProjectId) -> Result<VolumeId, StoreError> {
        self.store().volume(project, EVERY, SHARED)
    }

    /// Removes what all builds of a project have kept; answers the apps. The next builds begin without.
    ///
    /// # Errors
    /// [`PlatformError::Building`] while one of its builds runs.
    pub fn clear_build_cache(&self, project: &ProjectRecord) -> Result<Vec<String>, PlatformError> {
        let cleared = self.shared.builds.without(&project.id, || {
            let mut apps = Vec::new();
            for (component, volume) in self.store().volumes(&project.id, Some(EVERY))? {
                if let Some(app) = component.strip_prefix(CACHE) {
                    self.node().volume_delete(&volume)?;
                    apps.push(app.to_owned());
                } else if component == SHARED {
                    self.node().volume_delete(&volume)?;
                }
            }
            Ok(apps)
        });
        cleared.ok_or_else(|| PlatformError::Building {
            project: project.title.clone(),
        })?
    }
}
