//! The pool on a real btrfs behind a real loop device.

#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{SIZE, TestPool, volume};
use guise_model::ContainerId;
use guise_volume::{Growth, Pool, VolumeError};
use std::{
    fs,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

#[test]
fn a_pool_is_adopted_when_it_is_mounted_and_leaves_nothing_when_closed() {
    let Some(test) = TestPool::new() else { return };
    test.pool
        .create(&volume("a"), None, (10_000, 10_000), 0o755)
        .unwrap();
    let again = Pool::open(test.state.path(), SIZE).unwrap();
    assert_eq!(again.list().unwrap(), vec![volume("a")]);
    assert_eq!(
        TestPool::loop_devices(test.state.path()),
        1,
        "the second one uses the first one's mount"
    );
    again.close().unwrap();
    for _ in 0..100 {
        if TestPool::loop_devices(test.state.path()) == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(TestPool::loop_devices(test.state.path()), 0);
    let reopened = Pool::open(test.state.path(), SIZE).unwrap();
    assert_eq!(
        reopened.list().unwrap(),
        vec![volume("a")],
        "data outlives the mount"
    );
}

#[test]
fn a_volume_belongs_to_its_owner_and_is_deleted_with_all_in_it() {
    let Some(test) = TestPool::new() else { return };
    let id = volume("data-1");
    test.pool
        .create(&id, Some(50_000_000), (10_000, 10_001), 0o750)
        .unwrap();
    let found = fs::metadata(test.pool.path(&id)).unwrap();
    assert_eq!(
        (found.uid(), found.gid(), found.mode() & 0o777),
        (10_000, 10_001, 0o750)
    );
    fs::write(test.pool.path(&id).join("file"), "x").unwrap();
    test.pool.delete(&id).unwrap();
    test.pool.delete(&id).unwrap();
    assert!(test.pool.list().unwrap().is_empty());
}

#[test]
fn a_snapshot_is_a_copy_that_goes_its_own_way() {
    let Some(test) = TestPool::new() else { return };
    let (parent, child) = (volume("parent"), volume("child"));
    test.pool.create(&parent, None, (0, 0), 0o755).unwrap();
    fs::write(test.pool.path(&parent).join("file"), "before").unwrap();
    test.pool.snapshot(&parent, &child, false).unwrap();
    fs::write(test.pool.path(&parent).join("file"), "after").unwrap();
    assert_eq!(
        fs::read_to_string(test.pool.path(&child).join("file")).unwrap(),
        "before"
    );
    assert!(matches!(
        test.pool.snapshot(&parent, &child, false),
        Err(VolumeError::Volume { .. })
    ));
}

#[test]
fn a_link_that_a_container_planted_is_not_followed() {
    let Some(test) = TestPool::new() else { return };
    let id = volume("hostile");
    test.pool.create(&id, None, (10_000, 10_000), 0o755).unwrap();
    let directory = test.pool.directory(&id, "a/b", (10_000, 10_000), 0o755).unwrap();
    assert_eq!(fs::metadata(&directory).unwrap().uid(), 10_000);
    std::os::unix::fs::symlink("/etc", test.pool.path(&id).join("link")).unwrap();
    for planted in ["link", "link/x", "a/../link"] {
        let refused = test.pool.directory(&id, planted, (0, 0), 0o755);
        assert!(matches!(refused, Err(VolumeError::Directory { .. })), "{planted}");
    }
    assert!(!Path::new("/etc/x").exists());
}

#[test]
fn a_full_volume_harms_only_itself() {
    let Some(test) = TestPool::new() else { return };
    let (small, other) = (volume("small"), volume("other"));
    test.pool.create(&small, Some(5_000_000), (0, 0), 0o755).unwrap();
    test.pool.create(&other, None, (0, 0), 0o755).unwrap();
    let noise = fixture::noise(20_000_000);
    let written = fs::write(test.pool.path(&small).join("big"), &noise)
        .and_then(|()| fs::File::open(test.pool.path(&small).join("big"))?.sync_all());
    assert!(written.is_err(), "20 MB do not fit into 5 MB");
    fs::write(test.pool.path(&other).join("fine"), "x").unwrap();
}

#[test]
fn scratch_space_comes_and_goes_with_its_container() {
    let Some(test) = TestPool::new() else { return };
    let container = ContainerId::new("abcdefghijkl").unwrap();
    test.pool.scratch_create(&container).unwrap();
    let tmp = test
        .pool
        .scratch_directory(&container, "tmp", (10_000, 10_000), 0o1777)
        .unwrap();
    assert_eq!(fs::metadata(&tmp).unwrap().mode() & 0o7777, 0o1777);
    assert_eq!(test.pool.scratch_list().unwrap(), vec![container.clone()]);
    test.pool.scratch_delete(&container).unwrap();
    assert!(test.pool.scratch_list().unwrap().is_empty());
}

#[test]
fn the_pool_grows_while_it_is_in_use() {
    let Some(test) = TestPool::new() else { return };
    let before = test.pool.usage().unwrap().total_bytes;
    test.pool.grow(100_000_000).unwrap();
    assert!(test.pool.usage().unwrap().total_bytes >= before + 90_000_000);
}

#[test]
fn a_volume_that_a_crash_left_half_made_is_no_volume_and_is_made_whole_later() {
    let Some(test) = TestPool::new() else { return };
    let id = volume("half");
    let volumes = fs::File::open(test.state.path().join("pool/volumes")).unwrap();
    guise_sys::btrfs::create_subvolume(volumes.as_fd(), ".half").unwrap();
    assert!(test.pool.list().unwrap().is_empty());
    test.pool.create(&id, None, (10_000, 10_001), 0o750).unwrap();
    let found = fs::metadata(test.pool.path(&id)).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (10_000, 0o750));
    assert_eq!(
        fs::read_dir(test.state.path().join("pool/volumes"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn what_a_volume_uses_and_its_limit_are_told() {
    let Some(test) = TestPool::new() else { return };
    assert!(test.pool.quotas(), "this kernel has simple quotas");
    let (limited, free) = (volume("limited"), volume("free"));
    test.pool
        .create(&limited, Some(50_000_000), (0, 0), 0o755)
        .unwrap();
    test.pool.create(&free, None, (0, 0), 0o755).unwrap();
    fs::write(test.pool.path(&limited).join("noise"), fixture::noise(8_000_000)).unwrap();
    test.pool.sync().unwrap();
    let uses = test.pool.uses().unwrap();
    assert_eq!(uses[&limited].limit_bytes, Some(50_000_000));
    assert!(
        (7_000_000..9_000_000).contains(&uses[&limited].used_bytes),
        "{uses:?}"
    );
    assert_eq!(uses[&free].limit_bytes, None);
    assert!(uses[&free].used_bytes < 100_000, "{uses:?}");
    test.pool.create(&limited, None, (0, 0), 0o755).unwrap();
    assert_eq!(
        test.pool.uses().unwrap()[&limited].limit_bytes,
        None,
        "a limit can be lifted"
    );
}

#[test]
fn a_pool_that_is_nearly_full_grows_while_the_host_keeps_its_reserve() {
    let Some(test) = TestPool::new() else { return };
    let id = volume("big");
    test.pool.create(&id, None, (0, 0), 0o755).unwrap();
    assert_eq!(test.pool.grow_if_needed(0).unwrap(), Growth::NotNeeded);
    for number in 0.. {
        if test.pool.usage().unwrap().free_bytes < SIZE / 10 {
            break;
        }
        let file = test.pool.path(&id).join(format!("noise-{number}"));
        fs::write(file, fixture::noise(4_000_000)).unwrap();
        test.pool.sync().unwrap();
    }
    let before = test.pool.usage().unwrap();
    assert!(matches!(
        test.pool.grow_if_needed(before.host_free_bytes).unwrap(),
        Growth::Scarce(_)
    ));
    let Growth::Grown(bytes) = test.pool.grow_if_needed(0).unwrap() else {
        panic!("{before:?} is nearly full")
    };
    let grown = test.pool.usage().unwrap().total_bytes - before.total_bytes;
    assert!(grown.abs_diff(bytes) < 1_000_000, "btrfs uses whole blocks");
    assert_eq!(test.pool.grow_if_needed(0).unwrap(), Growth::NotNeeded);
}
