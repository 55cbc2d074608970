//! A project's bare repository, through the `git` program.
//!
//! git itself reads and writes the objects (it is what the field audits); guise names commits and paths.

use crate::login::GitService;
use guise_model::UserName;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// What can go wrong with a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git could not be started.
    #[error("cannot run git (Debian package: git): {0}")]
    Start(io::Error),
    /// git refused.
    #[error("git {operation} in {repository} failed: {reason}")]
    Refused {
        /// The subcommand.
        operation: String,
        /// The repository.
        repository: PathBuf,
        /// git's words.
        reason: String,
    },
    /// A hook or the repository's directory cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a push sends as its quarantine lies outside the repository.
    #[error("{path} is not a quarantine directory of {repository}")]
    Quarantine {
        /// What was sent.
        path: PathBuf,
        /// The repository.
        repository: PathBuf,
    },
}

/// A bare repository, or its view from a push that waits in quarantine.
#[derive(Debug, Clone)]
pub struct Repository {
    path: PathBuf,
    quarantine: Option<PathBuf>,
}

/// The variable by which hooks learn who pushes over the network.
pub(crate) const PUSHING_USER: &str = "GUISE_USER";

/// git at work for somebody on the network. It ends by itself when its pipes do: a killed one would leave locks.
#[derive(Debug)]
pub struct GitSession {
    child: Child,
    stdio: Option<[OwnedFd; 3]>,
}

impl GitSession {
    /// Hands out the ends of its pipes: to write its input, to read its output and its errors. `None` the second time.
    pub fn take_stdio(&mut self) -> Option<[OwnedFd; 3]> {
        self.stdio.take()
    }

    /// Blocks until it ends; its exit status.
    ///
    /// # Errors
    /// None that are known.
    pub fn wait(&mut self) -> io::Result<i32> {
        let status = self.child.wait()?;
        Ok(status.code().unwrap_or(1))
    }
}

/// Whether this is what git sends as `GIT_PROTOCOL` (git(1)): `version=2`, keys and values.
fn is_protocol(text: &str) -> bool {
    text.len() < 256
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"=:-_.".contains(&byte))
}

/// How a merge was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// There was nothing to merge.
    UpToDate,
    /// The branch moved forward.
    FastForward,
    /// A merge commit joins both.
    Commit,
}

impl std::fmt::Display for Merge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UpToDate => "Nothing to merge: all",
            Self::FastForward => "Fast-forward",
            Self::Commit => "Merge",
        })
    }
}

impl Repository {
    /// Names a repository; nothing is touched.
    pub fn at(path: PathBuf) -> Self {
        Self {
            path,
            quarantine: None,
        }
    }

    /// The same repository as a push in quarantine sees it (githooks(5), `GIT_QUARANTINE_PATH`).
    ///
    /// # Errors
    /// [`GitError::Quarantine`] unless it lies in this repository's object directory.
    pub fn in_quarantine(&self, quarantine: &Path) -> Result<Self, GitError> {
        let objects = self.path.join("objects");
        let real = quarantine.canonicalize().map_err(GitError::Start)?;
        if real.parent() != objects.canonicalize().ok().as_deref() {
            return Err(GitError::Quarantine {
                path: quarantine.into(),
                repository: self.path.clone(),
            });
        }
        Ok(Self {
            path: self.path.clone(),
            quarantine: Some(real),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it if missing, with `default_branch` as its HEAD.
    pub fn create(&self, default_branch: &str) -> Result<(), GitError> {
        // git makes no parents of a directory that GIT_DIR names.
        std::fs::create_dir_all(&self.path).map_err(|source| GitError::Write {
            path: self.path.clone(),
            source,
        })?;
        let head = format!("--initial-branch={default_branch}");
        self.run("init", &["--quiet", "--bare", &head])?;
        // A push may carry options (spec 5.1); `git archive` and friends need no reflog, people do.
        self.run("config", &["receive.advertisePushOptions", "true"])?;
        self.run("config", &["core.logAllRefUpdates", "true"])?;
        // guise says no itself, and why.
        self.run("config", &["receive.denyDeleteCurrent", "ignore"])?;
        // Backups and deployments that can be gone back to need their commits, also after a forced push.
        self.run("config", &["gc.pruneExpire", "never"])?;
        // By default git syncs packs alone. What was accepted is recorded to be deployed, so it must survive a power
        // cut, and a small push comes as loose objects.
        self.run("config", &["core.fsync", "committed"])?;
        Ok(())
    }

    /// Lets another branch be the one that a clone checks out.
    pub fn set_default_branch(&self, branch: &str) -> Result<(), GitError> {
        self.run("symbolic-ref", &["HEAD", &format!("refs/heads/{branch}")])?;
        Ok(())
    }

    /// Writes the hooks that ask and tell the daemon: `command` is the program and its arguments up to the
    /// hook's name. Also keeps git from looking for hooks elsewhere.
    pub fn install_hooks(&self, command: &[OsString]) -> Result<(), GitError> {
        use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
        for hook in ["pre-receive", "post-receive"] {
            let mut script = b"#!/bin/sh\nexec".to_vec();
            for word in command {
                script.extend_from_slice(b" '");
                script.extend(word.as_bytes().iter().flat_map(|byte| match byte {
                    b'\'' => b"'\\''".to_vec(),
                    byte => vec![*byte],
                }));
                script.push(b'\'');
            }
            script.extend_from_slice(format!(" {hook}\n").as_bytes());
            let path = self.path.join("hooks").join(hook);
            std::fs::create_dir_all(self.path.join("hooks"))
                .and_then(|()| std::fs::write(&path, script))
                .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)))
                .map_err(|source| GitError::Write { path, source })?;
        }
        Ok(())
    }

    /// Starts git's side of a fetch or a push that somebody makes over the network. Its hooks are told who it is. The
    /// pack goes through nobody's memory but git's.
    pub fn serve(
        &self,
        service: GitService,
        user: &UserName,
        protocol: Option<&str>,
    ) -> Result<GitSession, GitError> {
        let mut command = Command::new("git");
        command
            // What a stranger sends is checked before it is kept; what one asks for may be a part (partial clones).
            .args([
                "-c",
                "receive.fsckObjects=true",
                "-c",
                "uploadpack.allowFilter=true",
            ])
            .arg(service.as_str())
            .arg(&self.path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C.UTF-8")
            .env(PUSHING_USER, user.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(protocol) = protocol.filter(|protocol| is_protocol(protocol)) {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command.spawn().map_err(GitError::Start)?;
        let stdio = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .zip(child.stderr.take());
        let ((stdin, stdout), stderr) = stdio.expect("all three were asked to be pipes");
        Ok(GitSession {
            child,
            stdio: Some([stdin.into(), stdout.into(), stderr.into()]),
        })
    }

    /// The commit that a branch points to.
    pub fn head_of(&self, branch: &str) -> Result<Option<String>, GitError> {
        self.commit(&format!("refs/heads/{branch}"))
    }

    /// The heads of all branches, by their names. Names that are not UTF-8 are left out: no environment has one.
    pub fn heads(&self) -> Result<BTreeMap<String, String>, GitError> {
        let format = "--format=%(objectname) %(refname:lstrip=2)";
        let listed = self.run("for-each-ref", &[format, "refs/heads/"])?.stdout;
        let lines = listed.split(|byte| *byte == b'\n');
        Ok(lines
            .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(' '))
            .map(|(commit, branch)| (branch.into(), commit.into()))
            .collect())
    }

    /// The commit that a branch, a tag or (part of) an id names.
    pub fn commit(&self, revision: &str) -> Result<Option<String>, GitError> {
        let name = format!("{revision}^{{commit}}");
        match self.run("rev-parse", &["--verify", "--quiet", "--end-of-options", &name]) {
            Ok(output) => Ok(Some(text(&output.stdout))),
            Err(GitError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Points a branch to a commit.
    pub fn set_branch(&self, branch: &str, commit: &str) -> Result<(), GitError> {
        self.run("update-ref", &[&format!("refs/heads/{branch}"), commit])
            .map(drop)
    }

    /// Deletes a branch. No such branch is success.
    pub fn delete_branch(&self, branch: &str) -> Result<(), GitError> {
        self.run("update-ref", &["-d", &format!("refs/heads/{branch}")])
            .map(drop)
    }

    /// Merges branch `from` into branch `into`: as a fast-forward where that is possible, else by a merge commit.
    ///
    /// # Errors
    /// [`GitError::Refused`] names the files in conflict; nothing has changed then.
    pub fn merge(&self, from: &str, into: &str) -> Result<Merge, GitError> {
        let head = |branch: &str| self.head_of(branch).map(Option::unwrap_or_default);
        let (theirs, ours) = (head(from)?, head(into)?);
        if self.is_ancestor(&theirs, &ours)? {
            return Ok(Merge::UpToDate);
        }
        if self.is_ancestor(&ours, &theirs)? {
            self.set_branch(into, &theirs)?;
            return Ok(Merge::FastForward);
        }
        let merged = self.run(
            "merge-tree",
            &["--write-tree", "--name-only", "--no-messages", &ours, &theirs],
        )?;
        let tree = text(&merged.stdout);
        let message = format!("Merge branch '{from}' into {into}");
        let commit = self.run(
            "commit-tree",
            &["-p", &ours, "-p", &theirs, "-m", &message, tree.trim()],
        )?;
        self.set_branch(into, &text(&commit.stdout))?;
        Ok(Merge::Commit)
    }

    /// Whether one commit is in the history of another, or is it.
    pub fn is_ancestor(&self, ancestor: &str, of: &str) -> Result<bool, GitError> {
        match self.run("merge-base", &["--is-ancestor", ancestor, of]) {
            Ok(_) => Ok(true),
            Err(GitError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a commit with all its history to a file (git-bundle(1)).
    pub fn bundle(&self, commit: &str, file: &Path) -> Result<(), GitError> {
        // A bundle is of refs, and the commit need not be any branch's head.
        let name = format!("refs/guise/exported/{commit}");
        self.run("update-ref", &[&name, commit])?;
        let written = self.run("bundle", &["create", "--quiet", &file.to_string_lossy(), &name]);
        self.run("update-ref", &["-d", &name])?;
        written.map(drop)
    }

    /// Takes in the commit of a file that [`bundle`](Self::bundle) has written. It stays for good.
    pub fn unbundle(&self, file: &Path) -> Result<(), GitError> {
        let from = file.to_string_lossy();
        let what = "refs/guise/exported/*:refs/guise/imported/*";
        self.run(
            "fetch",
            &["--quiet", "--no-tags", "--no-write-fetch-head", &from, what],
        )
        .map(drop)
    }

    /// Takes in what a hostile container wrote: the commits from `old`, which is here, to `new`. They stay only if a
    /// branch comes to need them.
    ///
    /// # Errors
    /// When the file is not what it should be, an object is malformed, or `new` does not go on from `old`.
    pub fn take_in(&self, file: &Path, old: &str, new: &str) -> Result<(), GitError> {
        // Nothing of the file's own names is used.
        let file = file.to_string_lossy();
        let arguments = [
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--end-of-options",
            &file,
            "HEAD",
        ];
        self.run_with(&["-c", "fetch.fsckObjects=true"], "fetch", &arguments)?;
        if self.is_ancestor(old, new)? {
            return Ok(());
        }
        Err(GitError::Refused {
            operation: "fetch".into(),
            repository: self.path.clone(),
            reason: format!("commit {new} does not go on from {old}: history is not rewritten"),
        })
    }

    /// Points a branch to another commit, if it still points to `old`.
    ///
    /// # Errors
    /// [`GitError::Refused`] when somebody pushed meanwhile.
    pub fn move_branch(&self, branch: &str, old: &str, new: &str) -> Result<(), GitError> {
        if self.head_of(branch)?.as_deref() == Some(new) {
            return Ok(());
        }
        self.run("update-ref", &[&format!("refs/heads/{branch}"), new, old])
            .map(drop)
    }

    /// The first line of a commit's message.
    pub fn subject(&self, commit: &str) -> Result<String, GitError> {
        Ok(text(
            &self.run("show", &["--no-patch", "--format=%s", commit])?.stdout,
        ))
    }

    /// Paths of all files of a commit. Names that are not UTF-8 are left out: no configuration file has one.
    pub fn paths(&self, commit: &str) -> Result<Vec<String>, GitError> {
        let output = self.run("ls-tree", &["-r", "-z", "--name-only", "--full-tree", commit])?;
        Ok(output
            .stdout
            .split(|byte| *byte == 0)
            .filter_map(|path| std::str::from_utf8(path).ok())
            .filter(|path| !path.is_empty())
            .map(String::from)
            .collect())
    }

    /// The content of a file of a commit; `None` when there is none.
    pub fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.run("cat-file", &["blob", &format!("{commit}:{path}")]) {
            Ok(output) => Ok(Some(output.stdout)),
            Err(GitError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn run(&self, operation: &str, arguments: &[&str]) -> Result<Output, GitError> {
        self.run_with(&[], operation, arguments)
    }

    fn run_with(&self, options: &[&str], operation: &str, arguments: &[&str]) -> Result<Output, GitError> {
        let mut command = Command::new("git");
        command
            .args(options)
            .arg(operation)
            .args(arguments)
            .env("GIT_DIR", &self.path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C.UTF-8")
            // Merge commits are guise's own.
            .envs([
                ("GIT_AUTHOR_NAME", "guise"),
                ("GIT_AUTHOR_EMAIL", "guise@localhost"),
            ])
            .envs([
                ("GIT_COMMITTER_NAME", "guise"),
                ("GIT_COMMITTER_EMAIL", "guise@localhost"),
            ])
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE");
        if let Some(quarantine) = &self.quarantine {
            command
                .env("GIT_OBJECT_DIRECTORY", quarantine)
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.path.join("objects"));
        }
        let output = command.output().map_err(GitError::Start)?;
        if output.status.success() {
            return Ok(output);
        }
        Err(GitError::Refused {
            operation: operation.into(),
            repository: self.path.clone(),
            // merge-tree names conflicts on its standard output.
            reason: text(if output.stderr.is_empty() {
                &output.stdout
            } else {
                &output.stderr
            }),
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(directory: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        let status = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(directory)
            .status()
            .unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    #[test]
    fn a_commit_is_read_without_a_checkout() {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::at(directory.path().join("projects/x/repository.git"));
        repository.create("main").unwrap();
        assert_eq!(repository.head_of("main").unwrap(), None);

        let work = directory.path().join("work");
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        std::fs::write(work.join("a\nb"), "x").unwrap();
        std::fs::write(work.join("c"), "content").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "First\n\nmore"]);
        git(
            &work,
            &["push", "-q", repository.path().to_str().unwrap(), "main"],
        );

        let commit = repository.head_of("main").unwrap().unwrap();
        assert_eq!(repository.paths(&commit).unwrap(), ["a\nb", "c"]);
        assert_eq!(repository.file(&commit, "c").unwrap().unwrap(), b"content");
        assert_eq!(repository.file(&commit, "missing").unwrap(), None);
        assert_eq!(repository.subject(&commit).unwrap(), "First");
        let heads: Vec<_> = repository.heads().unwrap().into_iter().collect();
        assert_eq!(heads, [("main".to_string(), commit)]);
    }

    #[test]
    fn a_quarantine_elsewhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::at(directory.path().join("repository.git"));
        repository.create("main").unwrap();
        assert!(repository.in_quarantine(Path::new("/etc")).is_err());
        let quarantine = repository.path().join("objects/tmp_objdir-incoming-x");
        std::fs::create_dir(&quarantine).unwrap();
        assert!(repository.in_quarantine(&quarantine).is_ok());
    }
}
