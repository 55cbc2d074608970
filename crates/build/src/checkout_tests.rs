use super::*;
use crate::testing::Repository;
use std::os::unix::fs::{MetadataExt, symlink};

/// Checks a repository's commit out and returns the place and the warnings.
fn check_out(repository: &Repository, root: &str) -> (tempfile::TempDir, Vec<String>) {
    let commit = repository.commit();
    let tree = tree_id(&repository.git_dir(), &commit, root).unwrap();
    let to = tempfile::tempdir().unwrap();
    let me = fs::metadata(to.path()).unwrap();
    let owner = User {
        uid: me.uid(),
        gid: me.gid(),
    };
    let mut warnings = Vec::new();
    checkout(&repository.git_dir(), &tree, to.path(), owner, &mut |line| {
        warnings.push(line.to_owned())
    })
    .unwrap();
    (to, warnings)
}

#[test]
fn a_commit_is_checked_out_with_executable_bits_and_without_git() {
    let repository = Repository::new();
    repository.write("run.sh", "#!/bin/sh\n");
    repository.write("sub/file", "text\n");
    fs::set_permissions(
        repository.tree().join("run.sh"),
        fs::Permissions::from_mode(0o700),
    )
    .unwrap();
    let (to, warnings) = check_out(&repository, "");
    assert_eq!(
        fs::metadata(to.path().join("run.sh")).unwrap().mode() & 0o777,
        0o755
    );
    assert_eq!(
        fs::metadata(to.path().join("sub/file")).unwrap().mode() & 0o777,
        0o644
    );
    assert!(!to.path().join(".git").exists());
    assert_eq!(warnings, Vec::<String>::new());
    let left: Vec<_> = fs::read_dir(repository.git_dir())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("guise-index")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn only_the_apps_own_directory_is_checked_out() {
    let repository = Repository::new();
    repository.write("outer", "");
    repository.write("apps/one/inner", "");
    let (to, _) = check_out(&repository, "apps/one");
    assert!(to.path().join("inner").exists());
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
}

#[test]
fn a_root_that_is_missing_or_a_file_is_named() {
    let repository = Repository::new();
    repository.write("file", "");
    let commit = repository.commit();
    for root in ["nowhere", "file"] {
        let error = tree_id(&repository.git_dir(), &commit, root).unwrap_err();
        assert!(
            matches!(&error, CheckoutError::NoRoot { root: named, .. } if named == root),
            "{error}"
        );
    }
}

#[test]
fn links_stay_as_they_are_and_those_that_lead_out_are_named() {
    let repository = Repository::new();
    repository.write("sub/file", "text\n");
    let tree = repository.tree();
    symlink("/etc/passwd", tree.join("absolute")).unwrap();
    symlink("../../outside", tree.join("sub/out")).unwrap();
    symlink("../sub/file", tree.join("sub/fine")).unwrap();
    let (to, mut warnings) = check_out(&repository, "");
    warnings.sort();
    let expected = [
        "W: The link \"absolute\" leads to \"/etc/passwd\", which is looked up in the container.",
        "W: The link \"sub/out\" leads out of the app's directory, to \"../../outside\".",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(
        fs::read_link(to.path().join("sub/out")).unwrap(),
        Path::new("../../outside")
    );
    assert_eq!(
        fs::read_link(to.path().join("absolute")).unwrap(),
        Path::new("/etc/passwd")
    );
}

#[test]
fn names_with_newlines_and_quotes_are_ordinary_names() {
    let repository = Repository::new();
    repository.write("a\nb", "1");
    repository.write("\"q\" $(x) -rf", "2");
    let (to, _) = check_out(&repository, "");
    assert_eq!(fs::read_to_string(to.path().join("a\nb")).unwrap(), "1");
    assert_eq!(fs::read_to_string(to.path().join("\"q\" $(x) -rf")).unwrap(), "2");
}

#[test]
fn what_attributes_keep_from_an_archive_is_still_checked_out() {
    let repository = Repository::new();
    repository.write(".gitattributes", "tests export-ignore\n*.txt export-subst\n");
    repository.write("tests/one", "");
    repository.write("a.txt", "$Format:%H$\n");
    let (to, _) = check_out(&repository, "");
    assert!(to.path().join("tests/one").exists());
    assert_eq!(
        fs::read_to_string(to.path().join("a.txt")).unwrap(),
        "$Format:%H$\n"
    );
}

#[test]
fn what_an_interrupted_checkout_left_is_removed_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    for name in ["guise-index-build-abc", "guise-index-build-abc.lock", "HEAD"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    remove_leftovers(place.path());
    let left: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["HEAD"]);
    remove_leftovers(&place.path().join("missing"));
}
