//! A build from its checkout to its image.

use crate::{
    caches,
    checkout::{self, CheckoutError},
    container::{self, Parts},
    mount_points::{self, MountPointError},
    source,
    stage::{Stage, stages},
    submodules,
    tail::Tail,
};
use guise_config::App;
use guise_image::{Recipe, RecipeError};
use guise_model::{ContainerId, ImageDigest, Limits, VolumeId};
use guise_node::{Node, NodeError, RunFile, User};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Longest time for all scripts of a build together (spec 1.3).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3600);

/// Most that a build may write beside the pool's other volumes, in bytes (the published platform's limit).
const MOST_BYTES: u64 = 8_000_000_000;

/// What is to be built, and with what.
#[derive(Debug, Clone)]
pub struct BuildRequest<'a> {
    /// The project's bare repository.
    pub repository: &'a Path,
    /// The commit.
    pub commit: &'a str,
    /// The app.
    pub app: &'a App,
    /// Environment of the scripts, but for what the build itself knows: its tree, its directories, the certificates.
    pub env: &'a BTreeMap<String, String>,
    /// The base image.
    pub base: &'a ImageDigest,
    /// The recipe that the base image was built from.
    pub recipe: &'a Recipe,
    /// Volume for what builds keep for the next one; made when it is missing.
    pub cache: &'a VolumeId,
    /// The same for what the project's apps keep in common.
    pub shared_cache: &'a VolumeId,
    /// A fresh id, for the build's container and its volume.
    pub container: &'a ContainerId,
    /// A free slot: the container's address and id range.
    pub slot: u32,
    /// Configuration of the image's programs, for the container's ramdisk.
    pub files: &'a [RunFile],
    /// What the container is held to.
    pub limits: Limits,
}

/// A build that failed. What it made is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A script failed.
    #[error("{}", describe_failure(.stage, *.status, .limits))]
    Hook {
        /// `hook`, `flavor` or `dependencies-LANGUAGE`.
        stage: String,
        /// Its exit status; 128 + N when signal N ended it.
        status: i32,
        /// The last lines of its output, which have been streamed already.
        last_lines: Vec<String>,
        /// What it was held to.
        limits: Limits,
    },
    /// The build filled what it may write, or the pool is full.
    #[error(
        "no space left for the build of {app} ({stage}): a build may fill nine tenths of what is free of the pool, at \
         most {} MB; of the pool's {} MB, {} MB are in use. Let the build make less, delete environments that are not \
         needed, or enlarge the pool",
        MOST_BYTES / 1_000_000, .total_bytes / 1_000_000, .used_bytes / 1_000_000
    )]
    NoSpace {
        /// The app.
        app: String,
        /// What was being done.
        stage: String,
        /// In use in the pool, in bytes.
        used_bytes: u64,
        /// The pool's size, in bytes.
        total_bytes: u64,
    },
    /// The scripts took too long.
    #[error("the build was stopped after {} minutes, the longest time for a build", TIMEOUT.as_secs() / 60)]
    TimedOut,
    /// Somebody cancelled it.
    #[error("the build was cancelled")]
    Cancelled,
    /// No address is left for the build's container.
    #[error("slot {slot} is outside of the address range; remove environments that are not needed")]
    NoAddress {
        /// The slot.
        slot: u32,
    },
    /// The commit's files could not be made.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The recipe has no way to install a dependency.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A directory for a mount could not be made.
    #[error(transparent)]
    MountPoint(#[from] MountPointError),
    /// The node refused.
    #[error(transparent)]
    Node(NodeError),
}

impl From<NodeError> for BuildError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Cancelled => Self::Cancelled,
            NodeError::TimedOut { .. } => Self::TimedOut,
            other => Self::Node(other),
        }
    }
}

fn describe_failure(stage: &str, status: i32, limits: &Limits) -> String {
    let what = match stage.strip_prefix("dependencies-") {
        Some(language) => format!("installing the {language} dependencies"),
        None if stage == "hook" => "the build hook".into(),
        None if stage == source::STAGE => "the source operation".into(),
        None => format!("the build's {stage}"),
    };
    // SIGKILL: nobody but the kernel sends it here.
    match status {
        137 => format!(
            "{what} was killed; most likely it used more than its {} MB of memory",
            limits.memory_bytes / 1_000_000
        ),
        status => format!("{what} failed with exit status {status}"),
    }
}

/// Builds an app: checks its code out, runs its scripts, makes its mount points, freezes the result.
///
/// Lines for the person who waits go to `line`. When `cancel` becomes true, what runs is killed.
///
/// # Errors
/// [`BuildError`]; nothing of the build is left then.
pub fn build(
    node: &Node,
    request: &BuildRequest<'_>,
    cancel: &AtomicBool,
    line: &mut dyn FnMut(&str),
) -> Result<ImageDigest, BuildError> {
    let user = user(request.recipe);
    let full = |stage: &str, error: BuildError| no_space(node, request, stage, error);
    let tree_id = checkout::tree_id(request.repository, request.commit, &request.app.source_root)?;
    let volume = BuildVolume::create(node, request.container, user)?;
    let tree = node.volume_path(&volume.id)?;
    checkout::checkout(request.repository, &tree_id, &tree, user, line)
        .map_err(|error| full("checkout", error.into()))?;
    let (repository, root) = (request.repository, &request.app.source_root);
    let submodules = submodules::stage(repository, request.commit, root, line)?;
    let own = stages(request.app, request.recipe, &tree)?;
    let (restore, keep) = caches::stages(repository, &tree_id, request.app)?.unzip();
    let stages: Vec<Stage> = submodules
        .into_iter()
        .chain(restore)
        .chain(own)
        .chain(keep)
        .collect();
    if !stages.is_empty() {
        node.volume_create(request.cache, None, user, 0o755)?;
        if caches::are_shared(request.app) {
            node.volume_create(request.shared_cache, None, user, 0o755)?;
        }
        run(node, request, &volume.id, user, &tree_id, &stages, cancel, line)?;
    }
    mount_points::make(node, &volume.id, request.app, user, line)?;
    if cancel.load(Ordering::Relaxed) {
        return Err(BuildError::Cancelled);
    }
    node.freeze(&volume.id, cancel)
        .map_err(|error| full("freezing", error.into()))
}

/// Runs the stages one after the other in one container, which is removed afterwards.
#[allow(clippy::too_many_arguments, reason = "the build's whole state, used once")]
fn run(
    node: &Node,
    request: &BuildRequest<'_>,
    volume: &VolumeId,
    user: User,
    tree_id: &str,
    stages: &[Stage],
    cancel: &AtomicBool,
    line: &mut dyn FnMut(&str),
) -> Result<(), BuildError> {
    let address = node.instance().addresses.address(request.slot);
    let mut env = request.recipe.build_env().clone();
    // What the project sets itself it means.
    env.extend(request.env.clone());
    env.insert("PLATFORM_TREE_ID".into(), tree_id.into());
    env.insert("PLATFORM_OUTPUT_DIR".into(), "/app".into());
    let (spec, env) = container::spec(Parts {
        id: request.container.clone(),
        slot: request.slot,
        address: address.ok_or(BuildError::NoAddress { slot: request.slot })?,
        app: request.app.name.as_str(),
        base: request.base.clone(),
        checkout: volume.clone(),
        cache: request.cache.clone(),
        shared_cache: caches::are_shared(request.app).then(|| request.shared_cache.clone()),
        user,
        limits: request.limits,
        env,
        files: request.files,
        stages,
    });
    let _container = BuildContainer::create(node, &spec)?;
    let deadline = Instant::now() + TIMEOUT;
    for stage in stages {
        line(&stage.announcement);
        let mut tail = Tail::default();
        let mut both = |text: &str| {
            tail.push(text);
            line(&format!("  {text}"));
        };
        let process = container::process(stage, &env, user);
        let left = deadline.saturating_duration_since(Instant::now());
        let status = node.exec_stream(request.container, &process, &[], Some(left), cancel, &mut both)?;
        if status != 0 {
            let full = tail.says_full();
            let error = BuildError::Hook {
                stage: stage.name.clone(),
                status,
                last_lines: tail.into_lines(),
                limits: request.limits,
            };
            return Err(if full {
                no_space(node, request, &stage.name, error)
            } else {
                error
            });
        }
    }
    Ok(())
}

/// Turns a failure whose cause is a full pool into one that says so and what to do.
fn no_space(node: &Node, request: &BuildRequest<'_>, stage: &str, error: BuildError) -> BuildError {
    let mut text = Tail::default();
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        text.push(&error.to_string());
        source = error.source();
    }
    let full = text.says_full() || matches!(&error, BuildError::Hook { .. });
    match node.pool_usage() {
        Ok(usage) if full => BuildError::NoSpace {
            app: request.app.name.to_string(),
            stage: stage.into(),
            used_bytes: usage.used_bytes,
            total_bytes: usage.total_bytes,
        },
        _ => error,
    }
}

pub(crate) fn user(recipe: &Recipe) -> User {
    let (uid, gid) = recipe.user();
    User { uid, gid }
}

/// The volume in which a build works; deleted when it ends, however it ends.
pub(crate) struct BuildVolume<'a> {
    node: &'a Node,
    pub(crate) id: VolumeId,
}

impl<'a> BuildVolume<'a> {
    pub(crate) fn create(node: &'a Node, container: &ContainerId, owner: User) -> Result<Self, BuildError> {
        let id = VolumeId::new(format!("build-{container}"))
            .expect("a container id is made of letters and digits that a volume id may have");
        let volume = Self { node, id };
        // What a crash left of the same build is of no use.
        node.volume_delete(&volume.id)?;
        // A tenth is left to databases, which take a full disk worse than a build does.
        let quota_bytes = (node.room()?.free_bytes / 10 * 9).min(MOST_BYTES);
        node.volume_create(&volume.id, Some(quota_bytes), owner, 0o755)?;
        Ok(volume)
    }
}

impl Drop for BuildVolume<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.node.volume_delete(&self.id) {
            tracing::warn!(volume = %self.id, %error, "a build's volume is left behind");
        }
    }
}

/// A build's container; removed when its scripts have ended, however they ended.
pub(crate) struct BuildContainer<'a> {
    node: &'a Node,
    id: ContainerId,
}

impl<'a> BuildContainer<'a> {
    pub(crate) fn create(node: &'a Node, spec: &guise_node::ContainerSpec) -> Result<Self, BuildError> {
        node.create(spec)?;
        Ok(Self {
            node,
            id: spec.id.clone(),
        })
    }
}

impl Drop for BuildContainer<'_> {
    fn drop(&mut self) {
        // Nothing in it needs to be asked to stop.
        if let Err(error) = self.node.remove(&self.id) {
            tracing::warn!(container = %self.id, %error, "a build's container is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_which_script_and_why() {
        let limits = guise_model::Size::Auto.limits(guise_model::Profile::HighCpu);
        assert_eq!(
            describe_failure("hook", 2, &limits),
            "the build hook failed with exit status 2"
        );
        assert_eq!(
            describe_failure("dependencies-python3", 1, &limits),
            "installing the python3 dependencies failed with exit status 1"
        );
        assert_eq!(
            describe_failure("flavor", 137, &limits),
            "the build's flavor was killed; most likely it used more than its 512 MB of memory"
        );
    }
}
