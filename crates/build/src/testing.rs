//! A repository and an app for unit tests.

use guise_config::App;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A repository in a temporary directory, with a work tree to fill.
pub(crate) struct Repository {
    directory: TempDir,
}

impl Repository {
    pub fn new() -> Self {
        let repository = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    pub fn tree(&self) -> &Path {
        self.directory.path()
    }

    pub fn git_dir(&self) -> PathBuf {
        self.directory.path().join(".git")
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.org",
                "-c",
                "safe.directory=*",
            ])
            .args(arguments)
            .current_dir(self.tree())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits all that is in the work tree; returns the commit.
    pub fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// An app without anything to build.
pub(crate) fn app() -> App {
    serde_json::from_value(serde_json::json!({
        "name": "app",
        "runtime": {"name": "python", "version": "3.13", "resolved": "3.13"},
        "config_file": ".platform.app.yaml",
        "source_root": "",
        "size": "AUTO",
        "profile": "HIGH_CPU",
        "relationships": [],
        "disk_mb": null,
        "mounts": [],
        "web": {
            "commands": {},
            "upstream": {"socket_family": "tcp", "protocol": "http"},
            "locations": [],
            "move_to_root": false,
        },
        "workers": [],
        "crons": [],
        "hooks": {"build": null, "deploy": null, "post_deploy": null},
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
