//! A real nginx on loopback over a temporary tree, with an app behind it.
#![allow(dead_code)]

pub mod app;
pub mod client;

use guise_config::{Location, ServiceType, Tree, TypeList, Web, load};
use guise_nginx::{Debugger, Site, Upstream, configuration};
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Whether nginx can be run; a missing one fails the test where tests must run.
pub fn nginx_is_here() -> bool {
    let found = Command::new("nginx")
        .arg("-v")
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        assert!(
            std::env::var_os("GUISE_TEST_MUST_RUN").is_none(),
            "nginx is not on the PATH"
        );
        eprintln!("skipped: nginx is not on the PATH");
    }
    found
}

/// The `web` part of an app whose file ends in `text`.
pub fn web(kind: &str, text: &str) -> Web {
    struct One(String);
    impl Tree for One {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            (path == ".platform.app.yaml").then(|| self.0.clone().into_bytes())
        }
        fn paths(&self) -> Vec<String> {
            vec![".platform.app.yaml".into()]
        }
    }
    let versions = |version: &str| vec![version.to_string()];
    let types = TypeList {
        extensions: BTreeMap::new(),
        runtimes: BTreeMap::from([
            ("php".into(), versions("8.4")),
            ("python".into(), versions("3.13")),
        ]),
        services: BTreeMap::<String, ServiceType>::new(),
    };
    let loaded = load(&One(format!("name: app\ntype: {kind}\n{text}")), &types);
    let loaded = loaded.unwrap_or_else(|findings| panic!("{findings:#?}"));
    loaded.project.apps[0].web.clone()
}

/// nginx's verdict on the configuration of `locations`.
pub fn verdict(locations: &[Location], web: &Web) -> Result<(), String> {
    let directory = TempDir::new().unwrap();
    let web = Web {
        locations: locations.to_vec(),
        ..web.clone()
    };
    let file = write(
        directory.path(),
        &web,
        Some(Upstream::Tcp(9)),
        None,
        "127.0.0.1:1",
    );
    let output = Command::new("nginx")
        .args(["-t", "-c"])
        .arg(file)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn write(
    directory: &Path,
    web: &Web,
    upstream: Option<Upstream>,
    debugger: Option<Debugger<'_>>,
    listen: &str,
) -> std::path::PathBuf {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let site = Site {
        app_root: &path("app"),
        listen,
        access_log: &path("access.log"),
        error_log: &path("error.log"),
        temp_dir: &path(""),
        pid: &path("nginx.pid"),
        debugger,
        ..Site::new(web, upstream)
    };
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration(&site)).unwrap();
    file
}

/// A running nginx; it and its files go when this is dropped.
pub struct Nginx {
    process: Child,
    pub port: u16,
    directory: TempDir,
}

impl Nginx {
    /// Starts nginx over `files` and waits until it answers.
    pub fn start(web: &Web, upstream: Option<Upstream>, files: &[(&str, &str)]) -> Self {
        Self::start_beside(None, web, upstream, files)
    }

    /// The same beside a debugger.
    pub fn start_beside(
        debugger: Option<Debugger<'_>>,
        web: &Web,
        upstream: Option<Upstream>,
        files: &[(&str, &str)],
    ) -> Self {
        let directory = TempDir::new().unwrap();
        for (path, text) in files {
            let path = directory.path().join("app").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let file = write(
            directory.path(),
            web,
            upstream,
            debugger,
            &format!("127.0.0.1:{port}"),
        );
        // Started as root, workers would change to a user that cannot read the temporary directory.
        let user = if is_root() {
            "daemon off; user root;"
        } else {
            "daemon off;"
        };
        let process = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .args(["-g", user])
            .spawn()
            .unwrap();
        let mut nginx = Self {
            process,
            port,
            directory,
        };
        nginx.wait(&file);
        nginx
    }

    fn wait(&mut self, file: &Path) {
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            if self.process.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not start with\n{}", fs::read_to_string(file).unwrap());
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
