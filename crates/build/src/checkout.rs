//! A commit's directory as plain files, made by git from the bare repository.
//!
//! What is checked out was written by strangers. git refuses what would leave the tree (`..`, `.git`, a file behind
//! a link); links are made as they are and never followed here: they mean something only inside the container.

use guise_node::User;
use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{PermissionsExt, lchown},
    path::{Component, Path, PathBuf},
    process::Command,
};

/// Directories whose YAML files configure the environment, not the app (spec 0.1).
const CONFIGURATION: [&str; 2] = [".platform", ".upsun"];

/// A checkout that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The git program cannot be started.
    #[error("cannot start git: {source}; apt install git")]
    NoGit {
        /// Why.
        source: io::Error,
    },
    /// git refused.
    #[error("git cannot {operation} of commit {commit} in {}: {message}", .repository.display())]
    Git {
        /// What was wanted of it.
        operation: &'static str,
        /// The repository.
        repository: PathBuf,
        /// The commit.
        commit: String,
        /// What git said last.
        message: String,
    },
    /// `source.root` is no directory of the commit.
    #[error("commit {commit} has no directory {root:?}, which the app's source.root names")]
    NoRoot {
        /// The commit.
        commit: String,
        /// The directory.
        root: String,
    },
    /// A submodule is where no build can fetch it from.
    #[error(
        "the submodule {path:?} cannot be fetched from {url:?}: a build has no key and takes complete https:// URLs only; change the URL in .gitmodules"
    )]
    Submodule {
        /// Where it belongs.
        path: String,
        /// Where it is.
        url: String,
    },
    /// A file of the checkout cannot be given to the app's user.
    #[error("cannot {operation} {}: {source}", .path.display())]
    File {
        /// What was being done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// A commit of a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit<'a> {
    pub(crate) repository: &'a Path,
    pub(crate) id: &'a str,
}

impl Commit<'_> {
    pub(crate) fn git(&self) -> Command {
        let mut git = deaf_git();
        git.arg("--git-dir").arg(self.repository);
        git
    }

    pub(crate) fn run(
        &self,
        operation: &'static str,
        command: &mut Command,
    ) -> Result<Vec<u8>, CheckoutError> {
        let output = command
            .output()
            .map_err(|source| CheckoutError::NoGit { source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(CheckoutError::Git {
            operation,
            repository: self.repository.into(),
            commit: self.id.into(),
            message,
        })
    }
}

/// git, deaf to the machine's and the user's configuration.
fn deaf_git() -> Command {
    let mut git = Command::new("git");
    git.env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        // The repository belongs to guise, whichever user's id its files have.
        .args([
            "-c",
            "safe.directory=*",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.autocrlf=false",
        ]);
    git
}

/// The git tree id of directory `root` of a commit: `PLATFORM_TREE_ID`.
///
/// # Errors
/// When the repository has no such commit, or the commit no such directory.
pub fn tree_id(repository: &Path, commit: &str, root: &str) -> Result<String, CheckoutError> {
    let of = Commit {
        repository,
        id: commit,
    };
    // A commit's id comes from git itself, but nothing that starts with a dash may pass for an option.
    let object = format!("{commit}:{root}");
    let id = of.run(
        "find a directory",
        of.git()
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options", &object]),
    );
    let no_root = || CheckoutError::NoRoot {
        commit: commit.into(),
        root: root.into(),
    };
    let id = match id {
        Err(CheckoutError::Git { message, .. }) if message.is_empty() => return Err(no_root()),
        other => String::from_utf8_lossy(&other?).trim().to_owned(),
    };
    let kind = of.run("look at a directory", of.git().args(["cat-file", "-t", &id]))?;
    if kind.trim_ascii() == b"tree" {
        Ok(id)
    } else {
        Err(no_root())
    }
}

/// What identifies an app's code: its tree, leaving out the files that configure the environment, so that a commit
/// which changes only those builds nothing anew.
pub(crate) fn code(repository: &Path, commit: &str, root: &str) -> Result<String, CheckoutError> {
    let tree = tree_id(repository, commit, root)?;
    let of = Commit {
        repository,
        id: commit,
    };
    let listing = |arguments: &[&str]| {
        let output = of.run(
            "list a directory",
            of.git().args(["ls-tree", "-z"]).args(arguments),
        )?;
        Ok::<_, CheckoutError>(String::from_utf8_lossy(&output).into_owned())
    };
    let top = listing(&[&tree])?;
    let entries = |listing: &str, wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let path = |entry: &&str| wanted(entry.split_once('\t').map_or("", |(_, path)| path));
        listing
            .split('\0')
            .filter(|entry| !entry.is_empty())
            .filter(path)
            .map(str::to_owned)
            .collect()
    };
    let mut code = entries(&top, &|path| !CONFIGURATION.contains(&path));
    if code.len() < entries(&top, &|_| true).len() {
        let beside = listing(&["-r", &tree, CONFIGURATION[0], CONFIGURATION[1]])?;
        code.extend(entries(&beside, &|path| {
            !path.ends_with(".yaml") && !path.ends_with(".yml")
        }));
    }
    Ok(code.join("\0"))
}

/// Makes the files of tree `tree` in the empty directory `to`, owned by `owner` (inside ids, as volumes have them).
/// What a person should know of goes to `warn`.
pub(crate) fn checkout(
    repository: &Path,
    tree: &str,
    to: &Path,
    owner: User,
    warn: &mut dyn FnMut(&str),
) -> Result<(), CheckoutError> {
    let of = Commit { repository, id: tree };
    let index = Index::beside(repository, to);
    of.run(
        "check out the files",
        of.git()
            .arg("--work-tree")
            .arg(to)
            .args([
                "-c",
                "core.checkStat=minimal",
                "read-tree",
                "--reset",
                "-u",
                "--end-of-options",
                tree,
            ])
            .env("GIT_INDEX_FILE", &index.path)
            .current_dir(to),
    )?;
    hand_over(to, to, owner, warn)
}

/// Clones a branch and nothing else into the empty directory `to`, owned by `owner`: a work tree with its history and
/// no remote. To be called before anybody else may write there.
pub(crate) fn clone(repository: &Path, branch: &str, to: &Path, owner: User) -> Result<(), CheckoutError> {
    let of = Commit {
        repository,
        id: branch,
    };
    let mut git = deaf_git();
    git.args([
        "clone",
        "--quiet",
        "--no-hardlinks",
        "--no-tags",
        "--single-branch",
        "--template=",
    ])
    .args(["--branch", branch, "--"])
    .arg(repository)
    .arg(to);
    of.run("clone a branch", &mut git)?;
    let mut git = deaf_git();
    git.arg("-C").arg(to).args(["remote", "remove", "origin"]);
    of.run("forget where a clone is from", &mut git)?;
    // What a person should know of the files they were told when they were built.
    hand_over(to, to, owner, &mut |_| {})
}

/// How the names of index files begin, in a repository.
const INDEX: &str = "guise-index-";

/// The file in which git notes what it has checked out; of no use afterwards.
struct Index {
    path: PathBuf,
}

impl Index {
    /// One for the checkout in `to`, in the repository, where only guise can write.
    fn beside(repository: &Path, to: &Path) -> Self {
        let name = to.file_name().unwrap_or(OsStr::new("checkout")).to_string_lossy();
        Self {
            path: repository.join(format!("{INDEX}{name}")),
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // A file that stays behind harms nobody until `remove_leftovers` finds it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the index files that interrupted checkouts left in a repository. To be called while nobody builds from it.
pub fn remove_leftovers(repository: &Path) {
    let entries = fs::read_dir(repository).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(INDEX)) {
        // What cannot be removed now is found again at the next start.
        let _ = fs::remove_file(entry.path());
    }
}

/// Gives a directory and all in it to `owner`, with the permissions that git knows: executable or not.
fn hand_over(
    root: &Path,
    directory: &Path,
    owner: User,
    warn: &mut dyn FnMut(&str),
) -> Result<(), CheckoutError> {
    own(directory, owner)?;
    allow(directory, 0o755)?;
    for entry in attempt("list", directory, fs::read_dir(directory))? {
        let entry = attempt("list", directory, entry)?;
        let path = entry.path();
        let kind = attempt("look at", &path, entry.file_type())?;
        if kind.is_dir() {
            hand_over(root, &path, owner, warn)?;
        } else if kind.is_symlink() {
            own(&path, owner)?;
            warn_of_link(root, &path, warn)?;
        } else {
            own(&path, owner)?;
            let mode = attempt("look at", &path, entry.metadata())?.permissions().mode();
            allow(&path, if mode & 0o100 == 0 { 0o644 } else { 0o755 })?;
        }
    }
    Ok(())
}

fn warn_of_link(root: &Path, link: &Path, warn: &mut dyn FnMut(&str)) -> Result<(), CheckoutError> {
    let target = attempt("read", link, fs::read_link(link))?;
    let shown = shown(root, link);
    if target.is_absolute() {
        warn(&format!(
            "W: The link {shown} leads to {target:?}, which is looked up in the container."
        ));
    } else if leaves(link.strip_prefix(root).unwrap_or(link), &target) {
        warn(&format!(
            "W: The link {shown} leads out of the app's directory, to {target:?}."
        ));
    }
    Ok(())
}

/// Whether the relative target of a link at `link` (relative to the tree) leads out of the tree.
fn leaves(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() as i64 - 1;
    target.components().any(|component| {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        depth < 0
    })
}

/// A path for people: relative to the tree, a newline in it made visible.
fn shown(root: &Path, path: &Path) -> String {
    format!("{:?}", path.strip_prefix(root).unwrap_or(path))
}

fn own(path: &Path, owner: User) -> Result<(), CheckoutError> {
    attempt("give away", path, lchown(path, Some(owner.uid), Some(owner.gid)))
}

fn allow(path: &Path, mode: u32) -> Result<(), CheckoutError> {
    attempt(
        "set the permissions of",
        path,
        fs::set_permissions(path, fs::Permissions::from_mode(mode)),
    )
}

fn attempt<T>(operation: &'static str, path: &Path, result: io::Result<T>) -> Result<T, CheckoutError> {
    result.map_err(|source| CheckoutError::File {
        operation,
        path: path.into(),
        source,
    })
}

#[cfg(test)]
#[path = "checkout_tests.rs"]
mod tests;
