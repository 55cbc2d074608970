//! A bundle with a root of one static busybox, and a container of it that is gone when the test ends, however it ends.

// Each test program uses a part of it.
#![allow(clippy::unwrap_used, dead_code)]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Host id behind id 0 of the test containers.
pub const FIRST_ID: u32 = 0x7000_0000;

/// Whether root tests can run here; the reason is printed if not.
pub fn can_run() -> bool {
    let busybox = Path::new("/bin/busybox").exists();
    let reason = match (rustix::process::geteuid().is_root(), busybox) {
        (true, true) => return true,
        (false, _) => "root is needed",
        (_, false) => "/bin/busybox is needed (Debian package busybox-static)",
    };
    assert!(std::env::var_os("GUISE_TEST_MUST_RUN").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
    false
}

/// A bundle, its state directory and its containers.
pub struct Bundle {
    directory: tempfile::TempDir,
    /// Its config.json, written at create.
    pub config: Value,
    /// The container's name.
    pub id: String,
    /// The runtime.
    pub program: PathBuf,
}

impl Bundle {
    /// An idmapped, read-only root in all new namespaces, under the default filter, running `sleep`.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::tempdir().unwrap();
        let id = format!(
            "test-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let root = directory.path().join("rootfs");
        for name in ["bin", "proc", "sys", "dev", "run", "tmp", "app", "data", "etc"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let applets = Command::new("/bin/busybox").arg("--list").output().unwrap();
        for applet in String::from_utf8(applets.stdout)
            .unwrap()
            .lines()
            .filter(|name| *name != "busybox")
        {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        let mut config = serde_json::to_value(guise_runtime::template()).unwrap();
        config["process"]["args"] = json!(["/bin/sleep", "1000"]);
        config["annotations"] = json!({ guise_runtime::IDMAP_ROOT: "true" });
        config["linux"]["namespaces"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "type": "user" }));
        let map = json!([{ "containerID": 0, "hostID": FIRST_ID, "size": 65_536 }]);
        config["linux"]["uidMappings"] = map.clone();
        config["linux"]["gidMappings"] = map;
        config["linux"]["cgroupsPath"] = json!(format!("/guise-test/{id}"));
        config["linux"]["seccomp"] = serde_json::to_value(guise_runtime::default_seccomp()).unwrap();
        Self {
            directory,
            config,
            id,
            program: env!("CARGO_BIN_EXE_guise-runtime").into(),
        }
    }

    /// Root inside is root outside, then.
    pub fn leave_out_the_user_namespace(&mut self) {
        let linux = &mut self.config["linux"];
        linux["namespaces"]
            .as_array_mut()
            .unwrap()
            .retain(|kind| kind["type"] != "user");
        linux
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !key.ends_with("Mappings"));
        self.config["annotations"] = json!({});
    }

    /// A path in the test's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A bind mount with the container's ids.
    pub fn bind(&mut self, source: &Path, target: &str, options: &[&str]) {
        let mount = json!({
            "destination": target, "type": "bind", "source": source, "options": options,
            "uidMappings": self.config["linux"]["uidMappings"], "gidMappings": self.config["linux"]["gidMappings"],
        });
        self.config["mounts"].as_array_mut().unwrap().push(mount);
    }

    /// `guise runtime` with these arguments.
    pub fn runtime(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--root")
            .arg(self.path("state"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Creates the container.
    pub fn create(&self) -> Output {
        std::fs::write(self.path("config.json"), self.config.to_string()).unwrap();
        // PID 1 keeps standard error open, so it must not be a pipe that this waits for.
        let log = std::fs::File::create(self.path("stderr")).unwrap();
        let bundle = self.directory.path().to_str().unwrap();
        let mut create = self.runtime(&["create", "--bundle", bundle, &self.id]);
        let status = create.stdout(Stdio::null()).stderr(log).status().unwrap();
        Output {
            status,
            stdout: Vec::new(),
            stderr: std::fs::read(self.path("stderr")).unwrap(),
        }
    }

    /// Creates and starts the container.
    pub fn start(&self) {
        succeeded(self.create());
        succeeded(self.runtime(&["start", &self.id]).output().unwrap());
    }

    /// Runs a shell script inside and gives what it printed and its status.
    pub fn shell(&self, script: &str) -> (String, i32) {
        let output = self
            .runtime(&["exec", &self.id, "/bin/sh", "-c", script])
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            String::from_utf8(text).unwrap().trim_end().to_owned(),
            output.status.code().unwrap(),
        )
    }

    /// The state as JSON.
    pub fn state(&self) -> Value {
        let output = succeeded(self.runtime(&["state", &self.id]).output().unwrap());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The container's directories in all cgroup hierarchies that exist now.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let hierarchies = guise_runtime::cgroup::discover().unwrap();
        let paths = hierarchies
            .iter()
            .map(|h| h.mount.join("guise-test").join(&self.id));
        paths.filter(|path| path.exists()).collect()
    }
}

/// The output of a command that must have succeeded.
pub fn succeeded(output: Output) -> Output {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = self.runtime(&["delete", "--force", &self.id]).output();
        for hierarchy in guise_runtime::cgroup::discover().unwrap_or_default() {
            // Other tests' groups may still be in it; the last one removes it.
            let _ = std::fs::remove_dir(hierarchy.mount.join("guise-test"));
        }
    }
}
