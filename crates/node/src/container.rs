//! The life of a container, each change a list of steps.

use crate::{
    AppImage, ContainerSpec, ContainerState, ContainerStatus, Egress, Link, Node, NodeError, Process,
    RunFile,
    bundle::{self, Sources},
    check,
    node::Entry,
    ramdisk,
    record::{self, Init, Record},
    supervisor,
};
use guise_model::{ContainerId, ImageDigest};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where the code is.
const APP: &str = "/app";

/// Longest time for writing a few files in a container.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What replaces files below /run, each in one step, and removes others. Arguments: how many files the archive on
/// standard input holds, their paths, then paths to remove. Requests may wait meanwhile, so it starts few programs.
const REPLACE: &str = r#"set -e
cd /run
new=.new.$$
trap 'rm -rf "/run/$new"' EXIT
mkdir -m 700 "$new"
tar -xp --no-same-owner -C "$new" -f -
count=$1
shift
while [ "$count" -gt 0 ]; do
    case $1 in */*) [ -d "${1%/*}" ] || mkdir -p "${1%/*}" ;; esac
    mv -fT -- "$new/$1" "$1"
    shift
    count=$((count - 1))
done
for path; do rm -f -- "$path"; done
"#;

impl Node {
    /// All containers, by id.
    pub fn containers(&self) -> Vec<ContainerStatus> {
        self.entries()
            .iter()
            .filter_map(|entry| status(&entry.record()))
            .collect()
    }

    /// One container.
    pub fn container(&self, id: &ContainerId) -> Option<ContainerStatus> {
        status(&self.entry(id)?.record())
    }

    /// Makes a whole container and starts its PID 1. A container of this id that runs already is left as it is.
    ///
    /// # Errors
    /// The step that failed; everything before it has been undone.
    pub fn create(&self, spec: &ContainerSpec) -> Result<(), NodeError> {
        check::spec(spec)?;
        let id = &spec.id;
        let entry = self.entry_for(spec);
        let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.record().init.is_some_and(Init::lives) {
            return Ok(());
        }
        let record = Record {
            spec: spec.clone(),
            created_unix_ms: now(),
            init: None,
        };
        let made = self
            .dismantle(id)
            .and_then(|()| self.note(&entry, record.clone()))
            .and_then(|()| self.make(spec));
        match made.and_then(|init| {
            self.note(
                &entry,
                Record {
                    init: Some(init),
                    ..record
                },
            )
        }) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.forget(id)?;
                Err(error)
            }
        }
    }

    /// Stops a container cleanly, within the time that it is given, and removes it. Volumes and images stay. No such
    /// container is success.
    ///
    /// # Errors
    /// What could not be removed; calling again tries the rest again.
    pub fn remove(&self, id: &ContainerId) -> Result<(), NodeError> {
        let Some(entry) = self.entry(id) else {
            return Ok(());
        };
        let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let grace = Duration::from_secs(entry.record().spec.stop_grace_seconds.into());
        if !grace.is_zero() && entry.record().init.is_some_and(Init::lives) {
            let processes = self.processes(id)?;
            let clean = supervisor::stop_all(&processes, grace).map_err(|source| NodeError::Signal {
                id: id.clone(),
                source,
            })?;
            if !clean {
                tracing::warn!(container = %id, ?grace, "not all services stopped in time; they are killed");
            }
        }
        self.forget(id)?;
        self.release_images_later();
        Ok(())
    }

    /// Puts another frozen image at a running container's `/app`, with no instant without one.
    ///
    /// # Errors
    /// When the image is unknown, lacks a mount point, or the kernel refuses; the old image is still there then.
    pub fn swap_app(&self, id: &ContainerId, image: &ImageDigest) -> Result<(), NodeError> {
        let (entry, _) = self.running(id)?;
        let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = entry.record();
        let wanted = AppImage::Frozen { image: image.clone() };
        match &record.spec.app {
            // Also when it is the one of the record: a daemon that died before its note may have put another there.
            Some(AppImage::Frozen { .. }) => record.spec.app = Some(wanted),
            _ => return Err(NodeError::NoFrozenApp { id: id.clone() }),
        }
        {
            let _images = self.images_lock();
            let source = self.inner.store.attach(image)?;
            self.inner.runtime.swap(id, APP, &source)?;
            self.note(&entry, record)?;
        }
        self.release_images_later();
        Ok(())
    }

    /// Writes and removes generated files below `/run` of a running container, each replaced in one step.
    ///
    /// # Errors
    /// When the container does not run or its `tar` or `rm` fails.
    pub fn write_files(
        &self,
        id: &ContainerId,
        files: &[RunFile],
        remove: &[String],
    ) -> Result<(), NodeError> {
        let (entry, _) = self.running(id)?;
        let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = entry.record();
        self.replace_files(&record.spec, files, remove)?;
        let stays =
            |old: &RunFile| !remove.contains(&old.path) && files.iter().all(|new| new.path != old.path);
        record.spec.files.retain(stays);
        record.spec.files.extend_from_slice(files);
        self.note(&entry, record)
    }

    /// Brings names, allowed connections and egress of a running container up to date.
    ///
    /// # Errors
    /// When the container does not run or the network refuses.
    pub fn connect(&self, id: &ContainerId, link: &Link) -> Result<(), NodeError> {
        let (entry, _) = self.running(id)?;
        let _turn = entry.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = entry.record();
        if record.spec.link == *link {
            return Ok(());
        }
        if record.spec.link.address != link.address {
            return Err(NodeError::AddressIsFixed {
                id: id.clone(),
                address: record.spec.link.address,
            });
        }
        record.spec.link = link.clone();
        self.inner
            .network
            .set_egress(link.address, link.egress != Egress::Deny)?;
        self.open_outbound(link)?;
        self.inner.network.set_connections(link.address, &link.connect)?;
        self.replace_files(&record.spec, &self.name_files(&record.spec), &[])?;
        self.note(&entry, record)
    }

    /// Makes all that a container consists of. What is made when a step fails is left to [`Self::dismantle`].
    fn make(&self, spec: &ContainerSpec) -> Result<Init, NodeError> {
        let id = &spec.id;
        let scratch = self.make_scratch(spec)?;
        let sources = self.sources(spec, &scratch)?;
        let bundle = self.write_bundle(spec, &sources)?;
        let (output, errors) = console(spec, &scratch)?;
        let pid = self.inner.runtime.create(id, &bundle, output, errors)?;
        let link = &spec.link;
        self.inner
            .network
            .attach(id, pid, link.address, link.egress != Egress::Deny)?;
        self.open_outbound(link)?;
        self.inner.network.set_connections(link.address, &link.connect)?;
        self.let_others_in(spec)?;
        self.inner.runtime.start(id)?;
        let init = Init::of(pid).map_err(|source| NodeError::Wait {
            id: id.clone(),
            source,
        })?;
        init.ok_or_else(|| NodeError::NotRunning { id: id.clone() })
    }

    /// Allows anew what other containers may open to this one's address: with the container that had the address
    /// before it, the network forgot what was allowed towards it.
    fn let_others_in(&self, spec: &ContainerSpec) -> Result<(), NodeError> {
        for entry in self.entries() {
            let other = entry.record().spec.link;
            if other
                .connect
                .iter()
                .any(|(address, _)| *address == spec.link.address)
            {
                self.inner
                    .network
                    .set_connections(other.address, &other.connect)?;
            }
        }
        Ok(())
    }

    /// Removes all that a container consists of, as far as it is there, but its record.
    pub(crate) fn dismantle(&self, id: &ContainerId) -> Result<(), NodeError> {
        self.inner.runtime.delete(id)?;
        self.inner.network.detach(id)?;
        self.inner.pool.scratch_delete(id)?;
        Ok(())
    }

    /// Removes all that a container consists of and its record.
    pub(crate) fn forget(&self, id: &ContainerId) -> Result<(), NodeError> {
        self.dismantle(id)?;
        self.inner.records.remove(id)?;
        self.remove_entry(id);
        Ok(())
    }

    /// Writes a container's record, first to disk, then to memory.
    fn note(&self, entry: &Entry, record: Record) -> Result<(), NodeError> {
        self.inner.records.write(&record)?;
        entry.set_record(record);
        Ok(())
    }

    /// Makes the directories that live and die with the container, and what later mounts need in them. Returns the
    /// directory they are in.
    fn make_scratch(&self, spec: &ContainerSpec) -> Result<PathBuf, NodeError> {
        let directory = self.inner.pool.scratch_create(&spec.id)?;
        for scratch in &spec.scratch {
            let owner = (scratch.owner.uid, scratch.owner.gid);
            let path = self
                .inner
                .pool
                .scratch_directory(&spec.id, &scratch.name, owner, scratch.mode)?;
            for mount in &spec.mounts {
                if let Ok(below) = Path::new(&mount.target).strip_prefix(&scratch.target) {
                    let path = path.join(below);
                    fs::create_dir_all(&path).map_err(|source| NodeError::File {
                        operation: "make",
                        path,
                        source,
                    })?;
                }
            }
        }
        Ok(directory)
    }

    /// Attaches images and finds the directories of volumes.
    fn sources(&self, spec: &ContainerSpec, scratch: &Path) -> Result<Sources, NodeError> {
        let attach = |image: &ImageDigest| {
            let _images = self.images_lock();
            self.inner.store.attach(image)
        };
        let app = match &spec.app {
            None => None,
            Some(AppImage::Frozen { image }) => Some(attach(image)?),
            Some(AppImage::Writable(app)) => Some(self.volume_path(&app.volume)?),
        };
        let mounts = spec
            .mounts
            .iter()
            .map(|mount| self.volume_directory(&mount.volume, &mount.source_path, mount.owner, 0o755));
        Ok(Sources {
            base: attach(&spec.base)?,
            app,
            mounts: mounts.collect::<Result<_, _>>()?,
            scratch: spec.scratch.iter().map(|one| scratch.join(&one.name)).collect(),
            ramdisk: self.inner.records.directory(&spec.id).join("run.tar"),
        })
    }

    /// Writes what the runtime reads. Returns the bundle's directory.
    fn write_bundle(&self, spec: &ContainerSpec, sources: &Sources) -> Result<PathBuf, NodeError> {
        let write = |path: &Path, content: io::Result<Vec<u8>>| {
            content
                .and_then(|content| record::write_private(path, &content))
                .map_err(|source| NodeError::File {
                    operation: "write",
                    path: path.into(),
                    source,
                })
        };
        let names = self.name_files(spec);
        write(
            &sources.ramdisk,
            ramdisk::archive(names.iter().chain(&spec.files), spec.process.user),
        )?;
        let bundle = self.inner.records.directory(&spec.id);
        let ids = self.ids(spec)?;
        let config = bundle::config(spec, &self.inner.config.instance.name, ids, sources);
        write(
            &bundle.join("config.json"),
            serde_json::to_vec(&config).map_err(io::Error::from),
        )?;
        Ok(bundle)
    }

    /// The files behind the image's links `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`.
    fn name_files(&self, spec: &ContainerSpec) -> Vec<RunFile> {
        let link = &spec.link;
        let entries = link
            .hosts
            .iter()
            .map(|entry| (entry.name.as_str(), entry.address));
        let file = |path: &str, content: String| RunFile {
            path: path.into(),
            content,
            mode: 0o644,
        };
        let nameservers = match link.egress {
            Egress::Allow | Egress::Only(_) => self.inner.network.nameservers(),
            Egress::Deny => &[],
        };
        vec![
            file(
                "hosts",
                guise_network::hosts_file(&spec.hostname, link.address, entries),
            ),
            file("hostname", format!("{}\n", spec.hostname)),
            file("resolv.conf", guise_network::resolv_conf(nameservers)),
        ]
    }

    /// Replaces files below /run of a running container by a process inside.
    fn replace_files(
        &self,
        spec: &ContainerSpec,
        files: &[RunFile],
        remove: &[String],
    ) -> Result<(), NodeError> {
        check::files(files)?;
        remove.iter().try_for_each(|path| check::run_path(path))?;
        let failed = |message| NodeError::WriteFiles {
            id: spec.id.clone(),
            message,
        };
        let archive =
            ramdisk::archive(files, spec.process.user).map_err(|error| failed(error.to_string()))?;
        let mut argv: Vec<String> = ["/bin/sh", "-c", REPLACE, "replace"].map(str::to_owned).into();
        argv.push(files.len().to_string());
        argv.extend(
            files
                .iter()
                .map(|file| file.path.clone())
                .chain(remove.iter().cloned()),
        );
        let process = Process {
            argv,
            cwd: "/".into(),
            ..spec.process.clone()
        };
        let output = self.exec(&spec.id, &process, &archive, WRITE_TIMEOUT)?;
        if output.status == 0 {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// How a container is seen from above; one that is still being made is not.
fn status(record: &Record) -> Option<ContainerStatus> {
    let init = record.init?;
    let state = if init.lives() {
        ContainerState::Running { pid: init.pid }
    } else {
        ContainerState::Exited
    };
    Some(ContainerStatus {
        spec: record.spec.clone(),
        state,
        created_unix_ms: record.created_unix_ms,
    })
}

/// Where PID 1's output goes: to a file among the container's logs, so that it takes the container's space and is
/// shown with them; nowhere when it has no logs.
fn console(spec: &ContainerSpec, scratch: &Path) -> Result<(Stdio, Stdio), NodeError> {
    if !spec.scratch.iter().any(|one| one.name == crate::inspect::LOG) {
        return Ok((Stdio::null(), Stdio::null()));
    }
    // Nothing has run in it yet, so the path leads where it says.
    let path = scratch.join(crate::inspect::LOG).join("console.log");
    let open = || {
        let file = File::options().append(true).create_new(true).open(&path)?;
        Ok((file.try_clone()?.into(), file.into()))
    };
    open().map_err(|source| NodeError::File {
        operation: "make",
        path: path.clone(),
        source,
    })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What the rest of the node needs to know of one container.
pub(crate) type Running = (Arc<Entry>, Init);
