//! What all connections share.

use crate::{
    cache::{Cache, DEFAULT_BYTES},
    control,
    gate::Gate,
    listen::TokioSockets,
    outside::Inner,
    pool::Pool,
    proofs::Proofs,
    secrets::Secrets,
    serve,
    succession::{Arrival, Listening, Predecessor},
    table::Table,
    table_file::TableFile,
    visitors::Visitors,
    workers,
};
use guise_api::edge::{Command, Reply, Scheme};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How long one that was succeeded may finish what it has begun: a download, a WebSocket.
const RETIREMENT: Duration = Duration::from_secs(3600);
/// How long requests under way may take once it was told to stop, or nobody is left who could let go of those it holds.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often one that was succeeded looks for open WebSockets.
const LOOK: Duration = Duration::from_millis(100);

/// How far an edge is with its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    Serving,
    /// Another has taken its place.
    Retired,
    Stopped,
}

/// An edge: its table, its connections to containers, and whether it is to stop.
#[derive(Debug)]
pub struct Edge {
    pub(crate) table: Table,
    pub(crate) secrets: Secrets,
    pub(crate) proofs: Proofs,
    pub(crate) pool: Arc<Pool>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) visitors: Visitors,
    /// Networks that proxy routes may not lead to.
    pub(crate) inner: Vec<Inner>,
    pub(crate) listening: Listening,
    /// Control connections.
    pub(crate) commanders: watch::Sender<usize>,
    life: watch::Sender<Life>,
}

impl Edge {
    /// An edge with the routes that `file` has.
    pub fn new(file: Option<TableFile>) -> Arc<Self> {
        Self::within(DEFAULT_BYTES, Vec::new(), file)
    }

    /// The same, with so many bytes for answers that are kept, and networks that proxy routes may not lead to.
    pub fn within(cache_bytes: usize, inner: Vec<Inner>, file: Option<TableFile>) -> Arc<Self> {
        let certificates = file.as_ref().and_then(|file| {
            let beside = file.beside("certificates.json");
            beside
                .inspect_err(|error| tracing::warn!("certificates would not survive a restart: {error:#}"))
                .ok()
        });
        Arc::new(Self {
            table: Table::load(file),
            secrets: Secrets::load(certificates),
            proofs: Proofs::default(),
            pool: Pool::new(),
            cache: Cache::new(cache_bytes),
            inner,
            visitors: Visitors::default(),
            listening: Listening::default(),
            commanders: watch::Sender::new(0),
            life: watch::Sender::new(Life::Serving),
        })
    }

    /// Serves until a signal or a command says stop, and then until the requests under way have ended.
    pub(crate) async fn run(
        self: Arc<Self>,
        sockets: TokioSockets,
        threads: usize,
        predecessor: Option<Predecessor>,
    ) -> anyhow::Result<()> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        if let Some(control) = sockets.control {
            tokio::spawn(Arc::clone(&self).obey(control));
        }
        tokio::spawn(Arc::clone(&self.pool).close_idle());
        let plain = sockets.http.into_iter().map(|socket| (Scheme::Http, socket));
        let secure = sockets.https.into_iter().map(|socket| (Scheme::Https, socket));
        let sockets: Vec<_> = plain.chain(secure).collect();
        let others = (1..threads).map(|_| workers::start(&self, &sockets));
        let others: Vec<_> = others.collect::<Result<_, _>>()?;
        let serving: Vec<_> = sockets
            .into_iter()
            .map(|(scheme, socket)| tokio::spawn(Arc::clone(&self).serve(scheme, socket)))
            .collect();
        tracing::info!("serving {} environments", self.table.len());
        if let Some(predecessor) = predecessor {
            self.succeed(predecessor).await?;
        }
        tokio::select! {
            _ = terminate.recv() => self.stop(),
            _ = interrupt.recv() => self.stop(),
            () = self.left() => {}
        }
        for listener in serving {
            listener.await?;
        }
        for thread in others {
            thread.await?;
        }
        tokio::select! {
            () = self.tunnels_ended() => {}
            () = self.reached(Life::Stopped) => {}
            () = self.farewell() => {}
        }
        Ok(())
    }

    /// Takes the place of another edge, whose sockets are served already.
    ///
    /// # Errors
    /// When it does not retire.
    pub async fn succeed(&self, mut predecessor: Predecessor) -> anyhow::Result<()> {
        for command in std::mem::take(&mut predecessor.commands) {
            // Boxed, because carrying out and succeeding would contain each other.
            Box::pin(self.carry_out(command)).await;
        }
        tokio::task::spawn_blocking(|| predecessor.retire()).await??;
        tracing::info!("another edge was succeeded");
        Ok(())
    }

    /// Answers requests until [`stop`](Self::stop), and then those under way.
    pub async fn serve(self: Arc<Self>, scheme: Scheme, listener: TcpListener) {
        let address = listener.local_addr().ok();
        self.listening.add(Arrival::Requests(scheme), address, &listener);
        serve::connections(self, scheme, listener).await;
    }

    /// Obeys commands for as long as it serves.
    pub async fn obey(self: Arc<Self>, listener: UnixListener) {
        self.listening.add(Arrival::Commands, None, &listener);
        control::connections(self, listener).await;
    }

    /// Stops taking connections, and lets those there are end soon.
    pub fn stop(&self) {
        self.listening.close();
        self.life.send_replace(Life::Stopped);
    }

    /// Stops taking connections and commanders; those there are may take their time.
    fn retire(&self) {
        self.listening.close();
        self.table.give_up_file();
        self.secrets.give_up_file();
        self.life.send_if_modified(|life| {
            let serves = *life == Life::Serving;
            *life = (*life).max(Life::Retired);
            serves
        });
    }

    /// Ends when the edge is to take no more connections.
    pub(crate) async fn left(&self) {
        self.reached(Life::Retired).await;
    }

    /// Ends when the edge is to stop.
    pub(crate) async fn stopped(&self) {
        self.reached(Life::Stopped).await;
    }

    /// Whether connections are to end after the request that they carry.
    pub(crate) fn is_leaving(&self) -> bool {
        *self.life.borrow() > Life::Serving
    }

    /// Ends when there is no more patience for what is under way. Of an edge that takes connections, never.
    pub(crate) async fn farewell(&self) {
        self.left().await;
        tokio::select! {
            () = self.stopped() => {}
            () = self.deserted() => {}
            () = tokio::time::sleep(RETIREMENT) => {}
        }
        tokio::time::sleep(FAREWELL).await;
    }

    async fn reached(&self, least: Life) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.life.subscribe().wait_for(|life| *life >= least).await;
    }

    /// Ends when nobody is left who could say anything.
    async fn deserted(&self) {
        // As above.
        let _ = self.commanders.subscribe().wait_for(|count| *count == 0).await;
    }

    async fn tunnels_ended(&self) {
        while self.table.gates().iter().any(|(_, gate)| gate.has_tunnels()) {
            tokio::time::sleep(LOOK).await;
        }
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
                if let Some(shelf) = self.table.shelf(&environment) {
                    self.cache.clear(&shelf);
                }
                self.table.gate(&environment).release();
            }
            Command::Prove { proofs } => {
                if let Err(error) = self.proofs.set(proofs) {
                    return Reply::Error {
                        message: error.to_string(),
                    };
                }
            }
            Command::Status => return self.status(),
            Command::HandOver => {
                let commands = self.table.closings();
                return Reply::HandedOver { commands };
            }
            Command::Retire => self.retire(),
            Command::Stop => self.stop(),
        }
        Reply::Ok
    }

    fn status(&self) -> Reply {
        Reply::Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            environments: u32::try_from(self.table.len()).unwrap_or(u32::MAX),
            listen: self.listening.addresses(Scheme::Http),
            listen_tls: self.listening.addresses(Scheme::Https),
            retired: self.is_leaving(),
        }
    }
}
