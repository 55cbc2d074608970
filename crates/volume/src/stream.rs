//! A read-only volume as a stream of bytes, and back: how a backup leaves the machine.
//!
//! The format is btrfs's own send stream, written and read by btrfs-progs (btrfs-send(8), btrfs-receive(8)).

use crate::{Pool, VolumeError};
use guise_model::VolumeId;
use guise_sys::btrfs;
use std::{
    fs,
    io::{self, Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

impl Pool {
    /// Writes a read-only volume as a stream.
    ///
    /// # Errors
    /// [`VolumeError::Stream`] when the volume can be written to, or `to` cannot.
    pub fn send(&self, id: &VolumeId, to: &mut dyn Write) -> Result<(), VolumeError> {
        let refused = |reason: String| stream_error("send", id, reason);
        let mut child = Command::new("btrfs")
            .args(["--quiet", "send"])
            .arg(self.path(id))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| refused(error.to_string()))?;
        let mut output = child.stdout.take().expect("standard output is piped");
        let copied = io::copy(&mut output, to);
        // With its reader gone, btrfs ends instead of waiting.
        drop(output);
        let ended = end(child).map_err(refused);
        copied.map_err(|error| refused(error.to_string()))?;
        ended
    }

    /// Makes the read-only volume `id` from a stream.
    ///
    /// # Errors
    /// [`VolumeError::Stream`] when the stream is torn or the pool is full; nothing is left then.
    pub fn receive(&self, id: &VolumeId, from: &mut dyn Read) -> Result<(), VolumeError> {
        let incoming = self.root.join("incoming").join(id.as_str());
        self.clear(&incoming)?;
        fs::create_dir_all(&incoming).map_err(|source| VolumeError::File {
            operation: "make",
            path: incoming.clone(),
            source,
        })?;
        let received = self
            .read_stream(id, &incoming, from)
            .and_then(|()| self.take_over(id, &incoming));
        let cleared = self.clear(&incoming);
        received.and(cleared)
    }

    fn read_stream(&self, id: &VolumeId, into: &Path, from: &mut dyn Read) -> Result<(), VolumeError> {
        let refused = |reason: String| stream_error("receive", id, reason);
        // --chroot: whoever wrote the stream cannot reach beyond the directory by links in it.
        let mut child = Command::new("btrfs")
            .args(["--quiet", "receive", "--chroot"])
            .arg(into)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| refused(error.to_string()))?;
        let mut input = child.stdin.take().expect("standard input is piped");
        let copied = io::copy(from, &mut input);
        drop(input);
        // What btrfs says explains more than that it reads no more.
        end(child).map_err(refused)?;
        copied.map(drop).map_err(|error| refused(error.to_string()))
    }

    /// Makes what was received a volume. A read-only subvolume cannot be moved (its `..` would change), so it is
    /// snapshot.
    fn take_over(&self, id: &VolumeId, incoming: &Path) -> Result<(), VolumeError> {
        let [received] = &entries(incoming)?[..] else {
            let reason = "the stream does not hold exactly one volume".into();
            return Err(stream_error("receive", id, reason));
        };
        let source = self.open_directory(received)?;
        let volumes = self.open_directory(&self.root.join("volumes"))?;
        btrfs::snapshot(source.as_fd(), volumes.as_fd(), id.as_str(), true).map_err(|source| {
            VolumeError::Volume {
                operation: "make",
                volume: id.to_string(),
                source,
            }
        })
    }

    /// Removes a directory with the subvolumes in it.
    fn clear(&self, incoming: &Path) -> Result<(), VolumeError> {
        let parent = match self.open_directory(incoming) {
            Ok(parent) => parent,
            Err(VolumeError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for entry in entries(incoming)? {
            let Some(name) = entry.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            btrfs::delete_subvolume(parent.as_fd(), name).map_err(|source| VolumeError::Volume {
                operation: "delete",
                volume: name.into(),
                source,
            })?;
        }
        fs::remove_dir(incoming).map_err(|source| VolumeError::File {
            operation: "remove",
            path: incoming.into(),
            source,
        })
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    let failed = |source| VolumeError::File {
        operation: "list",
        path: directory.into(),
        source,
    };
    let entries = fs::read_dir(directory).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

/// Waits for btrfs; its last line when it failed.
fn end(mut child: Child) -> Result<(), String> {
    // On a thread, lest it block on a full pipe.
    let stderr = child.stderr.take();
    let said = thread::spawn(move || stderr.map(io::read_to_string).transpose());
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let said = said
        .join()
        .ok()
        .and_then(Result::ok)
        .flatten()
        .unwrap_or_default();
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| status.to_string(), |line| line.trim().to_string()))
}

fn stream_error(operation: &'static str, volume: &VolumeId, reason: String) -> VolumeError {
    VolumeError::Stream {
        operation,
        volume: volume.to_string(),
        reason,
    }
}
