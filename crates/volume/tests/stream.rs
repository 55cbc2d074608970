//! Volumes that leave the machine and come back.

#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{TestPool, volume};
use std::{
    fs,
    os::unix::fs::{MetadataExt, chown, symlink},
};

#[test]
fn a_volume_comes_back_from_its_stream_as_it_was_and_read_only() {
    let Some(test) = TestPool::new() else { return };
    let (original, kept, back) = (volume("original"), volume("kept"), volume("back"));
    test.pool
        .create(&original, None, (10_000, 10_001), 0o750)
        .unwrap();
    let root = test.pool.path(&original);
    fs::write(root.join("file"), vec![7u8; 300_000]).unwrap();
    chown(root.join("file"), Some(999), Some(998)).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    test.pool.snapshot(&original, &kept, true).unwrap();
    let mut stream = Vec::new();
    test.pool.send(&kept, &mut stream).unwrap();
    test.pool.receive(&back, &mut stream.as_slice()).unwrap();
    let root = test.pool.path(&back);
    assert_eq!(fs::read(root.join("file")).unwrap(), vec![7u8; 300_000]);
    let file = fs::metadata(root.join("file")).unwrap();
    let top = fs::metadata(&root).unwrap();
    assert_eq!((file.uid(), file.gid()), (999, 998));
    assert_eq!(
        (top.uid(), top.gid(), top.mode() & 0o7777),
        (10_000, 10_001, 0o750)
    );
    assert_eq!(
        fs::read_link(root.join("link")).unwrap().to_str(),
        Some("/etc/passwd")
    );
    let refused = fs::write(root.join("new"), "x").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    assert_eq!(test.pool.list().unwrap(), [back, kept, original]);
}

#[test]
fn a_torn_stream_leaves_nothing_and_says_so() {
    let Some(test) = TestPool::new() else { return };
    let (original, kept, back) = (volume("original"), volume("kept"), volume("back"));
    test.pool.create(&original, None, (0, 0), 0o755).unwrap();
    fs::write(test.pool.path(&original).join("file"), vec![7u8; 300_000]).unwrap();
    test.pool.snapshot(&original, &kept, true).unwrap();
    let mut stream = Vec::new();
    test.pool.send(&kept, &mut stream).unwrap();
    for torn in [&stream[..stream.len() / 2], &b"no stream at all"[..], &[][..]] {
        let error = test.pool.receive(&back, &mut &*torn).unwrap_err().to_string();
        assert!(error.contains("cannot receive volume back"), "{error}");
        assert_eq!(test.pool.list().unwrap(), [kept.clone(), original.clone()]);
    }
    test.pool.receive(&back, &mut stream.as_slice()).unwrap();
}

#[test]
fn a_volume_that_can_be_written_to_is_not_sent() {
    let Some(test) = TestPool::new() else { return };
    let original = volume("original");
    test.pool.create(&original, None, (0, 0), 0o755).unwrap();
    let mut stream = Vec::new();
    let error = test.pool.send(&original, &mut stream).unwrap_err().to_string();
    assert!(error.contains("read-only"), "{error}");
}
