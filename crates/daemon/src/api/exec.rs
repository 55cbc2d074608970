//! A process in a container over an upgraded connection (`guise_api::exec`).

use super::{App, Failure, blocking};
use axum::{
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use guise_api::{
    ErrorKind,
    exec::{self, Exec, Frame},
    paths,
};
use guise_platform::{ExecSession, ExecStdio};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use std::{fs::File, io::Read, io::Write, os::fd::OwnedFd, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf},
    sync::mpsc,
};

/// Longest request body: program and arguments.
const LONGEST_REQUEST: usize = 1 << 20;

type Connection = TokioIo<hyper::upgrade::Upgraded>;

/// A frame on its way to the client.
type Outgoing = (Frame, Vec<u8>);

/// Run a process in a container: an upgrade to frames.
#[utoipa::path(
    post,
    path = paths::EXEC,
    operation_id = "exec",
    request_body = Exec,
    responses((status = 101))
)]
pub(crate) async fn start(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let bad = |message: String| Failure::new(ErrorKind::User, "exec.invalid", message, vec![]);
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let asks = parts
        .headers
        .get(header::UPGRADE)
        .is_some_and(|value| value == exec::PROTOCOL);
    let (Some(upgrade), true) = (upgrade, asks) else {
        return Err(bad(format!(
            "an exec needs `Upgrade: {}` on HTTP/1.1",
            exec::PROTOCOL
        )));
    };
    let body = http_body_util::Limited::new(body, LONGEST_REQUEST)
        .collect()
        .await;
    let body = body
        .map_err(|error| bad(format!("the request is not read: {error}")))?
        .to_bytes();
    let wanted: Exec = serde_json::from_slice(&body)
        .map_err(|error| bad(format!("the request is not understood: {error}")))?;
    let (session, awake) = blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        let awake = platform.rouse(&environment)?;
        let component = platform.container_of(&environment, wanted.container.as_deref())?;
        Ok((
            platform.exec(&component, &wanted.argv, wanted.env, wanted.tty)?,
            awake,
        ))
    })
    .await?;
    tokio::spawn(async move {
        let _stays_awake = awake;
        match upgrade.await {
            Ok(upgraded) => serve(TokioIo::new(upgraded), session).await,
            Err(error) => {
                tracing::warn!(%error, "an exec connection was not upgraded");
                drop(session.kill());
            }
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(exec::PROTOCOL));
    Ok(response)
}

/// Moves bytes between the connection and the process until the process ends; a client that goes away kills it.
async fn serve(connection: Connection, mut session: ExecSession) {
    let Some(stdio) = session.take_stdio() else { return };
    let session = Arc::new(session);
    let (from_client, mut to_client) = tokio::io::split(connection);
    let (outgoing, mut frames) = mpsc::channel::<Outgoing>(16);
    let (stdin, outputs) = match stdio {
        ExecStdio::Pipes {
            stdin,
            stdout,
            stderr,
        } => (stdin, vec![(Frame::Stdout, stdout), (Frame::Stderr, stderr)]),
        ExecStdio::Terminal(terminal) => match terminal.try_clone() {
            Ok(reader) => (terminal, vec![(Frame::Stdout, reader)]),
            Err(error) => {
                tracing::warn!(%error, "cannot duplicate a terminal");
                drop(session.kill());
                return;
            }
        },
    };
    let readers: Vec<_> = outputs
        .into_iter()
        .map(|(kind, fd)| {
            let outgoing = outgoing.clone();
            tokio::task::spawn_blocking(move || pump_output(kind, fd, &outgoing))
        })
        .collect();
    let input = tokio::spawn(pump_input(from_client, stdin, session.clone()));
    let waiter = session.clone();
    tokio::spawn(async move {
        let ended = tokio::task::spawn_blocking(move || waiter.wait()).await;
        for reader in readers {
            // All output comes before the exit.
            let _ = reader.await;
        }
        let frame = match ended {
            Ok(Ok(status)) => (Frame::Exit, status.to_string().into_bytes()),
            Ok(Err(error)) => (Frame::Error, error_frame(&error.to_string())),
            Err(panic) => (Frame::Error, error_frame(&panic.to_string())),
        };
        let _ = outgoing.send(frame).await;
    });
    while let Some((kind, payload)) = frames.recv().await {
        let header = exec::header(kind, payload.len());
        let sent = async {
            to_client.write_all(&header).await?;
            to_client.write_all(&payload).await?;
            to_client.flush().await
        };
        if sent.await.is_err() {
            break;
        }
    }
    let _ = to_client.shutdown().await;
    input.abort();
    drop(session.kill());
}

fn error_frame(message: &str) -> Vec<u8> {
    serde_json::to_vec(&Failure::internal(message).0).unwrap_or_default()
}

fn pump_output(kind: Frame, fd: OwnedFd, outgoing: &mpsc::Sender<Outgoing>) {
    let mut file = File::from(fd);
    let mut buffer = vec![0; 32 * 1024];
    // A terminal whose last process has ended reads as EIO (pty(7)): an end like any other.
    while let Ok(length @ 1..) = file.read(&mut buffer) {
        if outgoing.blocking_send((kind, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Hands the client's frames on; ends when the client closes or breaks the protocol, which ends the process.
async fn pump_input(mut client: ReadHalf<Connection>, stdin: OwnedFd, session: Arc<ExecSession>) {
    let (bytes, queue) = mpsc::channel::<Vec<u8>>(16);
    tokio::task::spawn_blocking(move || write_input(stdin, queue));
    let mut bytes = Some(bytes);
    while let Some((kind, payload)) = read_frame(&mut client).await {
        match kind {
            Frame::Stdin if payload.is_empty() => bytes = None,
            Frame::Stdin => {
                if let Some(bytes) = &bytes {
                    let _ = bytes.send(payload).await;
                }
            }
            Frame::Resize => {
                if let Ok((columns, rows)) = serde_json::from_slice::<(u16, u16)>(&payload) {
                    drop(session.resize(columns, rows));
                }
            }
            Frame::Stdout | Frame::Stderr | Frame::Exit | Frame::Error => break,
        }
    }
    drop(session.kill());
}

fn write_input(stdin: OwnedFd, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut file = File::from(stdin);
    while let Some(bytes) = queue.blocking_recv() {
        if file.write_all(&bytes).is_err() {
            return;
        }
    }
}

async fn read_frame(client: &mut ReadHalf<Connection>) -> Option<(Frame, Vec<u8>)> {
    let mut header = [0; 5];
    client.read_exact(&mut header).await.ok()?;
    let kind = Frame::try_from(header[0]).ok()?;
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if length > exec::MAX_PAYLOAD {
        return None;
    }
    let mut payload = vec![0; length];
    client.read_exact(&mut payload).await.ok()?;
    Some((kind, payload))
}
