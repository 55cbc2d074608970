//! Build caches: directories that a build finds as an earlier one left them, while the files that they depend on are
//! unchanged (spec 1.13).
//!
//! They are copied inside the build's container, where their owner's links lead nowhere else. On btrfs the copies share
//! their blocks.

use crate::{
    checkout::{CheckoutError, Commit},
    container::{CACHE_DIRECTORY, SHARED_CACHE_DIRECTORY},
    shell::quote,
    stage::Stage,
};
use guise_config::{App, BuildCache};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The functions of the stages' scripts.
const FUNCTIONS: &str = include_str!("caches.sh");

/// The tree without files, which every repository knows.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// A cache of this build.
#[derive(Debug)]
struct Cache<'a> {
    name: &'a str,
    written: &'a BuildCache,
    /// What the watched files are, as a file name.
    version: String,
}

/// The stages before and after all others; `None` for an app without caches. `tree` is the app's in the repository.
pub(crate) fn stages(
    repository: &Path,
    tree: &str,
    app: &App,
) -> Result<Option<(Stage, Stage)>, CheckoutError> {
    if app.build.caches.is_empty() {
        return Ok(None);
    }
    let mut caches = Vec::new();
    for (name, written) in &app.build.caches {
        let version = version(repository, tree, written)?;
        caches.push(Cache {
            name,
            written,
            version,
        });
    }
    let script = |call: fn(&Cache<'_>) -> String| {
        let calls: String = caches.iter().map(call).collect();
        format!("{FUNCTIONS}{calls}")
    };
    let before = Stage {
        name: "caches".into(),
        announcement: "Looking for what earlier builds kept...".into(),
        script: script(|cache| format!("restore {} {}\n", cache.words(), cache.written.allow_stale)),
    };
    let after = Stage {
        name: "caches-keep".into(),
        announcement: "Keeping directories for the next build...".into(),
        script: script(|cache| format!("keep {}\n", cache.words())),
    };
    Ok(Some((before, after)))
}

/// Whether an app has a cache in common with other apps.
pub(crate) fn are_shared(app: &App) -> bool {
    app.build.caches.values().any(|cache| cache.share_between_apps)
}

impl Cache<'_> {
    /// Name, directory, where the versions are, and the version, for a shell.
    fn words(&self) -> String {
        let parent = match self.written.share_between_apps {
            true => SHARED_CACHE_DIRECTORY,
            false => CACHE_DIRECTORY,
        };
        // A cache's name may be a path.
        let versions = format!("{parent}/.caches/{}", hash(&[self.name.as_bytes()]));
        let words = [self.name, &self.written.directory, &versions, &self.version];
        words.map(quote).join(" ")
    }
}

/// What the files are that a cache depends on, and which directory it is.
fn version(repository: &Path, tree: &str, cache: &BuildCache) -> Result<String, CheckoutError> {
    let of = Commit { repository, id: tree };
    let patterns = cache.watch.iter().map(|pattern| format!(":(glob){pattern}"));
    // Unlike ls-tree, it takes patterns: each file with mode, blob and path.
    let files = of.run(
        "list the watched files",
        of.git()
            .args(["diff-tree", "-r", "-z", "--no-renames", EMPTY_TREE, tree, "--"])
            .args(patterns),
    )?;
    Ok(hash(&[cache.directory.as_bytes(), &files]))
}

/// A hash of parts as hexadecimal digits.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length before it, no part can pass for the end of another.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Repository;

    fn cache(watch: &[&str]) -> BuildCache {
        BuildCache {
            directory: "vendor".into(),
            watch: watch.iter().map(|&pattern| pattern.into()).collect(),
            allow_stale: false,
            share_between_apps: false,
        }
    }

    /// The versions before and after a change of `changed`.
    fn versions(cache: &BuildCache, changed: &str) -> (String, String) {
        let repository = Repository::new();
        repository.write("composer.json", "{}");
        repository.write("assets/deep/a.sass", "a");
        repository.write("assets/b.sass", "b");
        let first = repository.commit();
        repository.write(changed, "changed");
        let second = repository.commit();
        let of = |commit: &str| {
            let tree = repository.git(&["rev-parse", &format!("{commit}:")]);
            version(&repository.git_dir(), &tree, cache).unwrap()
        };
        (of(&first), of(&second))
    }

    #[test]
    fn a_version_changes_with_the_watched_files_only() {
        let changes = [
            ("composer.*", "composer.json", true),
            ("composer.*", "composer.lock", true),
            ("composer.*", "assets/composer.json", false),
            ("composer.json", "README.md", false),
            ("assets/**/*.sass", "assets/deep/a.sass", true),
            ("assets/**/*.sass", "assets/b.sass", true),
            ("assets/**/*.sass", "assets/b.svg", false),
            ("assets", "assets/b.svg", true),
            ("nothing", "composer.json", false),
        ];
        for (pattern, changed, expected) in changes {
            let (before, after) = versions(&cache(&[pattern]), changed);
            assert_eq!(before != after, expected, "{pattern} when {changed} changes");
        }
    }

    #[test]
    fn what_people_write_stays_one_word_of_the_script() {
        let written = BuildCache {
            directory: "it's; rm -rf /".into(),
            ..cache(&["x"])
        };
        let cache = Cache {
            name: "a b",
            written: &written,
            version: "0".into(),
        };
        assert!(
            cache
                .words()
                .starts_with(r"'a b' 'it'\''s; rm -rf /' '/tmp/cache/.caches/")
        );
    }
}
