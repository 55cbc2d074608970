//! What all connections share.

use crate::{
    control, gate::Gate, listen::TokioSockets, pool::Pool, secrets::Secrets, serve, table::Table,
    table_file::TableFile, visitors::Visitors,
};
use guise_api::edge::{Command, Reply, Scheme};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// An edge: its table, its connections to containers, and whether it is to stop.
#[derive(Debug)]
pub struct Edge {
    pub(crate) table: Table,
    pub(crate) secrets: Secrets,
    pub(crate) pool: Arc<Pool>,
    pub(crate) visitors: Visitors,
    stop: watch::Sender<bool>,
}

impl Edge {
    /// An edge with the routes that `file` has.
    pub fn new(file: Option<TableFile>) -> Arc<Self> {
        let certificates = file.as_ref().and_then(|file| {
            let beside = file.beside("certificates.json");
            beside
                .inspect_err(|error| tracing::warn!("certificates would not survive a restart: {error:#}"))
                .ok()
        });
        Arc::new(Self {
            table: Table::load(file),
            secrets: Secrets::load(certificates),
            pool: Pool::new(),
            visitors: Visitors::default(),
            stop: watch::Sender::new(false),
        })
    }

    /// Serves until a signal or a command says stop, and then until the requests under way have ended.
    pub(crate) async fn run(self: Arc<Self>, sockets: TokioSockets) -> anyhow::Result<()> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        if let Some(control) = sockets.control {
            tokio::spawn(Arc::clone(&self).obey(control));
        }
        tokio::spawn(Arc::clone(&self.pool).close_idle());
        let plain = sockets.http.into_iter().map(|socket| (Scheme::Http, socket));
        let secure = sockets.https.into_iter().map(|socket| (Scheme::Https, socket));
        let serving: Vec<_> = plain
            .chain(secure)
            .map(|(scheme, socket)| tokio::spawn(Arc::clone(&self).serve(scheme, socket)))
            .collect();
        tracing::info!("serving {} environments", self.table.len());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = self.stopped() => {}
        }
        self.stop();
        for listener in serving {
            listener.await?;
        }
        Ok(())
    }

    /// Answers requests until [`stop`](Self::stop), and then those under way.
    pub async fn serve(self: Arc<Self>, scheme: Scheme, listener: TcpListener) {
        serve::connections(self, scheme, listener).await;
    }

    /// Obeys commands for as long as it runs.
    pub async fn obey(self: Arc<Self>, listener: UnixListener) {
        control::connections(self, listener).await;
    }

    /// Stops taking connections.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Ends when the edge is to stop.
    pub(crate) async fn stopped(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Does what guised asks for.
    pub async fn carry_out(&self, command: Command) -> Reply {
        match command {
            Command::Routes { environment, routes } => {
                self.pool.close(&self.table.upstreams(&environment));
                self.table.set(&environment, routes);
            }
            Command::Switch {
                environment,
                routes,
                drain_ms,
            } => {
                let old = self.table.upstreams(&environment);
                let gate = self.table.switch(&environment, routes);
                let under_way = gate.drained(Duration::from_millis(drain_ms)).await;
                self.pool.close(&old);
                return Reply::Held { under_way };
            }
            Command::Secure { environment, hosts } => {
                if let Err(error) = self.secrets.set(&environment, hosts) {
                    let message = error.to_string();
                    return Reply::Error { message };
                }
            }
            Command::Forget { environment } => {
                self.secrets.retain(|key| key != environment);
                self.pool.close(&self.table.upstreams(&environment));
                self.table.retain(|key| key != environment);
            }
            Command::Retain { environments } => {
                let is_kept = |key: &str| environments.iter().any(|kept| kept == key);
                self.secrets.retain(is_kept);
                self.table.retain(is_kept);
            }
            Command::Hold {
                environment,
                drain_ms,
                patience_ms,
            } => {
                let gate = self.table.gate(&environment);
                gate.hold(Duration::from_millis(patience_ms));
                return Reply::Held {
                    under_way: gate.drained(Duration::from_millis(drain_ms)).await,
                };
            }
            Command::Sleep {
                environment,
                drain_ms,
                patience_ms,
                failed,
            } => {
                let gate = self.table.gate(&environment);
                gate.sleep(Duration::from_millis(patience_ms), failed);
                return Reply::Held {
                    under_way: gate.drained(Duration::from_millis(drain_ms)).await,
                };
            }
            Command::AwaitVisitor => {
                return Reply::Visited {
                    environments: self.visitors.next(&self.table).await,
                };
            }
            Command::Idle => {
                let gates = self.table.gates().into_iter();
                let idle = |gate: &Gate| u64::try_from(gate.idle().as_millis()).unwrap_or(u64::MAX);
                return Reply::Idle {
                    environments: gates.map(|(key, gate)| (key, idle(&gate))).collect(),
                };
            }
            Command::Release { environment } => {
                // What was connected before may have been restarted meanwhile.
                self.pool.close(&self.table.upstreams(&environment));
                self.table.gate(&environment).release();
            }
            Command::Status => return self.status(),
            Command::Stop => self.stop(),
        }
        Reply::Ok
    }

    fn status(&self) -> Reply {
        Reply::Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            environments: u32::try_from(self.table.len()).unwrap_or(u32::MAX),
        }
    }
}
