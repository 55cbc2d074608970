//! The edge: started as a process of its own, told over its control socket, told again when it was restarted.
//!
//! The edge outlives guised, which puts a new one in its place without a refused connection. A restarted guised finds it
//! by its socket and tells it what holds now.

mod closed;
mod lines;
mod routes;

use crate::certificates::Certificates;
use closed::Closed;
use guise_api::edge::{Command, Proof, Reply, SecureHost, Terms};
use guise_certificate::CertificateError;
use guise_model::AddressPool;
use guise_platform::{Edge, EdgeError, ResolvedRoute};
use lines::{Lines, exchange};
use routes::{SecureHosts, edge_routes, secure_hosts};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::BufReader,
    net::{SocketAddr, SocketAddrV4},
    os::unix::{fs::MetadataExt, net::UnixStream, process::CommandExt},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How long requests under way may take to end before a swap cuts them off.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a request waits for a deployment.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a started edge may take to answer.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How to start an edge.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// The guise binary.
    pub program: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it listens for TLS, if it does.
    pub listen_tls: Option<SocketAddr>,
    /// The network of containers: a project's proxy routes may not lead there.
    pub inner: AddressPool,
    /// Memory for answers that it keeps, in bytes.
    pub cache_bytes: u64,
    /// The user and group it runs as: the first of guise's own range, who owns nothing.
    pub id: u32,
}

/// A host that is served over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecureName {
    /// Whose it is.
    pub project: String,
    /// The host.
    pub host: String,
}

/// The connection to the edge.
pub struct EdgeClient {
    config: EdgeConfig,
    certificates: Arc<Certificates>,
    /// The hosts that are served over TLS, by the environment's key.
    secure: Mutex<BTreeMap<String, SecureHosts>>,
    /// Told when there are other hosts than before.
    hosts_changed: Notify,
    lines: Mutex<Lines>,
    closed: Mutex<Closed>,
    /// A connection of its own for the one who waits for visitors.
    visitors: Mutex<Option<BufReader<UnixStream>>>,
    /// Held while an edge is started; false once no edge shall be started any more.
    wanted: Mutex<bool>,
}

/// What becomes of an edge that a starting guised finds.
enum Fate {
    Stays,
    /// Another one takes its place.
    IsSucceeded,
    /// It ends, and then another one begins.
    IsStartedAnew,
}

/// Whether an edge of this status knows how to be succeeded: an older one does not say where it listens.
fn hands_over(status: &Reply) -> bool {
    match status {
        Reply::Status {
            listen, listen_tls, ..
        } => !listen.is_empty() || !listen_tls.is_empty(),
        _ => false,
    }
}

impl EdgeClient {
    /// Finds the running edge or starts one.
    ///
    /// # Errors
    /// When it does not answer; the message has the end of its log.
    pub fn start(config: EdgeConfig, certificates: Arc<Certificates>) -> anyhow::Result<Self> {
        let client = Self {
            config,
            certificates,
            secure: Mutex::default(),
            hosts_changed: Notify::new(),
            lines: Mutex::default(),
            closed: Mutex::default(),
            visitors: Mutex::new(None),
            wanted: Mutex::new(true),
        };
        client.ensure()?;
        match client.fate()? {
            Fate::Stays => {}
            Fate::IsSucceeded => client.replace()?,
            Fate::IsStartedAnew => {
                tracing::info!("an edge of an older guise ends before another one serves");
                stop(&client.control());
                client.ensure()?;
            }
        }
        Ok(client)
    }

    /// Starts an edge if none answers. It finds the last routes in its table file, and is told which environments are
    /// closed.
    ///
    /// # Errors
    /// When it does not answer in time; the message has the end of its log.
    pub fn ensure(&self) -> anyhow::Result<()> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if !*wanted {
            return Ok(());
        }
        if self.tell(&Command::Status).is_ok() {
            return Ok(());
        }
        self.launch(|| self.tell(&Command::Status).is_ok())?;
        for command in self.closed().commands() {
            self.tell(&command)?;
        }
        Ok(())
    }

    /// Puts a new edge in the place of the running one, or starts one if none runs. The new one takes over the listening
    /// sockets, so no connection is refused; the old one finishes what it has begun.
    ///
    /// # Errors
    /// When the new one does not serve in time, and then the old one goes on; the message has the end of its log.
    pub fn replace(&self) -> anyhow::Result<()> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        anyhow::ensure!(*wanted, "the daemon is about to stop");
        // Held throughout: what the old edge would be told meanwhile, the new one would not know.
        let mut lines = self.lines();
        let Ok(Reply::Status { .. }) = lines.ask(&self.control(), &Command::Status) else {
            return self.launch(|| lines.ask(&self.control(), &Command::Status).is_ok());
        };
        self.launch(|| lines.pass_on(&self.control()))
    }

    /// What is to become of the running edge. It stays unless it is of another program than this one, or listens
    /// elsewhere than it should.
    fn fate(&self) -> std::io::Result<Fate> {
        let status = self.tell(&Command::Status)?;
        if !hands_over(&status) {
            return Ok(Fate::IsStartedAnew);
        }
        let Reply::Status {
            pid,
            listen,
            listen_tls,
            ..
        } = status
        else {
            return Ok(Fate::Stays);
        };
        let file = |path: PathBuf| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let tls: Vec<SocketAddr> = self.config.listen_tls.into_iter().collect();
        let is_as_wanted = listen == [self.config.listen]
            && listen_tls == tls
            && file(format!("/proc/{pid}/exe").into()) == file(self.config.program.clone());
        Ok(if is_as_wanted {
            Fate::Stays
        } else {
            Fate::IsSucceeded
        })
    }

    /// Starts an edge and waits until it `serves`. It takes the place of one that runs.
    fn launch(&self, mut serves: impl FnMut() -> bool) -> anyhow::Result<()> {
        let log_path = self.config.state.join("edge.log");
        let log = OpenOptions::new().append(true).create(true).open(&log_path)?;
        let tls = self.config.listen_tls.into_iter();
        let mut child = std::process::Command::new(&self.config.program)
            .arg("edge")
            .arg("--listen")
            .arg(self.config.listen.to_string())
            .args(tls.flat_map(|address| ["--listen-tls".into(), address.to_string()]))
            .arg("--inner")
            .arg(format!(
                "{}/{}",
                self.config.inner.network, self.config.inner.prefix
            ))
            .arg("--cache-bytes")
            .arg(self.config.cache_bytes.to_string())
            .arg("--control")
            .arg(self.control())
            .arg("--table")
            .arg(self.config.state.join("edge/table.json"))
            .args([
                "--uid",
                &self.config.id.to_string(),
                "--gid",
                &self.config.id.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A group of its own: a Ctrl-C for guised is none for the edge.
            .process_group(0)
            .spawn()?;
        let begun = Instant::now();
        let mut ended = None;
        while ended.is_none() && begun.elapsed() < START_PATIENCE {
            if serves() {
                // Somebody must wait for it, or a dead edge would stay a zombie for as long as guised lives.
                std::thread::spawn(move || child.wait());
                return Ok(());
            }
            ended = child.try_wait()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut log = std::fs::File::open(&log_path)?;
        let last = guise_platform::last_lines(&mut log, 5)?.join("\n  ");
        anyhow::bail!("the edge does not start on {}:\n  {last}", self.config.listen);
    }

    /// Ends the edge, and lets [`ensure`](Self::ensure) start none any more: the machine is being cleared.
    pub fn stop(&self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.lines().stop_retired();
        stop(&self.control());
    }

    /// The edge's process id, if it answers.
    pub fn pid(&self) -> Option<u32> {
        match self.tell(&Command::Status) {
            Ok(Reply::Status { pid, .. }) => Some(pid),
            _ => None,
        }
    }

    /// Gives the edge a certificate for each host again: some were brought, taken away, or expire soon.
    ///
    /// # Errors
    /// When there is none for a host, or the edge does not take it.
    pub fn renew(&self) -> Result<(), EdgeError> {
        let secure = self.secure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        secure
            .iter()
            .try_for_each(|(environment, hosts)| self.certify(environment, hosts))
    }

    /// The hosts that are served over TLS.
    pub fn secure_names(&self) -> Vec<SecureName> {
        let secure = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        let of_environment = |(environment, hosts): (&String, &SecureHosts)| {
            let project = project(environment).to_owned();
            let names = hosts.keys().map(move |host| SecureName {
                project: project.clone(),
                host: host.clone(),
            });
            names.collect::<Vec<_>>()
        };
        secure.iter().flat_map(of_environment).collect()
    }

    /// Ends when there are other hosts than before.
    pub async fn hosts_changed(&self) {
        self.hosts_changed.notified().await;
    }

    /// Shows certificate authorities these proofs, and no others.
    ///
    /// # Errors
    /// When the edge does not take them.
    pub fn prove(&self, proofs: Vec<Proof>) -> Result<(), EdgeError> {
        let command = Command::Prove { proofs };
        self.ask("show a proof to the authority", "all environments", &command)
            .map(drop)
    }

    /// Gives the edge what the routes' hosts need for TLS.
    fn secure(&self, environment: &str, routes: &[ResolvedRoute]) -> Result<(), EdgeError> {
        if self.config.listen_tls.is_none() {
            return Ok(());
        }
        let hosts = secure_hosts(routes);
        self.certify(environment, &hosts)?;
        let mut secure = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if secure.insert(environment.into(), hosts.clone()).as_ref() != Some(&hosts) {
            self.hosts_changed.notify_one();
        }
        Ok(())
    }

    fn certify(&self, environment: &str, hosts: &SecureHosts) -> Result<(), EdgeError> {
        let project = project(environment);
        let secure_host = |(host, terms): (&String, &Terms)| {
            let certified = self.certificates.for_host(project, host)?;
            Ok(SecureHost {
                host: host.clone(),
                chain: certified.chain,
                key: certified.key,
                terms: terms.clone(),
            })
        };
        let hosts: Result<_, CertificateError> = hosts.iter().map(secure_host).collect();
        let hosts = hosts.map_err(|error| EdgeError {
            operation: "get a certificate",
            environment: environment.into(),
            reason: error.to_string(),
        })?;
        let command = Command::Secure {
            environment: environment.into(),
            hosts,
        };
        self.ask("take the certificates", environment, &command).map(drop)
    }

    fn forget_hosts(&self, is_forgotten: impl Fn(&str) -> bool) {
        let mut secure = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        secure.retain(|environment, _| !is_forgotten(environment));
    }

    fn control(&self) -> PathBuf {
        self.config.state.join("edge/control.sock")
    }

    fn tell(&self, command: &Command) -> std::io::Result<Reply> {
        self.lines().tell(&self.control(), command)
    }

    fn closed(&self) -> MutexGuard<'_, Closed> {
        // What is in it is added and removed whole.
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // A line that broke half-way is dropped when it is next used.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells an edge that has died what it is told by starting another one.
    fn insist(&self, command: &Command) -> anyhow::Result<Reply> {
        self.closed().note(command);
        match self.tell(command) {
            Ok(reply) => Ok(reply),
            Err(error) => {
                tracing::warn!(%error, "the edge is gone");
                self.ensure()?;
                Ok(self.tell(command)?)
            }
        }
    }

    fn ask(&self, operation: &'static str, environment: &str, command: &Command) -> Result<Reply, EdgeError> {
        let failed = |reason: String| EdgeError {
            operation,
            environment: environment.into(),
            reason,
        };
        match self.insist(command) {
            Ok(Reply::Error { message }) => Err(failed(message)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(failed(format!("{}: {error:#}", self.control().display()))),
        }
    }
}

impl Edge for EdgeClient {
    fn set_routes(
        &self,
        environment: &str,
        routes: &[ResolvedRoute],
        address: &dyn Fn(&str) -> Option<SocketAddrV4>,
    ) -> Result<(), EdgeError> {
        self.secure(environment, routes)?;
        let command = Command::Routes {
            environment: environment.into(),
            routes: edge_routes(routes, address),
        };
        self.ask("take the routes", environment, &command).map(|_| ())
    }

    fn switch_routes(
        &self,
        environment: &str,
        routes: &[ResolvedRoute],
        address: &dyn Fn(&str) -> Option<SocketAddrV4>,
    ) -> Result<u32, EdgeError> {
        self.secure(environment, routes)?;
        let command = Command::Switch {
            environment: environment.into(),
            routes: edge_routes(routes, address),
            drain_ms: milliseconds(DRAIN),
        };
        match self.ask("switch to the new routes", environment, &command)? {
            Reply::Held { under_way } => Ok(under_way),
            _ => Ok(0),
        }
    }

    fn hold(&self, environment: &str) -> Result<u32, EdgeError> {
        let command = Command::Hold {
            environment: environment.into(),
            drain_ms: milliseconds(DRAIN),
            patience_ms: milliseconds(PATIENCE),
        };
        match self.ask("hold requests", environment, &command)? {
            Reply::Held { under_way } => Ok(under_way),
            _ => Ok(0),
        }
    }

    fn release(&self, environment: &str) -> Result<(), EdgeError> {
        let command = Command::Release {
            environment: environment.into(),
        };
        self.ask("release requests", environment, &command).map(|_| ())
    }

    fn sleep(&self, environment: &str, failed: bool) -> Result<u32, EdgeError> {
        let command = Command::Sleep {
            environment: environment.into(),
            drain_ms: milliseconds(DRAIN),
            patience_ms: milliseconds(PATIENCE),
            failed,
        };
        match self.ask("let the environment sleep", environment, &command)? {
            Reply::Held { under_way } => Ok(under_way),
            _ => Ok(0),
        }
    }

    fn visitors(&self) -> Result<Vec<String>, EdgeError> {
        let mut connection = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = || {
            let open = match connection.take() {
                Some(open) => open,
                None => BufReader::new(UnixStream::connect(self.control())?),
            };
            let reply = exchange(connection.insert(open), &Command::AwaitVisitor)?;
            std::io::Result::Ok(reply)
        };
        match wait() {
            Ok(Reply::Visited { environments }) => Ok(environments),
            answer => {
                *connection = None;
                // This line is the first to hear of an edge's death.
                if let Err(error) = self.ensure() {
                    tracing::error!(error = format!("{error:#}"), "the edge is down");
                }
                Err(EdgeError {
                    operation: "tell of visitors",
                    environment: "all environments".into(),
                    reason: format!("it answered {answer:?}"),
                })
            }
        }
    }

    fn idle(&self) -> Result<BTreeMap<String, Duration>, EdgeError> {
        match self.ask("say who is idle", "all environments", &Command::Idle)? {
            Reply::Idle { environments } => Ok(environments
                .into_iter()
                .map(|(key, idle)| (key, Duration::from_millis(idle)))
                .collect()),
            // Nobody is taken for idle of whom nothing is known.
            answer => Err(EdgeError {
                operation: "say who is idle",
                environment: "all environments".into(),
                reason: format!("it answered {answer:?}"),
            }),
        }
    }

    fn retain(&self, environments: Vec<String>) -> Result<(), EdgeError> {
        self.forget_hosts(|environment| environments.iter().all(|kept| kept != environment));
        self.ask(
            "forget the others",
            "all environments",
            &Command::Retain { environments },
        )
        .map(|_| ())
    }

    fn forget(&self, environment: &str) -> Result<(), EdgeError> {
        self.forget_hosts(|known| known == environment);
        let command = Command::Forget {
            environment: environment.into(),
        };
        self.ask("forget the routes", environment, &command).map(|_| ())
    }
}

/// The project of an environment's key.
fn project(environment: &str) -> &str {
    environment
        .split_once('/')
        .map_or(environment, |(project, _)| project)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ends the edge behind a control socket and waits until it is gone. No edge is success.
pub fn stop(control: &std::path::Path) {
    let Ok(stream) = UnixStream::connect(control) else {
        return;
    };
    drop(exchange(&mut BufReader::new(stream), &Command::Stop));
    let begun = Instant::now();
    while UnixStream::connect(control).is_ok() && begun.elapsed() < START_PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_of_an_older_guise_is_known_by_its_status() {
        let status = |text: &str| serde_json::from_str::<Reply>(text).unwrap();
        let older = r#"{"reply": "status", "pid": 1, "version": "0.1.0", "environments": 2}"#;
        assert!(!hands_over(&status(older)));
        let now = r#"{"reply": "status", "pid": 1, "version": "0.1.0", "environments": 2,
            "listen": ["127.0.0.1:80"], "listen_tls": [], "retired": false}"#;
        assert!(hands_over(&status(now)));
    }
}
