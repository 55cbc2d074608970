//! A node of the tests' own, and a small base image; everything is removed when it is dropped.

use guise_model::{AddressPool, ContainerId, ImageDigest, Instance, Limits};
use guise_node::{
    AppImage, ContainerSpec, Egress, HostEntry, Link, Node, NodeConfig, Process, RunFile, Scratch, User,
};
use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
    time::Duration,
};

pub const WEB: User = User {
    uid: 10_000,
    gid: 10_000,
};

/// Whether this test can run here: as root, with busybox.
pub fn can_run() -> bool {
    let missing = if !Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
    {
        "needs root"
    } else if !Path::new("/bin/busybox").exists() {
        "needs busybox (apt install busybox-static)"
    } else if !runtime().exists() {
        "needs the runtime's program (cargo build -p guise-runtime)"
    } else {
        return true;
    };
    assert!(std::env::var_os("GUISE_TEST_MUST_RUN").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// The runtime as a program of its own, beside this test's directory.
fn runtime() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("guise-runtime")
}

/// A node with its own state directory and instance.
pub struct Machine {
    pub node: Option<Node>,
    pub state: PathBuf,
    config: NodeConfig,
    pub base: ImageDigest,
}

impl Machine {
    /// `number` (from 0) tells the machines of tests that run at the same time apart.
    pub fn new(number: u8) -> Self {
        Self::with_pool(number, 512 << 20)
    }

    /// The same with a pool of this many bytes.
    pub fn with_pool(number: u8, pool_bytes: u64) -> Self {
        let state = PathBuf::from(format!("/var/tmp/guise-node-{}-{number}", std::process::id()));
        fs::create_dir_all(&state).unwrap();
        let instance = Instance {
            name: format!("guise-n{number}"),
            link_prefix: format!("n{number}"),
            addresses: AddressPool {
                network: Ipv4Addr::new(169, 254, 160 + number, 0),
                prefix: 24,
            },
            id_base: 0x4000_0000 + u32::from(number) * 0x0100_0000,
        };
        let config = NodeConfig {
            state: state.clone(),
            instance,
            program: runtime(),
            program_args: Vec::new(),
            recipes: Vec::new(),
            image_cache: None,
            image_cache_bytes: 0,
            mail_relay: None,
            pool_bytes,
        };
        let node = Node::open(config.clone()).unwrap();
        let base = base_image(&node);
        Self {
            node: Some(node),
            state,
            config,
            base,
        }
    }

    pub fn node(&self) -> &Node {
        self.node.as_ref().unwrap()
    }

    /// Forgets the node as a killed daemon would, and opens another one.
    pub fn reopen(&mut self) {
        std::mem::forget(self.node.take());
        self.node = Some(Node::open(self.config.clone()).unwrap());
    }

    /// A container that runs `script` as PID 1.
    pub fn spec(&self, id: &str, slot: u32, script: &str) -> ContainerSpec {
        let pool = self.config.instance.addresses;
        ContainerSpec {
            id: id.parse().unwrap(),
            name: format!("test/main/{id}"),
            hostname: format!("host-{slot}"),
            slot,
            base: self.base.clone(),
            app: None,
            mounts: Vec::new(),
            scratch: vec![
                Scratch {
                    name: "tmp".into(),
                    target: "/tmp".into(),
                    mode: 0o1777,
                    owner: WEB,
                },
                Scratch {
                    name: "log".into(),
                    target: "/var/log".into(),
                    mode: 0o755,
                    owner: WEB,
                },
            ],
            files: vec![RunFile {
                path: "guise/greeting".into(),
                content: "hello\n".into(),
                mode: 0o644,
            }],
            process: sh(script),
            limits: Limits {
                cpu_millis: 500,
                memory_bytes: 64_000_000,
                pids: 64,
            },
            stop_grace_seconds: 0,
            link: Link {
                address: pool.address(slot).unwrap(),
                hosts: vec![HostEntry {
                    name: "db.internal".into(),
                    address: pool.address(9).unwrap(),
                }],
                egress: Egress::Deny,
                mail: false,
                connect: Vec::new(),
            },
        }
    }

    /// Freezes files into an app image.
    pub fn app(&self, files: &[(&str, &str)]) -> AppImage {
        let volume = "app-tree".parse().unwrap();
        self.node().volume_create(&volume, None, WEB, 0o755).unwrap();
        let tree = self.node().volume_path(&volume).unwrap();
        for (path, content) in files {
            fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
            fs::write(tree.join(path), content).unwrap();
        }
        let image = self.node().freeze(&volume, &AtomicBool::new(false)).unwrap();
        self.node().volume_delete(&volume).unwrap();
        AppImage::Frozen { image }
    }

    /// What a script in a container prints; it must succeed.
    pub fn sh(&self, id: &ContainerId, script: &str) -> String {
        let output = self
            .node()
            .exec(id, &sh(script), b"", Duration::from_secs(20))
            .unwrap();
        assert_eq!(
            output.status,
            0,
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            let closed = node.close_machine();
            if !std::thread::panicking() {
                closed.unwrap();
            }
        }
        let _ = fs::remove_dir_all(&self.state);
    }
}

pub fn sh(script: &str) -> Process {
    Process {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        env: BTreeMap::from([("PATH".into(), "/bin".into()), ("MARK".into(), "seen".into())]),
        cwd: "/".into(),
        user: WEB,
    }
}

/// A root file system of one busybox.
fn base_image(node: &Node) -> ImageDigest {
    let volume = "base-tree".parse().unwrap();
    node.volume_create(&volume, None, User { uid: 0, gid: 0 }, 0o755)
        .unwrap();
    let tree = node.volume_path(&volume).unwrap();
    for directory in [
        "bin", "app", "dev", "etc", "proc", "run", "sys", "tmp", "var/log", "data",
    ] {
        fs::create_dir_all(tree.join(directory)).unwrap();
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    let applets = Command::new("/bin/busybox")
        .arg("--list")
        .output()
        .unwrap()
        .stdout;
    for applet in String::from_utf8(applets)
        .unwrap()
        .lines()
        .filter(|applet| *applet != "busybox")
    {
        symlink("busybox", tree.join("bin").join(applet)).unwrap();
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        symlink(format!("/run/{name}"), tree.join("etc").join(name)).unwrap();
    }
    let image = node.freeze(&volume, &AtomicBool::new(false)).unwrap();
    node.volume_delete(&volume).unwrap();
    image
}

/// Waits until something is so.
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// What a guise has left on the machine.
pub fn leftovers(state: &Path, instance: &str, link_prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    found.extend(
        mounts
            .lines()
            .filter(|line| line.contains(&*state.to_string_lossy()))
            .map(str::to_owned),
    );
    for link in fs::read_dir("/sys/class/net").unwrap() {
        let name = link.unwrap().file_name().into_string().unwrap();
        found.extend(name.starts_with(link_prefix).then_some(name));
    }
    let tables = Command::new("nft")
        .args(["list", "tables"])
        .output()
        .unwrap()
        .stdout;
    let tables = String::from_utf8(tables).unwrap();
    found.extend(
        tables
            .lines()
            .filter(|line| line.ends_with(instance))
            .map(str::to_owned),
    );
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        let group = hierarchy.unwrap().path().join(instance);
        found.extend(group.exists().then(|| group.display().to_string()));
    }
    for device in fs::read_dir("/sys/block").unwrap() {
        let backing =
            fs::read_to_string(device.unwrap().path().join("loop/backing_file")).unwrap_or_default();
        found.extend(backing.starts_with(&*state.to_string_lossy()).then_some(backing));
    }
    found
}
