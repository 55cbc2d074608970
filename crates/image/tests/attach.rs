//! Images as mounts, as root: attached once, read-only, and nothing left of them afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guise_image::{ImageError, Store};
use guise_model::ImageDigest;
use std::{
    fs,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

fn may_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(
        root || std::env::var_os("GUISE_TEST_MUST_RUN").is_none(),
        "needs root"
    );
    if !root {
        println!("skipped: needs root");
    }
    root
}

/// A store that unmounts what is left of it.
struct TestStore {
    store: Store,
    directory: tempfile::TempDir,
}

impl TestStore {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(&directory.path().join("state"), None).unwrap(),
            directory,
        }
    }

    fn image(&self, content: &str) -> ImageDigest {
        let tree = self.directory.path().join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("index.html"), content).unwrap();
        self.store.freeze(&tree, &AtomicBool::new(false)).unwrap()
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        let _ = self.store.detach_unused(&[]);
    }
}

fn mounts_at(path: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let at = |line: &&str| line.split(' ').nth(4) == path.to_str();
    table.lines().filter(at).map(ToString::to_string).collect()
}

#[test]
fn an_image_is_attached_once_and_cannot_be_written() {
    if !may_run() {
        return;
    }
    let test = TestStore::new();
    let image = test.image("hello");
    let place = test.store.attach(&image).unwrap();
    assert_eq!(test.store.attach(&image).unwrap(), place);
    let again = Store::open(&test.directory.path().join("state"), None).unwrap();
    assert_eq!(
        again.attach(&image).unwrap(),
        place,
        "another process adopts the mount"
    );

    let mounts = mounts_at(&place);
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    assert!(
        mounts[0].contains("ro,nosuid,nodev") && !mounts[0].contains("shared:"),
        "{mounts:?}"
    );
    assert_eq!(fs::read_to_string(place.join("index.html")).unwrap(), "hello");
    assert!(fs::write(place.join("index.html"), "changed").is_err());
}

#[test]
fn nothing_is_left_of_a_detached_image() {
    if !may_run() {
        return;
    }
    let test = TestStore::new();
    let (kept, unused) = (test.image("kept"), test.image("unused"));
    test.store.attach(&kept).unwrap();
    let place = test.store.attach(&unused).unwrap();
    test.store.detach_unused(std::slice::from_ref(&kept)).unwrap();
    assert_eq!(test.store.mounted().unwrap(), [kept]);
    assert!(mounts_at(&place).is_empty());

    let file = test.store.path(&unused);
    test.store.delete(&unused).unwrap();
    assert!(matches!(test.store.attach(&unused), Err(ImageError::Missing(_))));
    // The kernel clears a loop device when its last user is gone, a moment after the unmount.
    let deadline = Instant::now() + Duration::from_secs(5);
    let loops = || guise_sys::loopdev::attached().unwrap();
    while loops().iter().any(|(_, backing)| backing.starts_with(&file)) {
        assert!(Instant::now() < deadline, "the loop device is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_small_app_is_frozen_and_attached_in_no_time() {
    if !may_run() {
        return;
    }
    let test = TestStore::new();
    let begun = Instant::now();
    let image = test.image("fast");
    test.store.attach(&image).unwrap();
    let took = begun.elapsed();
    println!("frozen and attached in {took:?}");
    // 15 ms on an idle machine; what is asserted allows for one that also compiles.
    assert!(took < Duration::from_secs(2), "{took:?}");
}
