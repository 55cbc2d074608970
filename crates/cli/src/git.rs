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

/// What is pushed where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// The revision; the commit that is checked out when empty.
    pub source: String,
    /// The branch of the remote.
    pub branch: String,
    /// Whether commits of the remote may be lost.
    pub force: bool,
    /// The same, but only those that were fetched before.
    pub force_with_lease: bool,
    /// What the push says besides: `environment.parent=main`.
    pub options: Vec<String>,
}

impl Push {
    fn words(&self) -> Vec<String> {
        let mut words = vec!["push".to_owned()];
        if self.force {
            words.push("--force".into());
        }
        if self.force_with_lease {
            words.push("--force-with-lease".into());
        }
        for option in &self.options {
            words.extend(["--push-option".into(), option.clone()]);
        }
        let source = if self.source.is_empty() {
            "HEAD"
        } else {
            &self.source
        };
        words.extend([REMOTE.into(), format!("{source}:refs/heads/{}", self.branch)]);
        words
    }
}

/// Clones a project's repository; git talks to the person itself. The remote is named `guise`.
pub fn clone(url: &str, directory: &str, branch: &str) -> Result<bool, GitError> {
    let status = Command::new("git")
        .args([
            "clone", "--origin", REMOTE, "--branch", branch, "--", url, directory,
        ])
        .status()
        .map_err(|source| GitError::Run { source })?;
    Ok(status.success())
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

    /// Lets the remote named `guise` lead to `url`, whether there was one or not.
    pub fn set_remote(&self, url: &str) -> Result<(), GitError> {
        match self.remote()? {
            Some(_) => self.tell(&["remote", "set-url", REMOTE, url]).map(drop),
            None => self.add_remote(url),
        }
    }

    /// Fetches a branch of the remote and checks it out, following it from then on.
    pub fn checkout(&self, branch: &str) -> Result<(), GitError> {
        self.tell(&[
            "fetch",
            "--quiet",
            REMOTE,
            &format!("+refs/heads/{branch}:refs/remotes/{REMOTE}/{branch}"),
        ])?;
        if self
            .ask(&[
                "rev-parse",
                "--verify",
                "--quiet",
                &format!("refs/heads/{branch}"),
            ])?
            .is_some()
        {
            return self.tell(&["switch", "--quiet", branch]).map(drop);
        }
        self.tell(&[
            "switch",
            "--quiet",
            "--track",
            "--create",
            branch,
            &format!("{REMOTE}/{branch}"),
        ])
        .map(drop)
    }

    /// Pushes to a branch of the remote; git talks to the person itself.
    pub fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        let status = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(push.words())
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
    fn a_branch_of_the_remote_is_checked_out_and_another_pushed() {
        let directory = tempfile::tempdir().unwrap();
        let (there, here) = (directory.path().join("there"), directory.path().join("here"));
        std::fs::create_dir_all(&there).unwrap();
        let remote = repository(&there);
        git(&there, &["commit", "--quiet", "--allow-empty", "-m", "first"]);
        git(&there, &["branch", "feature/a"]);
        assert!(clone(there.to_str().unwrap(), here.to_str().unwrap(), "trunk").unwrap());
        let local = Repository::around(&here).unwrap();
        local.checkout("feature/a").unwrap();
        assert_eq!(local.branch().unwrap().as_deref(), Some("feature/a"));
        local.checkout("trunk").unwrap();
        let push = Push {
            branch: "other".into(),
            ..Push::default()
        };
        assert_eq!(local.push(&push).unwrap(), Pushed::Accepted);
        assert_eq!(remote.commit("other").unwrap(), local.head().unwrap());
        local.set_remote("/elsewhere").unwrap();
        assert_eq!(local.remote().unwrap().as_deref(), Some("/elsewhere"));
    }

    #[test]
    fn what_a_push_says_becomes_gits_options() {
        let push = Push {
            source: "v1".into(),
            branch: "main".into(),
            force: true,
            options: vec!["environment.status=active".into()],
            ..Push::default()
        };
        assert_eq!(
            push.words().join(" "),
            "push --force --push-option environment.status=active guise v1:refs/heads/main"
        );
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
