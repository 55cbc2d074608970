//! Whether a squashfs can be seen through other ids: tried with an image of nothing, mounted nowhere.

use guise_sys::{Errno, loopdev, mount};
use rustix::mount::MountAttrFlags;
use std::{
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// A step of the probe that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    #[error("cannot start {program}: {source}")]
    Start {
        program: &'static str,
        source: io::Error,
    },
    #[error("{program} failed: {message}")]
    Program { program: &'static str, message: String },
    #[error("no new user namespace")]
    Namespace,
    #[error("cannot make a directory for the probe: {source}")]
    Directory { source: io::Error },
    #[error("cannot open {}: {source}", .path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("no loop device: {source}")]
    Loop { source: io::Error },
    #[error("cannot mount a squashfs: {source}")]
    Mount { source: Errno },
    #[error("the kernel refuses: {source}")]
    Idmap { source: Errno },
}

/// A process in a user namespace of its own; ended when dropped.
pub(super) struct Namespace {
    child: Child,
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a user namespace in which this process's user is root.
pub(super) fn namespace() -> Result<Namespace, ProbeError> {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sleep", "10"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().map_err(|source| ProbeError::Start {
        program: "unshare",
        source,
    })?;
    let mut namespace = Namespace { child };
    let map = PathBuf::from(format!("/proc/{}/uid_map", namespace.child.id()));
    for _ in 0..200 {
        // Until it is in its own namespace, the map is that of this process's, of all ids.
        let mapped = fs::read_to_string(&map).is_ok_and(|map| map.split_whitespace().nth(2) == Some("1"));
        if mapped {
            return Ok(namespace);
        }
        if !matches!(namespace.child.try_wait(), Ok(None)) {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    Err(ProbeError::Namespace)
}

/// Tries it.
pub(super) fn squashfs() -> Result<(), ProbeError> {
    let directory = Directory::new()?;
    let image = directory.path.join("image");
    pack(&directory.path.join("tree"), &image)?;
    let file = File::open(&image).map_err(|source| ProbeError::Open { path: image, source })?;
    let device = loopdev::attach(&file, true).map_err(|source| ProbeError::Loop { source })?;
    let source = format!("source={}", device.path().display());
    let tree = mount::create("squashfs", &["ro".into(), source], MountAttrFlags::empty())
        .map_err(|source| ProbeError::Mount { source })?;
    let namespace = namespace()?;
    let path = PathBuf::from(format!("/proc/{}/ns/user", namespace.child.id()));
    let users = File::open(&path).map_err(|source| ProbeError::Open { path, source })?;
    let change = mount::Attributes {
        idmap: Some(users.as_fd()),
        ..mount::Attributes::default()
    };
    mount::set_attributes(tree.as_fd(), &change).map_err(|source| ProbeError::Idmap { source })
}

fn pack(tree: &Path, image: &Path) -> Result<(), ProbeError> {
    let output = Command::new("mksquashfs")
        .args([tree, image])
        .args(["-quiet", "-no-progress"])
        .output()
        .map_err(|source| ProbeError::Start {
            program: "mksquashfs",
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProbeError::Program {
        program: "mksquashfs",
        message,
    })
}

/// A directory with an empty `tree` in it; removed when dropped.
struct Directory {
    path: PathBuf,
}

impl Directory {
    fn new() -> Result<Self, ProbeError> {
        let path = std::env::temp_dir().join(format!("guise-doctor-{}", std::process::id()));
        // Not `create_dir_all`: a directory that is there already could be somebody else's.
        fs::create_dir(&path)
            .and_then(|()| fs::create_dir(path.join("tree")))
            .map_err(|source| ProbeError::Directory { source })?;
        Ok(Self { path })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
