//! Replacing a mount of a running container.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, can_run, succeeded};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A squashfs image with one file and a mount point, mounted.
struct Image {
    mounted: PathBuf,
}

impl Image {
    fn new(container: &Bundle, name: &str, with_mount_point: bool) -> Self {
        let tree = container.path(&format!("{name}.tree"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join("version"), name).unwrap();
        if with_mount_point {
            std::fs::create_dir(tree.join("uploads")).unwrap();
        }
        let (file, mounted) = (container.path(&format!("{name}.squashfs")), container.path(name));
        succeeded(
            Command::new("mksquashfs")
                .args([&tree, &file])
                .arg("-quiet")
                .output()
                .unwrap(),
        );
        std::fs::create_dir(&mounted).unwrap();
        succeeded(
            Command::new("mount")
                .args(["-o", "loop,ro"])
                .args([&file, &mounted])
                .output()
                .unwrap(),
        );
        Self { mounted }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.mounted).status();
    }
}

fn swap(container: &Bundle, source: &Path) -> std::process::Output {
    let source = source.to_str().unwrap();
    container
        .runtime(&["swap", "--target", "/app", "--source", source, &container.id])
        .output()
        .unwrap()
}

#[test]
fn a_reader_never_sees_app_missing_and_the_mount_below_it_survives() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let (one, two) = (
        Image::new(&container, "one", true),
        Image::new(&container, "two", true),
    );
    let lacking = Image::new(&container, "lacking", false);
    let volume = container.path("volume");
    std::fs::create_dir(&volume).unwrap();
    container.bind(&one.mounted, "/app", &["bind", "ro", "nosuid", "nodev"]);
    container.bind(&volume, "/app/uploads", &["rbind", "nosuid", "nodev"]);
    container.start();
    std::fs::write(volume.join("kept"), "kept").unwrap();

    let script = "while [ ! -e /app/uploads/stop ]; do read v < /app/version || [ -n \"$v\" ] || exit 1; \
                  [ -e /app/uploads/kept ] || exit 2; done; echo saw $v";
    let reader = container
        .runtime(&["exec", &container.id, "/bin/sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..20 {
        succeeded(swap(&container, &two.mounted));
        succeeded(swap(&container, &one.mounted));
    }
    succeeded(swap(&container, &two.mounted));
    std::fs::write(volume.join("stop"), "").unwrap();
    let output = succeeded(reader.wait_with_output().unwrap());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("saw "));

    assert_eq!(
        container.shell("cat /app/version; echo; cat /app/uploads/kept"),
        ("two\nkept".into(), 0)
    );
    assert_eq!(container.shell("grep -c ' /app ' /proc/mounts").0, "1");
    assert!(container.shell("echo x > /app/version").0.contains("Read-only"));

    let refusal = swap(&container, &lacking.mounted);
    assert!(String::from_utf8_lossy(&refusal.stderr).contains("no directory uploads"));
    assert_eq!(container.shell("cat /app/version").0, "two");
}

#[test]
fn a_path_where_nothing_is_mounted_cannot_be_swapped() {
    if !can_run() {
        return;
    }
    let container = Bundle::new();
    container.start();
    let refusal = swap(&container, &container.path("rootfs"));
    assert!(String::from_utf8_lossy(&refusal.stderr).contains("nothing is mounted at /app"));
}
