//! The servers that are compared: an origin, nginx in front of it, and the edge in front of it.

use super::Case;
use crate::programs::run;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    net::TcpStream,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// As many as the edge has threads by default.
const WORKERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(10);
/// Who owns nothing: the edge becomes it.
const NOBODY: u32 = 65534;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Origin,
    Edge,
    Nginx,
}

impl Server {
    const fn port(self) -> u16 {
        match self {
            Self::Origin => 18540,
            Self::Edge => 18541,
            Self::Nginx => 18543,
        }
    }

    const fn tls_port(self) -> u16 {
        self.port() + 1
    }
}

/// The running servers and their files; both go when it is dropped.
pub struct Servers {
    directory: PathBuf,
    running: Vec<(Server, Child)>,
}

impl Servers {
    /// Starts them; `edge` is the edge's program.
    pub fn start(edge: &Path) -> Result<Self> {
        let directory = PathBuf::from(format!("/var/tmp/guise-bench-edge-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let mut servers = Self {
            directory,
            running: Vec::new(),
        };
        servers.write_files()?;
        servers.nginx(Server::Origin, &origin(&servers.directory))?;
        servers.nginx(Server::Nginx, &proxy(&servers.directory))?;
        servers.edge(edge)?;
        Ok(servers)
    }

    /// Where a case is asked for.
    pub fn url(&self, server: Server, case: Case) -> String {
        let (scheme, port) = match case.is_tls {
            true => ("https", server.tls_port()),
            false => ("http", server.port()),
        };
        format!("{scheme}://localhost:{port}{}", case.path())
    }

    /// What a server's processes weigh together, in megabytes.
    pub fn megabytes(&self, server: Server) -> Result<f64> {
        let (_, child) = self
            .running
            .iter()
            .find(|(known, _)| *known == server)
            .context("it does not run")?;
        let main = child.id();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children"))?;
        let pids = children.split_whitespace().map(str::to_owned);
        let weights = pids.chain([main.to_string()]).map(|pid| pss(&pid));
        Ok(weights.sum::<Result<f64>>()? / 1000.0)
    }

    fn write_files(&self) -> Result<()> {
        for (size, name) in [(1_000, "small"), (1_000_000, "large")] {
            for directory in ["plain", "kept"] {
                let directory = self.directory.join("site").join(directory);
                fs::create_dir_all(&directory)?;
                fs::write(directory.join(name), vec![b'x'; size])?;
            }
        }
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&self.directory).stderr(Stdio::null());
        openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1".split(' '));
        openssl.args("-subj /CN=localhost -addext subjectAltName=DNS:localhost".split(' '));
        run(openssl.args("-keyout key.pem -out certificate.pem".split(' ')))
    }

    fn nginx(&mut self, server: Server, configuration: &str) -> Result<()> {
        let file = self.directory.join(format!("{server:?}.conf"));
        fs::write(&file, configuration)?;
        let mut nginx = Command::new("nginx");
        nginx
            .arg("-p")
            .arg(&self.directory)
            .arg("-e")
            .arg("stderr")
            .arg("-c")
            .arg(&file);
        self.launch(server, &mut nginx)
    }

    fn edge(&mut self, program: &Path) -> Result<()> {
        let files = self.directory.join("edge");
        fs::create_dir_all(&files)?;
        fs::write(files.join("table.json"), table().to_string())?;
        let read = |name: &str| fs::read_to_string(self.directory.join(name));
        let host = serde_json::json!({"host": "localhost", "chain": read("certificate.pem")?, "key": read("key.pem")?});
        let certificates = serde_json::json!({"bench/main": [host]});
        fs::write(files.join("certificates.json"), certificates.to_string())?;
        for path in [
            files.clone(),
            files.join("table.json"),
            files.join("certificates.json"),
        ] {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        let mut edge = Command::new(program);
        edge.args(["--listen", &format!("127.0.0.1:{}", Server::Edge.port())])
            .args(["--listen-tls", &format!("127.0.0.1:{}", Server::Edge.tls_port())])
            .args(["--threads", &WORKERS.to_string()])
            .args(["--uid", &NOBODY.to_string(), "--gid", &NOBODY.to_string()])
            .arg("--table")
            .arg(files.join("table.json"))
            .stderr(Stdio::null());
        self.launch(Server::Edge, &mut edge)
    }

    fn launch(&mut self, server: Server, command: &mut Command) -> Result<()> {
        let child = command
            .spawn()
            .with_context(|| format!("starting the {server:?}"))?;
        self.running.push((server, child));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", server.port())).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "the {server:?} does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // SIGTERM: nginx's main process takes its workers with it.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// In kilobytes.
fn pss(pid: &str) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.context("no Pss in smaps_rollup")?.parse()?)
}

fn table() -> serde_json::Value {
    let caching =
        serde_json::json!({"headers": ["Accept", "Accept-Language"], "cookies": ["*"], "default_ttl": 0});
    let origin = format!("127.0.0.1:{}", Server::Origin.port());
    let route = |scheme: &str, path: &str, caching: &serde_json::Value| {
        serde_json::json!({
            "scheme": scheme, "host": "localhost", "path": path, "original_url": "https://{default}/",
            "action": {"action": "upstream", "address": origin, "caching": caching},
        })
    };
    let none = serde_json::Value::Null;
    let routes = ["http", "https"]
        .map(|scheme| [route(scheme, "/plain/", &none), route(scheme, "/kept/", &caching)])
        .concat();
    serde_json::json!({"bench/main": routes})
}

const COMMON: &str = "daemon off; worker_processes 2; worker_rlimit_nofile 30000;
events { worker_connections 12000; }
";

fn origin(directory: &Path) -> String {
    let (port, directory) = (Server::Origin.port(), directory.display());
    format!(
        "{COMMON}pid {directory}/origin.pid;
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port}; root {directory}/site;
        location /kept/ {{ add_header Cache-Control max-age=3600; }}
    }}
}}
"
    )
}

/// As one would set up nginx for this: connections to the origin kept open, HTTP/1.1, the headers that the edge sets too.
fn proxy(directory: &Path) -> String {
    let (origin, port, tls) = (
        Server::Origin.port(),
        Server::Nginx.port(),
        Server::Nginx.tls_port(),
    );
    let directory = directory.display();
    format!(
        "{COMMON}pid {directory}/proxy.pid;
http {{
    access_log off; keepalive_requests 1000000; sendfile on; tcp_nopush on; open_file_cache max=100;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    proxy_cache_path {directory}/kept keys_zone=kept:10m; proxy_cache_lock on;
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {directory}/certificate.pem; ssl_certificate_key {directory}/key.pem;
        proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Client-IP $remote_addr;
        location /plain/ {{ proxy_pass http://origin; }}
        location /kept/ {{ proxy_pass http://origin; proxy_cache kept; add_header X-Platform-Cache $upstream_cache_status; }}
    }}
}}
"
    )
}
