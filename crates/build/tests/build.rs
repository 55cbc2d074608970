//! Real builds in containers of the cached Python image. Needs root and that image (`guise image build python`).

#![allow(clippy::unwrap_used)]

use guise_build::{BuildError, BuildRequest, build};
use guise_config::App;
use guise_model::{AddressPool, ImageDigest, Instance, Profile, Size};
use guise_node::{
    AppImage, ContainerSpec, ContainerState, Egress, Link, Node, NodeConfig, Process, RunFile, Scratch, User,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

const WEB: User = User {
    uid: 10_000,
    gid: 10_000,
};

/// A node of the tests' own with the Python image; everything is removed when it is dropped.
struct Machine {
    node: Node,
    base: ImageDigest,
    state: PathBuf,
}

impl Machine {
    /// `None` when these tests cannot run here.
    fn new(number: u8) -> Option<Self> {
        let cannot = |why: &str| {
            assert!(std::env::var_os("GUISE_TEST_MUST_RUN").is_none(), "{why}");
            eprintln!("skipped: {why}");
        };
        let test = std::env::current_exe().unwrap();
        let program = test.parent().unwrap().parent().unwrap().join("guise-runtime");
        if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
            cannot("needs root");
            return None;
        }
        if !program.exists() {
            cannot("needs the runtime's program (cargo build -p guise-runtime)");
            return None;
        }
        let state = PathBuf::from(format!("/var/tmp/guise-build-{}-{number}", std::process::id()));
        fs::create_dir_all(&state).unwrap();
        let config = NodeConfig {
            state: state.clone(),
            instance: Instance {
                name: format!("guise-b{number}"),
                link_prefix: format!("b{number}"),
                addresses: AddressPool {
                    network: Ipv4Addr::new(169, 254, 140 + number, 0),
                    prefix: 24,
                },
                id_base: 0x5000_0000 + u32::from(number) * 0x0100_0000,
            },
            program,
            program_args: Vec::new(),
            recipes: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")],
            image_cache: Some("/var/cache/guise/images".into()),
            image_cache_bytes: u64::MAX,
            mail_relay: None,
            pool_bytes: 400 << 20,
        };
        let node = Node::open(config).unwrap();
        // Built once on a machine, by whichever test comes first; the others wait for it and take it from the cache.
        let never = AtomicBool::new(false);
        let base = node
            .base_image("python", "3.13", false, &never, &mut |line| println!("{line}"))
            .unwrap();
        Some(Self { node, base, state })
    }

    /// Commits files to a bare repository's main branch.
    fn commit(&self, files: &[(&str, &str)]) -> (PathBuf, String) {
        let tree = self.state.join("work");
        fs::create_dir_all(&tree).unwrap();
        let git = |arguments: &[&str]| {
            let output = Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
                .args(arguments)
                .current_dir(&tree)
                .output()
                .unwrap();
            assert!(output.status.success(), "git {arguments:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "-q", "-b", "main"]);
        for (path, content) in files {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        git(&["add", "-A"]);
        git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        (tree.join(".git"), git(&["rev-parse", "HEAD"]))
    }

    /// Builds; the lines it said.
    fn build(
        &self,
        app: &App,
        files: &[(&str, &str)],
        cancel: &AtomicBool,
        each: &mut dyn FnMut(&str),
    ) -> (Result<ImageDigest, BuildError>, Vec<String>) {
        let (repository, commit) = self.commit(files);
        let resolved = self.node.catalog().resolve("python", "3.13").unwrap();
        let mut env = resolved.recipe.env().clone();
        env.extend([("HOME", "/app"), ("CI", "true")].map(|(name, value)| (name.into(), value.into())));
        let request = BuildRequest {
            repository: &repository,
            commit: &commit,
            app,
            env: &env,
            base: &self.base,
            recipe: resolved.recipe,
            cache: &"cache-app".parse().unwrap(),
            shared_cache: &"cache-all".parse().unwrap(),
            container: &"buildbuild01".parse().unwrap(),
            slot: 7,
            files: &[],
            limits: Size::Auto.limits(Profile::HighCpu),
        };
        let mut lines = Vec::new();
        let built = build(&self.node, &request, cancel, &mut |line| {
            each(line);
            lines.push(line.to_owned());
        });
        assert_eq!(self.node.containers(), [], "a build leaves no container");
        let left = self
            .node
            .volumes()
            .unwrap()
            .into_iter()
            .filter(|volume| volume.as_str().starts_with("build-"));
        assert_eq!(left.count(), 0, "a build leaves no volume but its cache");
        (built, lines)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let closed = self.node.close_machine();
        if !std::thread::panicking() {
            closed.unwrap();
        }
        let _ = fs::remove_dir_all(&self.state);
    }
}

/// An app with a build hook and a mount.
fn app(hook: &str) -> App {
    serde_json::from_value(json!({
        "name": "app",
        "runtime": {"name": "python", "version": "3.13", "resolved": "3.13"},
        "config_file": ".platform.app.yaml",
        "source_root": "",
        "size": "AUTO",
        "profile": "HIGH_CPU",
        "relationships": [],
        "disk_mb": 256,
        "mounts": [{"path": "web/uploads", "source": "local", "source_path": "uploads"}],
        "web": {
            "commands": {},
            "upstream": {"socket_family": "tcp", "protocol": "http"},
            "locations": [],
            "move_to_root": false,
        },
        "workers": [],
        "crons": [],
        "hooks": {"build": hook, "deploy": null, "post_deploy": null},
        "build": {"flavor": null, "caches": {}},
        "dependencies": {},
        "variables": {},
        "timezone": null,
        "access": {},
        "additional_hosts": {},
        "runtime_settings": {},
        "operations": [],
        "source_operations": [],
        "firewall": null,
        "preflight": null,
        "resources": null,
    }))
    .unwrap()
}

static GO: AtomicBool = AtomicBool::new(false);

#[test]
fn a_build_hook_makes_files_that_the_image_has() {
    let Some(machine) = Machine::new(0) else { return };
    let hook = "set -e\necho building in $(pwd) as $(id -un), tree $PLATFORM_TREE_ID\n\
        python3 -c 'print(40 + 2)' > answer\necho kept > $PLATFORM_CACHE_DIR/mark\n\
        test -z \"$PLATFORM_RELATIONSHIPS\"\npython3 -c 'import ssl; ssl.create_default_context()'\n";
    let (built, lines) = machine.build(&app(hook), &[("main.py", "print('hi')\n")], &GO, &mut |_| ());
    let image = built.unwrap();
    assert_eq!(lines[0], "Executing build hook...");
    assert!(
        lines[1].starts_with("  building in /app as web, tree "),
        "{lines:?}"
    );

    let (built, lines) = machine.build(
        &app("cat $PLATFORM_CACHE_DIR/mark; ls"),
        &[("main.py", "print('hi')\n")],
        &GO,
        &mut |_| (),
    );
    assert!(lines.contains(&"  kept".to_owned()), "{lines:?}");
    assert_ne!(built.unwrap(), image, "the first had an answer");

    let address = machine.node.instance().addresses.address(1).unwrap();
    let run = |path: &str, content: &str| RunFile {
        path: path.into(),
        content: content.into(),
        mode: 0o755,
    };
    let spec = ContainerSpec {
        id: "apprunsapp01".parse().unwrap(),
        name: "app".into(),
        hostname: "app".into(),
        slot: 1,
        base: machine.base.clone(),
        app: Some(AppImage::Frozen { image }),
        mounts: Vec::new(),
        scratch: ["tmp", "var/log"]
            .map(|at| Scratch {
                name: at.replace("var/", ""),
                target: format!("/{at}"),
                mode: 0o1777,
                owner: WEB,
            })
            .into(),
        files: vec![run("service/app/run", "#!/bin/sh\nexec sleep 1000\n")],
        process: Process {
            argv: ["/usr/bin/runsvdir", "-P", "/run/service"]
                .map(str::to_owned)
                .into(),
            env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            cwd: "/".into(),
            user: WEB,
        },
        limits: Size::Auto.limits(Profile::HighCpu),
        stop_grace_seconds: 20,
        link: Link {
            address,
            hosts: Vec::new(),
            egress: Egress::Deny,
            mail: false,
            connect: Vec::new(),
        },
    };
    machine.node.create(&spec).unwrap();
    let show = Process {
        argv: [
            "/bin/dash",
            "-c",
            "cat answer; stat -c %U:%a web/uploads answer; touch x 2>/dev/null || echo frozen",
        ]
        .map(str::to_owned)
        .into(),
        cwd: "/app".into(),
        ..spec.process.clone()
    };
    let output = machine
        .node
        .exec(&spec.id, &show, b"", Duration::from_secs(10))
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "42\nweb:755\nweb:644\nfrozen\n"
    );
    restart_and_stop(&machine.node, &spec);
}

#[test]
fn a_cached_directory_is_found_again_while_its_files_are_unchanged() {
    let Some(machine) = Machine::new(4) else { return };
    let app = |name: &str, allow_stale: bool, share: bool| {
        let mut app = app(
            "set -e\nls vendor 2>/dev/null || echo none\nmkdir -p vendor\ncat lock > vendor/$(cat lock)\n",
        );
        app.name = name.parse().unwrap();
        app.build.caches = serde_json::from_value(json!({
            "vendor": {"directory": "vendor", "watch": ["lock*"], "allow_stale": allow_stale, "share_between_apps": share},
        }))
        .unwrap();
        app
    };
    // What the hook finds; its lines stand behind its announcement.
    let found = |app: &App, lock: &str| {
        let files = [("lock", lock), ("other", "changes nothing")];
        let (built, lines) = machine.build(app, &files, &GO, &mut |_| ());
        built.unwrap();
        let hook = lines
            .iter()
            .position(|line| line == "Executing build hook...")
            .unwrap();
        let kept = lines.iter().position(|line| line.starts_with("Keeping")).unwrap();
        lines[hook + 1..kept].join("").trim().to_owned()
    };
    assert_eq!(found(&app("app", false, false), "one"), "none");
    assert_eq!(found(&app("app", false, false), "one"), "one");
    assert_eq!(
        found(&app("app", false, false), "two"),
        "none",
        "another lock, another version"
    );
    assert_eq!(
        found(&app("app", false, false), "one"),
        "one",
        "the older version is kept too"
    );
    assert_eq!(
        found(&app("app", true, false), "three"),
        "one",
        "the one that was used last"
    );

    assert_eq!(
        found(&app("app", false, true), "one"),
        "none",
        "what is shared is kept elsewhere"
    );
    assert_eq!(found(&app("other", false, true), "one"), "one");
}

/// runit's services as the host sees them.
fn restart_and_stop(node: &Node, spec: &ContainerSpec) {
    let sleeps = || {
        let processes = node.processes(&spec.id).unwrap();
        processes
            .into_iter()
            .find(|process| process.command == "sleep 1000")
            .map(|process| process.inside_pid)
    };
    let wait_for_another = |before: Option<u32>| {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match sleeps() {
                now @ Some(_) if now != before => return now,
                _ => assert!(Instant::now() < deadline, "the service never came up"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let first = wait_for_another(None);
    node.restart_service(&spec.id, "app").unwrap();
    let second = wait_for_another(first);
    node.signal_service(&spec.id, "app", "kill").unwrap();
    wait_for_another(second);
    assert!(node.signal_service(&spec.id, "nginx", "hup").is_err());
    assert!(matches!(
        node.container(&spec.id).unwrap().state,
        ContainerState::Running { .. }
    ));
    let begun = Instant::now();
    node.remove(&spec.id).unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a service that ends at once was waited for"
    );
}

#[test]
fn a_push_without_a_hook_needs_no_container() {
    let Some(machine) = Machine::new(1) else { return };
    let mut app = app("# nothing\n");
    app.mounts[0].path = "files".into();
    let files = [("main.py", "print('hi')\n"), ("files/hidden", "")];
    let (first, lines) = machine.build(&app, &files, &GO, &mut |_| ());
    assert!(
        lines[0].starts_with("W: The mount '/files' has a path that overlaps"),
        "{lines:?}"
    );
    let begun = Instant::now();
    let (second, _) = machine.build(&app, &files, &GO, &mut |_| ());
    println!("checkout and freeze: {:?}", begun.elapsed());
    assert_eq!(first.unwrap(), second.unwrap(), "the same tree is the same image");
    assert!(
        !machine
            .node
            .volumes()
            .unwrap()
            .iter()
            .any(|volume| volume.as_str() == "cache-app")
    );
}

#[test]
fn a_build_that_fails_says_what_failed_and_one_that_is_cancelled_ends() {
    let Some(machine) = Machine::new(2) else { return };
    let (failed, _) = machine.build(&app("echo oh no >&2\nexit 3"), &[("a", "")], &GO, &mut |_| ());
    match failed {
        Err(BuildError::Hook {
            stage,
            status: 3,
            last_lines,
            ..
        }) => {
            assert_eq!((stage.as_str(), last_lines), ("hook", vec!["oh no".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    let cancel = AtomicBool::new(false);
    let begun = Instant::now();
    let (cancelled, _) = machine.build(&app("echo up\nsleep 60"), &[("a", "")], &cancel, &mut |line| {
        if line == "  up" {
            cancel.store(true, Ordering::Relaxed);
        }
    });
    assert!(matches!(cancelled, Err(BuildError::Cancelled)), "{cancelled:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));

    let file_in_the_way = machine
        .build(&app("rm -rf web; ln -s /etc web"), &[("a", "")], &GO, &mut |_| ())
        .0;
    let message = file_in_the_way.unwrap_err().to_string();
    assert!(
        message.starts_with("the mount '/web/uploads' needs a directory there"),
        "{message}"
    );
}

#[test]
fn a_build_that_fills_the_disk_says_so() {
    let Some(machine) = Machine::new(3) else { return };
    let (full, _) = machine.build(
        &app("head -c 2000000000 /dev/urandom > big || exit 1"),
        &[("a", "")],
        &GO,
        &mut |_| (),
    );
    let full = full.unwrap_err();
    assert!(matches!(full, BuildError::NoSpace { .. }), "{full}");
}
