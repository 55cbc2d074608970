//! An image that runs as containers run it: runit as the image's user, no capability, a read-only root.

use guise_image::{Catalog, Recipe, Store};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// Mounts what a node would, then becomes PID 1 as the image's user.
const START: &str = r#"
set -eu
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
for directory in run tmp var/log app $DATA; do
    mount --bind "$WORK/$directory" "$IMAGE/$directory"
done
mount --bind /dev "$IMAGE/dev"
mount -t proc proc "$IMAGE/proc"
exec chroot "$IMAGE" setpriv --reuid "$ID" --regid "$ID" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    env -i "$@" runsvdir -P /run/service
"#;

/// An image that runs; killed and unmounted in the end.
pub struct Running {
    /// Has `run`, `tmp`, `var` and the data.
    pub work: tempfile::TempDir,
    store: Store,
    image: PathBuf,
    user: u32,
    /// Of everything inside: `NAME=VALUE`.
    env: Vec<String>,
    init: Child,
}

impl Running {
    /// Starts an image with an empty disk, and with these files besides the rendered ones.
    pub fn start(recipe: &Recipe, version: &str, context: &Value, more: &[(&str, &str)]) -> Self {
        Self::start_with(None, recipe, version, context, more)
    }

    /// Starts with a copy of another one's data.
    pub fn start_with(
        before: Option<&Self>,
        recipe: &Recipe,
        version: &str,
        context: &Value,
        more: &[(&str, &str)],
    ) -> Self {
        let work = tempfile::tempdir_in("/var/tmp").unwrap();
        let store = Store::open(&work.path().join("state"), Some("/var/cache/guise/images".into())).unwrap();
        let go = AtomicBool::new(false);
        let digest = store
            .build(recipe, version, false, &go, &mut |line| println!("{line}"))
            .unwrap();
        let image = store.attach(&digest).unwrap();
        let (user, _) = recipe.user();
        let data = recipe
            .service()
            .and_then(|service| service.data())
            .map(|data| data.path.trim_start_matches('/'));
        for directory in ["run/guise", "tmp", "var/log", "app"].into_iter().chain(data) {
            fs::create_dir_all(work.path().join(directory)).unwrap();
        }
        if let (Some(before), Some(data)) = (before, data) {
            let (from, to) = (before.work.path().join(data).join("."), work.path().join(data));
            assert!(
                Command::new("cp")
                    .arg("-a")
                    .args([from, to])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        for file in recipe.render_files(version, context).unwrap() {
            write(&work.path().join("run").join(file.path), &file.content, file.mode);
        }
        for (path, content) in more {
            write(&work.path().join(path), content, 0o644);
        }
        fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for directory in ["run", "tmp", "var", "app"].into_iter().chain(data) {
            give(&work.path().join(directory), user);
        }
        let env: Vec<String> = recipe
            .env()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let init = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--fork", "sh", "-c", START, "sh"])
            .args(&env)
            .env("IMAGE", &image)
            .env("WORK", work.path())
            .env("ID", user.to_string())
            .env("DATA", data.unwrap_or_default())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .spawn()
            .unwrap();
        Self {
            work,
            store,
            image,
            user,
            env,
            init,
        }
    }

    /// PID 1, as the host numbers it.
    fn inner(&self) -> Option<String> {
        let unshare = self.init.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
        children.split_whitespace().next().map(ToString::to_string)
    }

    /// The same, once it is there.
    fn await_inner(&self) -> String {
        for _ in 0..500 {
            if let Some(inner) = self.inner() {
                return inner;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the container has no process:\n{}", self.logs());
    }

    /// Runs a command inside.
    pub fn exec(&self, argv: &[String], stdin: &str) -> Output {
        let mut child = Command::new("nsenter")
            .args(["--mount", "--pid", "--net", "--target", &self.await_inner()])
            .args(["chroot".as_ref(), self.image.as_os_str()])
            .args([
                "setpriv",
                "--reuid",
                &self.user.to_string(),
                "--regid",
                &self.user.to_string(),
                "--clear-groups",
            ])
            .arg("env")
            .args(&self.env)
            .args(argv)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs a command inside until it succeeds, and gives what it wrote.
    pub fn until(&self, argv: &[&str], limit: Duration) -> String {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let begun = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let output = self.exec(&argv, "");
            if output.status.success() {
                println!("{argv:?} after {:?}", begun.elapsed());
                return String::from_utf8(output.stdout).unwrap();
            }
            assert!(begun.elapsed() < limit, "{argv:?}: {output:?}\n{}", self.logs());
        }
    }

    /// All logs.
    pub fn logs(&self) -> String {
        let logs = fs::read_dir(self.work.path().join("var/log")).unwrap();
        logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap_or_default())
            .collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // unshare's --kill-child does not reach it: the kernel forgets the death signal when the user changes (prctl(2)).
        if let Some(inner) = self.inner() {
            let _ = Command::new("kill").args(["-KILL", &inner]).status();
        }
        let _ = self.init.kill();
        let _ = self.init.wait();
        let _ = self.store.detach_unused(&[]);
    }
}

/// Writes a file with the directories that it needs.
pub fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .for_each(|entry| give(&entry.unwrap().path(), user));
    }
}

/// The shipped recipes.
pub fn catalog() -> Catalog {
    Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")]).unwrap()
}
