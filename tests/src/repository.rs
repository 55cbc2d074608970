//! A person's work tree.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A work tree with one branch, `main`.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
}

/// How a push went.
#[derive(Debug)]
pub struct Push {
    /// Whether git says that it was accepted.
    pub accepted: bool,
    /// What was printed, without `remote: ` at the start of lines.
    pub output: String,
}

impl Repository {
    /// Makes an empty one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(root: &Path) -> Result<Self> {
        fs::create_dir_all(root)?;
        let repository = Self { root: root.into() };
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repository)
    }

    /// One that is there.
    pub fn at(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// Makes one with the files of a directory, committed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn copy(from: &Path, root: &Path) -> Result<Self> {
        let repository = Self::create(root)?;
        let copied = Command::new("cp")
            .arg("--archive")
            .arg(from.join("."))
            .arg(root)
            .status()?;
        anyhow::ensure!(
            copied.success(),
            "cannot copy {} to {}",
            from.display(),
            root.display()
        );
        repository.commit("Begin")?;
        Ok(repository)
    }

    /// Another work tree with the same commits and remote.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn duplicate(&self, root: &Path) -> Result<Self> {
        let copied = Command::new("cp")
            .arg("--archive")
            .arg(&self.root)
            .arg(root)
            .status()?;
        anyhow::ensure!(
            copied.success(),
            "cannot copy {} to {}",
            self.root.display(),
            root.display()
        );
        Ok(Self { root: root.into() })
    }

    /// Its top directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().context("a file has a directory")?)?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn append(&self, path: &str, more: &str) -> Result<()> {
        let content = fs::read_to_string(self.root.join(path))?;
        self.write(path, &(content + more))
    }

    /// Replaces a text that a file contains.
    ///
    /// # Errors
    /// When the file does not contain it.
    pub fn replace(&self, path: &str, old: &str, new: &str) -> Result<()> {
        let content = fs::read_to_string(self.root.join(path))?;
        anyhow::ensure!(content.contains(old), "{path} does not contain {old:?}");
        self.write(path, &content.replace(old, new))
    }

    /// Commits everything, even if nothing changed.
    ///
    /// # Errors
    /// When git refuses.
    pub fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])
            .map(drop)
    }

    /// Takes back the last commit and its changes.
    ///
    /// # Errors
    /// When git refuses.
    pub fn take_back(&self) -> Result<()> {
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"]).map(drop)
    }

    /// Commits everything and pushes it.
    ///
    /// # Errors
    /// When git cannot be run; a refused push is none.
    pub fn push(&self, message: &str) -> Result<Push> {
        self.commit(message)?;
        Push::of(self.push_command())
    }

    /// `git push` of the last commit to `main`, to be run.
    pub fn push_command(&self) -> Command {
        self.push_of(&["guise", "HEAD:refs/heads/main"])
    }

    /// `git push` with these arguments, to be run.
    pub fn push_of(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.arg("push").args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs git and answers what it prints.
    ///
    /// # Errors
    /// When it fails; the message has what it said.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = self
            .command()
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("cannot run git")?;
        if !output.status.success() {
            bail!(
                "git {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    }

    /// git with a committer, and without what the person who runs this has configured.
    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root);
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Journey");
            command.env(format!("GIT_{role}_EMAIL"), "journey@example.com");
        }
        command
    }
}

impl Push {
    /// Runs a push.
    ///
    /// # Errors
    /// When git cannot be run; a refused push is none.
    pub fn of(mut command: Command) -> Result<Self> {
        let output = command.output().context("cannot run git")?;
        let text = String::from_utf8_lossy(&output.stderr);
        let lines = text
            .lines()
            .map(|line| line.strip_prefix("remote: ").unwrap_or(line).trim_end());
        Ok(Self {
            accepted: output.status.success(),
            output: lines.collect::<Vec<_>>().join("\n"),
        })
    }
}
