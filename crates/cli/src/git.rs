//! The git repository one stands in, asked through the `git` program.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Name of the remote that leads to guise.
pub const REMOTE: &str = "guise";

/// Why git did not say what was asked.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum GitError {
    #[error("cannot run git: {source}")]
    Run { source: io::Error },
    #[error("{} is not in a git repository", directory.display())]
    NotARepository { directory: PathBuf },
    #[error("git {operation} failed in {}: {stderr}", directory.display())]
    Failed {
        operation: String,
        directory: PathBuf,
        stderr: String,
    },
}

/// How a push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The remote has the commit.
    Accepted,
    /// The remote, or git itself, did not want it.
    Refused,
    /// A signal ended git; the remote may have the commit or not.
    Interrupted,
}

/// A work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository around `directory`.
    pub fn around(directory: &Path) -> Result<Self, GitError> {
        let output = run(directory, ["rev-parse", "--show-toplevel"])?;
        if output.status.success() {
            return Ok(Self {
                root: PathBuf::from(text(&output.stdout)),
            });
        }
        let stderr = text(&output.stderr);
        let directory = directory.to_owned();
        if stderr.contains("not a git repository") || stderr.contains("must be run in a work tree") {
            Err(GitError::NotARepository { directory })
        } else {
            Err(GitError::Failed {
                operation: "rev-parse".into(),
                directory,
                stderr,
            })
        }
    }

    /// Its top directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the remote named `guise` leads, if there is one.
    pub fn remote(&self) -> Result<Option<String>, GitError> {
        self.ask(&["config", "--get", &format!("remote.{REMOTE}.url")])
    }

    /// The id of the commit that a revision names here.
    pub fn commit(&self, revision: &str) -> Result<Option<String>, GitError> {
        let name = format!("{revision}^{{commit}}");
        self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
    }

    /// Adds the remote named `guise`.
    pub fn add_remote(&self, url: &str) -> Result<(), GitError> {
        self.tell(&["remote", "add", REMOTE, url]).map(drop)
    }

    /// The branch that is checked out; `None` on a detached head.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        self.ask(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    /// The commit that is checked out; `None` when there is none yet.
    pub fn head(&self) -> Result<Option<String>, GitError> {
        self.ask(&["rev-parse", "--quiet", "--verify", "HEAD^{commit}"])
    }

    /// The commit that the remote's branch is at, if it has the branch.
    pub fn remote_head(&self, branch: &str) -> Result<Option<String>, GitError> {
        let listed = self.tell(&["ls-remote", REMOTE, &format!("refs/heads/{branch}")])?;
        Ok(listed.split_whitespace().next().map(str::to_owned))
    }

    /// The paths of the files of the commit that is checked out.
    pub fn committed_paths(&self) -> Result<Vec<String>, GitError> {
        let listed = self.tell(&["ls-tree", "-r", "-z", "--name-only", "HEAD"])?;
        Ok(listed
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Whether files differ from the commit that is checked out.
    pub fn has_changes(&self) -> Result<bool, GitError> {
        Ok(!self.tell(&["status", "--porcelain"])?.is_empty())
    }

    /// Pushes the commit that is checked out to a branch of the remote; git talks to the person itself.
    pub fn push(&self, branch: &str) -> Result<Pushed, GitError> {
        let status = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["push", REMOTE, &format!("HEAD:refs/heads/{branch}")])
            .status()
            .map_err(|source| GitError::Run { source })?;
        Ok(match status.signal() {
            Some(_) => Pushed::Interrupted,
            None if status.success() => Pushed::Accepted,
            None => Pushed::Refused,
        })
    }

    /// Asks for something that may be absent: git answers 1 then, and says nothing.
    fn ask(&self, args: &[&str]) -> Result<Option<String>, GitError> {
        let output = run(&self.root, args)?;
        match output.status.code() {
            Some(0) => Ok(Some(text(&output.stdout)).filter(|text| !text.is_empty())),
            Some(1) => Ok(None),
            _ => Err(self.failed(args, &output)),
        }
    }

    fn tell(&self, args: &[&str]) -> Result<String, GitError> {
        let output = run(&self.root, args)?;
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(self.failed(args, &output))
        }
    }

    fn failed(&self, args: &[&str], output: &Output) -> GitError {
        GitError::Failed {
            operation: args.first().copied().unwrap_or_default().into(),
            directory: self.root.clone(),
            stderr: text(&output.stderr),
        }
    }
}

fn run(directory: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output, GitError> {
    Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(args)
        // Its messages are compared above.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| GitError::Run { source })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches(['\n', ' '])
        .to_owned()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A new repository in `directory`, with branch `trunk` checked out.
    pub fn repository(directory: &Path) -> Repository {
        git(directory, &["init", "--quiet", "--initial-branch", "trunk"]);
        Repository::around(directory).unwrap()
    }

    /// Runs git as somebody.
    pub fn git(directory: &Path, args: &[&str]) {
        let somebody = [
            "-c",
            "user.name=Somebody",
            "-c",
            "user.email=somebody@example.com",
        ];
        let output = run(directory, somebody.iter().chain(args)).unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    #[test]
    fn a_directory_outside_a_repository_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = Repository::around(directory.path()).unwrap_err();
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    }

    #[test]
    fn an_empty_repository_has_a_branch_but_no_head_and_no_remote() {
        let directory = tempfile::tempdir().unwrap();
        let repository = repository(directory.path());
        assert_eq!(repository.branch().unwrap().as_deref(), Some("trunk"));
        assert_eq!(repository.head().unwrap(), None);
        assert_eq!(repository.remote().unwrap(), None);
    }

    #[test]
    fn paths_of_a_commit_may_hold_line_feeds() {
        let directory = tempfile::tempdir().unwrap();
        let repository = repository(directory.path());
        std::fs::write(directory.path().join("two\nlines"), "").unwrap();
        git(directory.path(), &["add", "-A"]);
        git(directory.path(), &["commit", "--quiet", "-m", "first"]);
        assert_eq!(repository.committed_paths().unwrap(), ["two\nlines"]);
        assert!(!repository.has_changes().unwrap());
        assert_eq!(repository.head().unwrap().map(|head| head.len()), Some(40));
    }
}
