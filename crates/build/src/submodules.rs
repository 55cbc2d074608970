//! Submodules of a commit, fetched inside the build's container: the host speaks to no server that a repository names.

use crate::{
    checkout::{CheckoutError, Commit},
    shell::quote,
    stage::Stage,
};
use std::{collections::BTreeMap, path::Path};

/// What git may speak in the container: what needs no secret and cannot reach the host.
const PROTOCOL: &str = "https";

/// The functions of the stage's script.
const FUNCTIONS: &str = include_str!("submodules.sh");

/// A submodule of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Submodule {
    /// Where, relative to the app.
    path: String,
    /// The commit that is wanted.
    commit: String,
    /// Where from; `None` when `.gitmodules` does not say.
    url: Option<String>,
}

/// The stage that fetches an app's submodules; `None` without any. Of those that `.gitmodules` does not know, git left a
/// link behind by mistake: they are told to `warn`.
///
/// # Errors
/// [`CheckoutError::Submodule`] for one that cannot be fetched: the app would lack a part of its code.
pub(crate) fn stage(
    repository: &Path,
    commit: &str,
    root: &str,
    warn: &mut dyn FnMut(&str),
) -> Result<Option<Stage>, CheckoutError> {
    let mut wanted = Vec::new();
    for submodule in list(repository, commit, root)? {
        let path = &submodule.path;
        match &submodule.url {
            None => warn(&format!(
                "W: .gitmodules does not say where the submodule {path:?} is."
            )),
            Some(url) if !url.starts_with("https://") => {
                return Err(CheckoutError::Submodule {
                    path: path.clone(),
                    url: url.clone(),
                });
            }
            Some(_) => wanted.push(submodule),
        }
    }
    Ok((!wanted.is_empty()).then(|| Stage {
        name: "submodules".into(),
        announcement: "Fetching submodules...".into(),
        script: script(&wanted, PROTOCOL),
    }))
}

fn script(submodules: &[Submodule], protocol: &str) -> String {
    let mut script = format!("export GIT_ALLOW_PROTOCOL={protocol}\n{FUNCTIONS}");
    for submodule in submodules {
        let url = submodule.url.as_deref().unwrap_or_default();
        let words = [url, &submodule.commit, &submodule.path].map(quote);
        script.push_str(&format!("submodule {}\n", words.join(" ")));
    }
    script
}

/// The gitlinks below directory `root` of a commit, and where its `.gitmodules` says they are from.
fn list(repository: &Path, commit: &str, root: &str) -> Result<Vec<Submodule>, CheckoutError> {
    let of = Commit {
        repository,
        id: commit,
    };
    let object = format!("{commit}:{root}");
    let listing = of.run(
        "list the files",
        of.git()
            .args(["ls-tree", "-r", "-z", "--end-of-options", &object]),
    )?;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let links = listing.split('\0').filter_map(|entry| {
        let (head, path) = entry.split_once('\t')?;
        let commit = head.strip_prefix("160000 commit ")?;
        Some((path, commit))
    });
    let links: Vec<_> = links.collect();
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let urls = urls(&of)?;
    let submodule = |(path, commit): (&str, &str)| {
        let whole = format!("{root}/{path}");
        Submodule {
            path: path.into(),
            commit: commit.into(),
            url: urls.get(whole.trim_start_matches('/')).cloned(),
        }
    };
    Ok(links.into_iter().map(submodule).collect())
}

/// By path in the repository, the URL of each submodule. No or no readable `.gitmodules` says nothing.
fn urls(of: &Commit<'_>) -> Result<BTreeMap<String, String>, CheckoutError> {
    let blob = format!("{}:.gitmodules", of.id);
    let keys = r"^submodule\..*\.(path|url)$";
    let said = of.run(
        "read .gitmodules",
        of.git()
            .args(["config", "--blob", &blob, "--null", "--get-regexp", keys]),
    );
    let said = match said {
        Err(CheckoutError::Git { .. }) => return Ok(BTreeMap::new()),
        other => String::from_utf8_lossy(&other?).into_owned(),
    };
    let mut by_name: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for entry in said.split('\0') {
        let Some((key, value)) = entry.split_once('\n') else {
            continue;
        };
        match key.rsplit_once('.') {
            Some((name, "path")) => by_name.entry(name).or_default().0 = Some(value),
            Some((name, "url")) => by_name.entry(name).or_default().1 = Some(value),
            _ => {}
        }
    }
    let pairs = by_name.into_values().filter_map(|(path, url)| path.zip(url));
    Ok(pairs.map(|(path, url)| (path.into(), url.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Repository;
    use std::{fs, process::Command};

    /// A repository with the submodule `path` from `url` at `commit`.
    fn with_submodule(path: &str, url: &str, commit: &str) -> (Repository, String) {
        let repository = Repository::new();
        let modules = format!("[submodule \"it\"]\n\tpath = {path}\n\turl = {url}\n");
        repository.write(".gitmodules", &modules);
        repository.git(&["add", "-A"]);
        let link = format!("160000,{commit},{path}");
        repository.git(&["update-index", "--add", "--cacheinfo", &link]);
        repository.git(&["commit", "-q", "-m", "Add a submodule"]);
        let head = repository.git(&["rev-parse", "HEAD"]);
        (repository, head)
    }

    fn file_url(repository: &Repository) -> String {
        format!("file://{}", repository.git_dir().display())
    }

    #[test]
    fn submodules_within_submodules_are_fetched_once() {
        let inner = Repository::new();
        inner.write("inner.txt", "inner");
        let (middle, commit) = with_submodule("deep/inner", &file_url(&inner), &inner.commit());
        let (outer, head) = with_submodule("app/it's", &file_url(&middle), &commit);
        let found = list(&outer.git_dir(), &head, "app").unwrap();
        assert_eq!(
            (found[0].path.as_str(), found[0].commit.as_str()),
            ("it's", commit.as_str())
        );

        let place = tempfile::tempdir().unwrap();
        let run = |directory: &str| {
            let checkout = place.path().join(directory);
            fs::create_dir(&checkout).unwrap();
            let output = Command::new("dash")
                .args(["-c", &script(&found, "file")])
                .env("PLATFORM_CACHE_DIR", place.path().join("cache"))
                .current_dir(&checkout)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let text = fs::read_to_string(checkout.join("it's/deep/inner/inner.txt")).unwrap();
            assert_eq!(text, "inner");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run("first").matches("Fetching").count(), 2);
        assert_eq!(
            run("second"),
            "",
            "the second build fetches what the first has kept"
        );
    }

    #[test]
    fn only_complete_https_urls_are_fetched() {
        for url in [
            "git@example.com:a/b.git",
            "../other.git",
            "file:///etc",
            "http://example.com/x",
        ] {
            let (repository, head) = with_submodule("lib", url, &"1".repeat(40));
            let refused = stage(&repository.git_dir(), &head, "", &mut |_| {}).unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains(url) && refused.contains("https://"), "{refused}");
        }
        let (repository, _) = with_submodule("lib", "https://example.com", &"1".repeat(40));
        repository.git(&["rm", "-q", "--cached", ".gitmodules"]);
        repository.git(&["commit", "-q", "-m", "Forget where it is"]);
        let forgotten = repository.git(&["rev-parse", "HEAD"]);
        let mut warnings = Vec::new();
        let mut warn = |text: &str| warnings.push(text.to_owned());
        assert_eq!(
            stage(&repository.git_dir(), &forgotten, "", &mut warn).unwrap(),
            None
        );
        assert!(warnings[0].contains("lib"), "{warnings:?}");
        let (repository, head) = with_submodule("lib", "https://example.com/x.git", &"1".repeat(40));
        let stage = stage(&repository.git_dir(), &head, "", &mut |_| {})
            .unwrap()
            .unwrap();
        assert!(stage.script.starts_with("export GIT_ALLOW_PROTOCOL=https\n"));
        let call = format!(
            "submodule 'https://example.com/x.git' '{}' 'lib'\n",
            "1".repeat(40)
        );
        assert!(stage.script.ends_with(&call), "{}", stage.script);
    }
}
