//! A container's spec as an OCI runtime-spec `config.json`: a pure function.
//!
//! This is where the lies are chosen; telling them is the runtime's work. Three of them are not in the OCI
//! specification and are asked for by annotations, which other runtimes ignore:
//!
//! * `org.guise.rootfs.idmap`: the root file system is a clone of a shared mount, seen through the container's ids;
//! * `org.guise.run.tar`: what the ramdisk at `/run` holds at the start;
//! * `org.guise.sources.no-symlinks`: no source of a bind mount is reached through a link, since containers can
//!   plant links in their volumes.

use crate::{AppImage, ContainerSpec, Process};
use guise_model::{IdRange, RANGE_SIZE};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Size of the ramdisk at `/run`: generated files, sockets and pid files are kilobytes; the rest is for what an
/// application thinks of. Counted to the container's memory.
const RAMDISK_BYTES: u64 = 16 << 20;

/// Period that processor time is shared out in, in microseconds: the kernel's default.
const CPU_PERIOD_USEC: u64 = 100_000;

/// How much sooner than the host's own processes a container's are killed when the whole machine is out of memory.
const OOM_SCORE_ADJUSTMENT: i32 = 100;

/// Open files per process; some languages' servers refuse to start with the kernel's default of 1024.
const OPEN_FILES: u64 = 65_536;

/// Open files per process, as far as guise itself may have them: where it runs without CAP_SYS_RESOURCE (in a
/// container), nobody it starts may have more.
fn open_files() -> u64 {
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    own.unwrap_or(OPEN_FILES).min(OPEN_FILES)
}

/// Everything that the kernel can lie about, but time.
const NAMESPACES: [&str; 7] = ["user", "pid", "mount", "network", "uts", "ipc", "cgroup"];

/// Where on the host the things are that a container is made of.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// The base image's mount.
    pub base: PathBuf,
    /// What is at `/app`: an app image's mount or a volume.
    pub app: Option<PathBuf>,
    /// A directory for each of the spec's `mounts`.
    pub mounts: Vec<PathBuf>,
    /// A directory for each of the spec's `scratch`.
    pub scratch: Vec<PathBuf>,
    /// The ramdisk's content.
    pub ramdisk: PathBuf,
}

/// The `config.json` of a container with the host ids `ids`, in the cgroup `/<cgroup>/<id>`.
pub(crate) fn config(spec: &ContainerSpec, cgroup: &str, ids: IdRange, sources: &Sources) -> Value {
    let mapping = json!([{"containerID": 0, "hostID": ids.host_start, "size": RANGE_SIZE}]);
    let quota_usec = u64::from(spec.limits.cpu_millis) * CPU_PERIOD_USEC / 1000;
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": sources.base, "readonly": true},
        "hostname": spec.hostname,
        "process": process(&spec.process, false),
        "mounts": mounts(spec, sources, &mapping),
        "annotations": {
            "org.guise.name": spec.name,
            guise_runtime::IDMAP_ROOT: "true",
            guise_runtime::RAMDISK: sources.ramdisk,
            guise_runtime::NO_SYMLINKS: "true",
        },
        "linux": {
            "namespaces": NAMESPACES.map(|kind| json!({"type": kind})),
            "uidMappings": mapping,
            "gidMappings": mapping,
            "cgroupsPath": format!("/{cgroup}/{}", spec.id),
            "resources": {
                "cpu": {"period": CPU_PERIOD_USEC, "quota": quota_usec},
                // Swap included: a container that outgrows its memory is stopped, it does not slow down the rest.
                "memory": {"limit": spec.limits.memory_bytes, "swap": spec.limits.memory_bytes},
                "pids": {"limit": spec.limits.pids},
            },
            // nginx and whatever else listens below 1024 runs without any capability.
            "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "rootfsPropagation": "private",
            "maskedPaths": guise_runtime::MASKED_PATHS,
            "readonlyPaths": guise_runtime::READONLY_PATHS,
            "seccomp": guise_runtime::default_seccomp(),
        },
    })
}

/// A process as the runtime specification has it: no capability, and no way to gain one.
pub(crate) fn process(process: &Process, terminal: bool) -> Value {
    let environment: Vec<String> = process
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let open_files = open_files();
    json!({
        "terminal": terminal,
        "user": {"uid": process.user.uid, "gid": process.user.gid, "umask": 0o022},
        "args": process.argv,
        "env": environment,
        "cwd": process.cwd,
        "capabilities": {"bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []},
        "noNewPrivileges": true,
        "oomScoreAdj": OOM_SCORE_ADJUSTMENT,
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": open_files, "hard": open_files}],
    })
}

/// All mounts, parents before what lies in them.
fn mounts(spec: &ContainerSpec, sources: &Sources, mapping: &Value) -> Vec<Value> {
    let bind = |target: &str, source: &Path, read_only: bool| {
        let access = if read_only { "ro" } else { "rw" };
        json!({
            "destination": target,
            "type": "bind",
            "source": source,
            "options": ["bind", access, "nosuid", "nodev"],
            "uidMappings": mapping,
            "gidMappings": mapping,
        })
    };
    let mut mounts = kernel_mounts();
    mounts.push(ramdisk(&spec.process));
    if let (Some(app), Some(source)) = (&spec.app, &sources.app) {
        mounts.push(bind("/app", source, matches!(app, AppImage::Frozen { .. })));
    }
    mounts.extend(
        spec.scratch
            .iter()
            .zip(&sources.scratch)
            .map(|(to, from)| bind(&to.target, from, false)),
    );
    mounts.extend(
        spec.mounts
            .iter()
            .zip(&sources.mounts)
            .map(|(to, from)| bind(&to.target, from, to.read_only)),
    );
    // Stable: what is equally deep keeps the order of the spec.
    mounts.sort_by_key(|mount| depth(mount["destination"].as_str().unwrap_or_default()));
    mounts
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|component| !component.is_empty()).count()
}

/// What the kernel shows of itself.
fn kernel_mounts() -> Vec<Value> {
    vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}),
        json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]}),
        json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]}),
        json!({"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"]}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]}),
    ]
}

/// The ramdisk. Its owner is whoever PID 1 is: runit keeps its state there, and scripts are run from it.
fn ramdisk(process: &Process) -> Value {
    let (uid, gid) = (process.user.uid, process.user.gid);
    json!({"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": [
        "nosuid", "nodev", "mode=755", format!("size={RAMDISK_BYTES}"), format!("uid={uid}"), format!("gid={gid}"),
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn sources() -> Sources {
        Sources {
            base: "/state/images/base".into(),
            app: Some("/state/images/app".into()),
            mounts: vec!["/pool/volumes/v/uploads".into(), "/pool/volumes/v/deep".into()],
            scratch: vec!["/pool/scratch/c/tmp".into()],
            ramdisk: "/state/containers/c/run.tar".into(),
        }
    }

    fn example() -> Value {
        config(
            &testing::spec(),
            "guise",
            IdRange { host_start: 131_072 },
            &sources(),
        )
    }

    fn mount<'a>(config: &'a Value, target: &str) -> &'a Value {
        let mounts = config["mounts"].as_array().unwrap();
        mounts
            .iter()
            .find(|mount| mount["destination"] == target)
            .unwrap()
    }

    #[test]
    fn the_configuration_is_valid_by_the_published_schema_of_types() {
        let parsed: oci_spec::runtime::Spec = serde_json::from_value(example()).unwrap();
        let linux = parsed.linux().as_ref().unwrap();
        assert_eq!(linux.namespaces().as_ref().unwrap().len(), 7);
        assert_eq!(linux.uid_mappings().as_ref().unwrap()[0].host_id(), 131_072);
        let process = parsed.process().as_ref().unwrap();
        assert_eq!(process.no_new_privileges(), Some(true));
        assert!(
            process
                .capabilities()
                .as_ref()
                .unwrap()
                .bounding()
                .as_ref()
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_mount_comes_after_the_directory_it_lies_in() {
        let config = example();
        let targets: Vec<&str> = config["mounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| mount["destination"].as_str().unwrap())
            .collect();
        for (at, target) in targets.iter().enumerate() {
            for later in &targets[at + 1..] {
                assert!(
                    !target.starts_with(&format!("{later}/")),
                    "{later} comes after {target}"
                );
            }
        }
        assert!(targets.contains(&"/app/web/deep"));
    }

    #[test]
    fn frozen_code_is_read_only_and_volumes_are_writable_and_all_are_seen_through_the_ids() {
        let config = example();
        for (target, access) in [
            ("/app", "ro"),
            ("/app/uploads", "rw"),
            ("/app/web/deep", "ro"),
            ("/tmp", "rw"),
        ] {
            let mount = mount(&config, target);
            assert_eq!(
                mount["options"],
                json!(["bind", access, "nosuid", "nodev"]),
                "{target}"
            );
            assert_eq!(mount["uidMappings"][0]["hostID"], 131_072, "{target}");
        }
    }

    #[test]
    fn a_checkout_is_writable() {
        let mut spec = testing::spec();
        spec.app = Some(AppImage::Writable(crate::WritableApp {
            volume: "build-1".parse().unwrap(),
        }));
        let config = config(&spec, "guise", IdRange { host_start: 131_072 }, &sources());
        assert_eq!(mount(&config, "/app")["options"][1], "rw");
    }

    #[test]
    fn limits_are_in_the_kernels_units() {
        let resources = &example()["linux"]["resources"];
        assert_eq!(resources["cpu"], json!({"period": 100_000, "quota": 40_000}));
        assert_eq!(
            resources["memory"],
            json!({"limit": 256_000_000, "swap": 256_000_000})
        );
        assert_eq!(resources["pids"]["limit"], 512);
    }

    #[test]
    fn the_cgroup_is_below_the_instances() {
        assert_eq!(example()["linux"]["cgroupsPath"], "/guise/abcdefgh1234");
    }
}
