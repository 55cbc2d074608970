//! Builds what a configuration needs: base images, then each app, unless it was built before.

use crate::{
    Platform, PlatformError,
    activity::Report,
    assemble::{AppBuild, Images, build_files},
    effective::Phase,
    store::{BuildRecord, EnvironmentRecord, ProjectRecord, StoreError},
    variables,
};
use guise_build::{BuildError, BuildRequest};
use guise_config::{App, NETWORK_STORAGE, Project, Service};
use guise_image::Recipe;
use guise_model::{ImageDigest, Limits};
use guise_node::NodeError;
use std::{collections::BTreeSet, panic::resume_unwind, thread};

/// What a build may use: the machine, within reason.
pub(crate) const LIMITS: Limits = Limits {
    cpu_millis: 64_000,
    memory_bytes: 4_000_000_000,
    pids: 8192,
};

/// Whether a service is a container, not only a disk.
fn runs(service: &Service) -> bool {
    service.type_name != NETWORK_STORAGE
}

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildFailure {
    /// The app's own build.
    #[error("application {app} was not built: {source}")]
    App {
        /// The app.
        app: String,
        /// Why.
        source: Box<BuildError>,
    },
    /// A base image.
    #[error("the base image {image} was not built: {source}")]
    Base {
        /// Which.
        image: String,
        /// Why.
        source: NodeError,
    },
    /// Anything that any request can run into.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

impl From<StoreError> for BuildFailure {
    fn from(error: StoreError) -> Self {
        Self::Platform(error.into())
    }
}

/// Where a build's lines go: to the activity's log, with the app's name where several are built at once.
struct AppLog<'a> {
    report: &'a Report,
    app: &'a App,
    several: bool,
}

impl AppLog<'_> {
    fn line(&self, text: &str) {
        match self.several {
            true => self.report.line(&format!("  [{}] {text}", self.app.name)),
            false => self.report.line(&format!("  {text}")),
        }
    }
}

impl Platform {
    /// Builds everything that a configuration needs: its apps at once, as far as the machine allows.
    pub(crate) fn build(
        &self,
        project: &ProjectRecord,
        environment: &EnvironmentRecord,
        config: &Project,
        commit: &str,
        report: &Report,
    ) -> Result<Images, BuildFailure> {
        let mut images = Images::default();
        for service in config.services.iter().filter(|service| runs(service)) {
            let base = self.base(&service.type_name, &service.resolved, report)?;
            images.services.insert(service.name.to_string(), base);
        }
        let mut bases = Vec::new();
        for app in &config.apps {
            bases.push(self.base(&app.runtime.name, &app.runtime.resolved, report)?);
        }
        let several = config.apps.len() > 1;
        let builds: Vec<_> = thread::scope(|scope| {
            let build = |(app, base): (_, ImageDigest)| {
                scope.spawn(move || {
                    let log = AppLog { report, app, several };
                    self.build_app(project, environment, app, base, commit, &log)
                })
            };
            let threads: Vec<_> = config.apps.iter().zip(bases).map(build).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for (app, build) in config.apps.iter().zip(builds) {
            let build = build.unwrap_or_else(|panic| resume_unwind(panic))?;
            images.apps.insert(app.name.to_string(), build);
        }
        Ok(images)
    }

    /// Removes what builds that a stopped daemon was in the middle of left behind: containers that no environment
    /// owns, their checkouts, and the index that git wrote them from.
    pub(crate) fn remove_interrupted_builds(&self) -> Result<(), PlatformError> {
        let owned: BTreeSet<String> = self
            .store()
            .container_owners()?
            .into_iter()
            .map(|owner| owner.0)
            .collect();
        for container in self.node().containers() {
            let id = container.spec.id;
            if !owned.contains(id.as_str()) {
                tracing::info!(container = %id, name = container.spec.name, "removing what nobody owns");
                self.node().remove(&id)?;
            }
        }
        for volume in self.node().volumes()? {
            if volume.as_str().starts_with("build-") {
                self.node().volume_delete(&volume)?;
            }
        }
        for project in self.store().projects()? {
            guise_build::remove_leftovers(self.repository(&project.id).path());
        }
        Ok(())
    }

    pub(crate) fn base(
        &self,
        name: &str,
        version: &str,
        report: &Report,
    ) -> Result<ImageDigest, BuildFailure> {
        let image = format!("{name}:{version}");
        let mut told = false;
        let mut progress = |line: &str| {
            if !told {
                report.line(&format!("Building base image {image} (once on this machine)"));
                told = true;
            }
            report.line(&format!("  {line}"));
        };
        let catalog = self.node().catalog();
        let resolved = catalog
            .resolve(name, version)
            .map_err(|unknown| PlatformError::UnknownImage {
                reason: unknown.to_string(),
            })?;
        let (recipe, version) = (resolved.recipe.name(), &resolved.version);
        let built = self
            .node()
            .base_image(recipe, version, false, report.cancelled(), &mut progress);
        built.map_err(|source| BuildFailure::Base {
            image: image.clone(),
            source,
        })
    }

    /// The recipe of an app's base image.
    pub(crate) fn recipe(&self, app: &App) -> Result<&Recipe, PlatformError> {
        let catalog = self.node().catalog();
        match catalog.resolve(&app.runtime.name, &app.runtime.resolved) {
            Ok(resolved) => Ok(resolved.recipe),
            Err(unknown) => Err(PlatformError::UnknownImage {
                reason: unknown.to_string(),
            }),
        }
    }

    fn build_app(
        &self,
        project: &ProjectRecord,
        environment: &EnvironmentRecord,
        app: &App,
        base: ImageDigest,
        commit: &str,
        log: &AppLog<'_>,
    ) -> Result<AppBuild, BuildFailure> {
        let failed = |source| BuildFailure::App {
            app: app.name.to_string(),
            source: Box::new(source),
        };
        let repository = self.repository(&project.id);
        let recipe = self.recipe(app)?;
        let levels = self.levels(environment)?;
        let given = levels.given(app, Phase::Build);
        let env = variables::at_build_time(project, app, &given, recipe.env());
        let (repository, name) = (repository.path(), &app.name);
        let visible = levels.of_build(app.name.as_str());
        let id = guise_build::build_id(repository, commit, app, &visible, &base)
            .map_err(|error| failed(error.into()))?;
        let tree = guise_build::tree_id(repository, commit, &app.source_root)
            .map_err(|error| failed(error.into()))?;
        let short = tree.get(..7).unwrap_or(&tree);
        let image_type = app.runtime.as_written();
        log.report.line(&format!(
            "Building application '{name}' (runtime type: {image_type}, tree: {short})"
        ));
        let known = self.store().build(&project.id, id.as_str())?;
        if let Some(known) = known.filter(|known| self.node().has_image(&known.image)) {
            log.line("Reusing existing build for this tree ID");
            return Ok(AppBuild {
                base,
                image: known.image,
                tree: known.tree,
            });
        }
        let cancelled = log.report.cancelled();
        let wait = || log.line("Waiting until other builds have ended");
        let permit = self.shared.builds.enter(&project.id, cancelled, wait);
        let _permit = permit.ok_or(failed(BuildError::Cancelled))?;
        let component = format!("build--{name}");
        let (slot, _) = self.place(environment, &component)?;
        let cache = self.build_cache(&project.id, name)?;
        let shared_cache = self.shared_build_cache(&project.id)?;
        let container = crate::deploy::fresh_container_id();
        let files = build_files(recipe, app, &given, LIMITS)?;
        let request = BuildRequest {
            repository,
            commit,
            app,
            env: &env,
            base: &base,
            recipe,
            cache: &cache,
            shared_cache: &shared_cache,
            container: &container,
            slot,
            files: &files,
            limits: LIMITS,
        };
        let mut line = |line: &str| log.line(line);
        let built = guise_build::build(self.node(), &request, cancelled, &mut line);
        self.store()
            .release_slot(&project.id, &environment.name, &component)?;
        let made = BuildRecord {
            image: built.map_err(failed)?,
            tree,
        };
        self.store()
            .record_build(&project.id, id.as_str(), name.as_str(), &made)?;
        Ok(AppBuild {
            base,
            image: made.image,
            tree: made.tree,
        })
    }
}
