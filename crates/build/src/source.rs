//! Commands that change a project's code: run over a clone of one branch in a container like a build's (spec 1.15).
//!
//! The clone belongs to the commands from the first of them on, so nothing on the host runs git in it any more: what
//! they committed comes out as a bundle, written by the git inside.

use crate::{
    build::{self, BuildContainer, BuildError, BuildVolume},
    checkout,
    container::{self, Parts},
    stage::Stage,
    tail::Tail,
};
use guise_image::Recipe;
use guise_model::{ContainerId, ImageDigest, Limits, VolumeId};
use guise_node::{Node, NodeError, Process, RunFile};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Name of the only stage.
pub(crate) const STAGE: &str = "operation";

/// Most that the commits of one operation may take, in bytes.
const MOST_BYTES: u64 = 1_000_000_000;

/// Most that the git inside may say besides, in bytes.
const MOST_WORDS: u64 = 10_000;

/// How long the git inside may take for one answer.
const READ: Duration = Duration::from_secs(300);

/// One command.
#[derive(Debug)]
pub struct SourceCommand<'a> {
    /// The app whose it is.
    pub app: &'a str,
    /// The app's directory relative to the repository; empty for its root.
    pub directory: &'a str,
    /// The command, for dash.
    pub command: &'a str,
    /// Its environment, but for what this knows itself: its directories, the certificates.
    pub env: BTreeMap<String, String>,
    /// The base image.
    pub base: ImageDigest,
    /// The recipe that the base image was built from.
    pub recipe: &'a Recipe,
    /// The volume for what the app's builds keep for the next one; made when it is missing.
    pub cache: VolumeId,
    /// A fresh id for its container.
    pub container: ContainerId,
    /// Configuration of the image's programs, for the container's ramdisk.
    pub files: Vec<RunFile>,
}

/// A source operation that failed. What it made is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The clone, its container or the command.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The git inside does not say which commit there is.
    #[error("the source operation left no repository: {message}")]
    NoCommit {
        /// What git said.
        message: String,
    },
    /// The git inside does not hand out the commits.
    #[error("the source operation's commits cannot be read: git ended with status {status}")]
    NoBundle {
        /// Its exit status.
        status: i32,
    },
    /// The commits are too large.
    #[error("the source operation's commits take more than {} MB", MOST_BYTES / 1_000_000)]
    TooLarge,
    /// The commits cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<NodeError> for SourceError {
    fn from(error: NodeError) -> Self {
        Self::Build(error.into())
    }
}

/// A clone that commands change one after the other.
#[derive(Debug)]
pub struct Source<'a> {
    /// The project's bare repository.
    pub repository: &'a Path,
    /// The branch.
    pub branch: &'a str,
    /// The commit it points to.
    pub commit: &'a str,
    /// A free slot: the containers' address and id range.
    pub slot: u32,
    /// What the containers are held to.
    pub limits: Limits,
}

impl Source<'_> {
    /// Runs the commands and writes the commits they made to the file `bundle`; answers the last one, `None` when there
    /// is no new one.
    ///
    /// # Errors
    /// [`SourceError`]; nothing but the bundle's file is left.
    pub fn run(
        &self,
        node: &Node,
        commands: &[SourceCommand<'_>],
        bundle: &Path,
        cancel: &AtomicBool,
        line: &mut dyn FnMut(&str),
    ) -> Result<Option<String>, SourceError> {
        let Some(first) = commands.first() else {
            return Ok(None);
        };
        let user = build::user(first.recipe);
        let volume = BuildVolume::create(node, &first.container, user)?;
        checkout::clone(self.repository, self.branch, &node.volume_path(&volume.id)?, user)
            .map_err(BuildError::from)?;
        let deadline = Instant::now() + build::TIMEOUT;
        let mut head = None;
        for (number, command) in commands.iter().enumerate() {
            let attempt = Attempt {
                source: self,
                node,
                command,
                volume: &volume.id,
            };
            let last = (number + 1 == commands.len()).then_some(bundle);
            head = attempt.run(deadline, last, cancel, line)?;
        }
        Ok(head)
    }
}

/// One command over the clone.
struct Attempt<'a> {
    source: &'a Source<'a>,
    node: &'a Node,
    command: &'a SourceCommand<'a>,
    volume: &'a VolumeId,
}

impl Attempt<'_> {
    /// Runs the command in a container of its own; hands the commits out if `bundle` says where to.
    fn run(
        &self,
        deadline: Instant,
        bundle: Option<&Path>,
        cancel: &AtomicBool,
        line: &mut dyn FnMut(&str),
    ) -> Result<Option<String>, SourceError> {
        let (command, source) = (self.command, self.source);
        let user = build::user(command.recipe);
        self.node.volume_create(&command.cache, None, user, 0o755)?;
        let stages = [Stage {
            name: STAGE.into(),
            announcement: String::new(),
            script: command.command.into(),
        }];
        let mut env = command.env.clone();
        env.insert("PLATFORM_SOURCE_DIR".into(), "/app".into());
        for role in ["AUTHOR", "COMMITTER"] {
            for (what, value) in [("NAME", "guise"), ("EMAIL", "guise@localhost")] {
                env.entry(format!("GIT_{role}_{what}"))
                    .or_insert_with(|| value.into());
            }
        }
        let address = self.node.instance().addresses.address(source.slot);
        let (spec, env) = container::spec(Parts {
            id: command.container.clone(),
            slot: source.slot,
            address: address.ok_or(BuildError::NoAddress { slot: source.slot })?,
            app: command.app,
            base: command.base.clone(),
            checkout: self.volume.clone(),
            cache: command.cache.clone(),
            shared_cache: None,
            user,
            limits: source.limits,
            env,
            files: &command.files,
            stages: &stages,
        });
        let _container = BuildContainer::create(self.node, &spec)?;
        let mut process = container::process(&stages[0], &env, user);
        process.cwd = format!("/app/{}", command.directory);
        let left = deadline.saturating_duration_since(Instant::now());
        let mut tail = Tail::default();
        let mut both = |text: &str| {
            tail.push(text);
            line(&format!("  {text}"));
        };
        let id = &command.container;
        let status = self
            .node
            .exec_stream(id, &process, &[], Some(left), cancel, &mut both)?;
        if status != 0 {
            return Err(SourceError::Build(BuildError::Hook {
                stage: STAGE.into(),
                status,
                last_lines: tail.into_lines(),
                limits: source.limits,
            }));
        }
        let git = Process {
            cwd: "/app".into(),
            ..process
        };
        match bundle {
            Some(bundle) => self.hand_out(git, bundle),
            None => Ok(None),
        }
    }

    /// Writes the commits since the branch's to a file.
    fn hand_out(&self, git: Process, bundle: &Path) -> Result<Option<String>, SourceError> {
        let process = |script: &str| Process {
            argv: ["/bin/sh", "-c", script, "git", self.source.commit]
                .map(str::to_owned)
                .into(),
            ..git.clone()
        };
        let mut said = Vec::new();
        let status = self.read(
            &process("exec git rev-parse --verify HEAD"),
            MOST_WORDS,
            &mut |bytes| {
                said.extend_from_slice(bytes);
                Ok(())
            },
        )?;
        let head = String::from_utf8_lossy(&said).trim().to_owned();
        let is_commit = head.len() == 40 && head.bytes().all(|byte| byte.is_ascii_hexdigit());
        if status != 0 || !is_commit {
            return Err(SourceError::NoCommit { message: head });
        }
        if head == self.source.commit {
            return Ok(None);
        }
        let failed = |source| SourceError::Write {
            path: bundle.into(),
            source,
        };
        let mut file = File::create(bundle).map_err(failed)?;
        // Nobody reads what it says besides.
        let write = process("exec git bundle create --quiet - \"$1..HEAD\" 2>/dev/null");
        match self.read(&write, MOST_BYTES, &mut |bytes| {
            file.write_all(bytes).map_err(failed)
        })? {
            0 => Ok(Some(head)),
            status => Err(SourceError::NoBundle { status }),
        }
    }

    /// Reads what a process inside says, as long as it is not too much, and answers its exit status. What an operation
    /// left running may disturb it: neither its length nor its end is a matter of course.
    fn read(
        &self,
        process: &Process,
        most: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Result<i32, SourceError> {
        let stop = AtomicBool::new(false);
        let (mut read, mut outcome) = (0, Ok(()));
        let mut output = |bytes: &[u8]| {
            read += bytes.len() as u64;
            if outcome.is_ok() {
                outcome = if read > most {
                    Err(SourceError::TooLarge)
                } else {
                    take(bytes)
                };
                stop.store(outcome.is_err(), Ordering::Relaxed);
            }
        };
        let (id, patience) = (&self.command.container, Some(READ));
        let ended = self
            .node
            .exec_bytes(id, process, &[], patience, &stop, &mut output);
        outcome?;
        Ok(ended?)
    }
}
