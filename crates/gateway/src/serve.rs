//! Connections of clients: taken, given their time to show a key, and ended.

use crate::{connection::Connection, doorway::Doorway};
use russh::{
    MethodKind, MethodSet, SshId,
    keys::PrivateKey,
    server::{self, Config},
};
use std::{
    net::{Shutdown, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::{Instant, timeout_at},
};

/// How long a stranger may take to show a key.
const GRACE: Duration = Duration::from_secs(30);
/// A refused key costs this much time; guessing is hopeless anyway, and an agent may hold several.
const REFUSAL: Duration = Duration::from_millis(100);
/// What a client may send to a channel before it must wait.
const WINDOW: u32 = 2 << 20;
const MOST_ATTEMPTS: usize = 6;
/// A client that has not answered four of these is gone.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Takes connections until the process is told to stop.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(listener: TcpListener, key: PrivateKey, ask: PathBuf) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (config, ask, doorway) = (Arc::new(config(key)), Arc::new(ask), Arc::new(Doorway::default()));
    let mut stop = signal(SignalKind::terminate())?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.recv() => return Ok(()),
        };
        match accepted {
            Ok((stream, from)) => {
                let (config, ask, doorway) = (config.clone(), ask.clone(), doorway.clone());
                tokio::spawn(async move {
                    if let Err(error) = connection(config, ask, doorway, stream, from).await {
                        tracing::debug!(%from, "a connection ended: {error}");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, say: they come back as connections end.
                tracing::warn!("accepting a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn config(key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard("SSH-2.0-guise".into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        keys: vec![key],
        auth_rejection_time: REFUSAL,
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: MOST_ATTEMPTS,
        window_size: WINDOW,
        // Output that the client's window allows, on its way to the one task that encrypts.
        event_buffer_size: 64,
        // Data goes by the intake; the library's own channels have no reader.
        channel_buffer_size: 1,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..Config::default()
    }
}

/// Serves one connection to its end. A fault in it ends its own task and nothing else.
async fn connection(
    config: Arc<Config>,
    ask: Arc<PathBuf>,
    doorway: Arc<Doorway>,
    stream: TcpStream,
    from: SocketAddr,
) -> Result<(), russh::Error> {
    let Some(mut place) = doorway.enter(from.ip()) else {
        tracing::info!(%from, "too many connections without a key: closed");
        return Ok(());
    };
    let end_of_grace = Instant::now() + GRACE;
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let cord = stream.try_clone()?;
    let stream = TcpStream::from_std(stream)?;
    let (admitted, admission) = oneshot::channel();
    let shake_hands = async {
        place.turn().await;
        let connection = Connection::new(ask, from.ip(), place, admitted);
        server::run_stream(config, stream, connection).await
    };
    let Ok(session) = timeout_at(end_of_grace, shake_hands).await else {
        return Ok(());
    };
    let mut session = session?;
    tokio::select! {
        ended = &mut session => return ended,
        admitted = timeout_at(end_of_grace, admission) => if admitted.is_err() {
            tracing::info!(%from, "showed no key in time");
            // The library's task ends as soon as it has nothing to read from.
            let _ = cord.shutdown(Shutdown::Both);
        },
    }
    drop(cord);
    session.await
}
