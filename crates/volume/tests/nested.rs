//! Volumes in which a container made subvolumes of its own.

#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{TestPool, volume};
use guise_model::ContainerId;
use guise_sys::btrfs;
use std::{
    fs::{self, File},
    os::fd::AsFd,
    path::Path,
};

/// Makes a subvolume, as anybody can in a directory of their own.
fn subvolume(directory: &Path, name: &str) {
    let directory = File::open(directory).unwrap();
    btrfs::create_subvolume(directory.as_fd(), name).unwrap();
}

fn set_read_only(path: &Path) {
    btrfs::set_read_only(File::open(path).unwrap().as_fd(), true).unwrap();
}

#[test]
fn a_volume_with_subvolumes_in_it_is_deleted_with_them() {
    let Some(test) = TestPool::new() else { return };
    let (hostile, other) = (volume("hostile"), volume("other"));
    for id in [&hostile, &other] {
        test.pool.create(id, None, (10_000, 10_000), 0o755).unwrap();
    }
    fs::write(test.pool.path(&other).join("file"), "x").unwrap();
    let root = test.pool.path(&hostile);
    subvolume(&root, "one");
    fs::create_dir_all(root.join("one/deep/er")).unwrap();
    subvolume(&root.join("one/deep/er"), "two");
    subvolume(&root.join("one/deep/er/two"), "three");
    subvolume(&root.join("one"), "four");
    std::os::unix::fs::symlink(test.pool.path(&other), root.join("one/link")).unwrap();
    set_read_only(&root.join("one/deep/er/two"));
    set_read_only(&root.join("one"));
    set_read_only(&root);
    test.pool.delete(&hostile).unwrap();
    assert_eq!(test.pool.list().unwrap(), vec![other.clone()]);
    assert_eq!(
        fs::read_to_string(test.pool.path(&other).join("file")).unwrap(),
        "x"
    );
}

#[test]
fn hundreds_of_subvolumes_and_a_deep_chain_of_them_are_deleted() {
    let Some(test) = TestPool::new() else { return };
    let id = volume("many");
    test.pool.create(&id, None, (0, 0), 0o755).unwrap();
    let root = test.pool.path(&id);
    for number in 0..300 {
        subvolume(&root, &format!("flat-{number}"));
    }
    let mut inner = root;
    for _ in 0..40 {
        subvolume(&inner, "deeper");
        inner = inner.join("deeper");
    }
    test.pool.delete(&id).unwrap();
    assert!(test.pool.list().unwrap().is_empty());
}

#[test]
fn scratch_space_with_a_subvolume_in_it_is_deleted_too() {
    let Some(test) = TestPool::new() else { return };
    let container = ContainerId::new("abcdefghijkl").unwrap();
    subvolume(&test.pool.scratch_create(&container).unwrap(), "inner");
    test.pool.scratch_delete(&container).unwrap();
    assert!(test.pool.scratch_list().unwrap().is_empty());
}

#[test]
fn a_snapshot_has_an_empty_directory_for_a_subvolume() {
    let Some(test) = TestPool::new() else { return };
    let (parent, child) = (volume("parent"), volume("child"));
    test.pool.create(&parent, None, (0, 0), 0o755).unwrap();
    subvolume(&test.pool.path(&parent), "inner");
    fs::write(test.pool.path(&parent).join("inner/file"), "x").unwrap();
    test.pool.snapshot(&parent, &child, false).unwrap();
    let inner = test.pool.path(&child).join("inner");
    assert_eq!(fs::read_dir(inner).unwrap().count(), 0);
    test.pool.delete(&child).unwrap();
}
