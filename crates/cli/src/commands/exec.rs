//! `guise exec`: a program in a container, as if it ran here.

use crate::client::ClientError;
use crate::context::Context;
use crate::error::Error;
use crate::frames;
use crate::names;
use crate::place::Place;
use crate::terminal::{self, RawMode};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use guise_api::exec::{Exec as Start, Frame};
use guise_api::paths;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use tokio::io::AsyncWrite;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Run a program in a container, or a shell
///
/// With a terminal at both ends the program gets one, too. Its exit status is passed on; 128 + N when signal N
/// ended it.
#[derive(Debug, Args)]
pub struct Exec {
    /// The app, worker (app--worker) or service [default: the first app]
    #[arg(short, long, visible_short_alias = 'A', visible_alias = "app", add = ArgValueCandidates::new(names::containers))]
    pub container: Option<String>,
    /// Program and arguments [default: a login shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub argv: Vec<String>,
}

impl Exec {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let program = Program {
            container: self.container,
            argv: self.argv,
            env: BTreeMap::new(),
        };
        attach(context, &place, program).await
    }
}

/// What is to run, and where.
#[derive(Debug)]
pub struct Program {
    /// The app, worker or service; the first app when absent.
    pub container: Option<String>,
    /// Program and arguments; a login shell when empty.
    pub argv: Vec<String>,
    /// Variables besides the container's.
    pub env: BTreeMap<String, String>,
}

impl Program {
    fn start(self, tty: Option<(u16, u16)>) -> Start {
        let Self { container, argv, env } = self;
        Start {
            container,
            argv,
            env,
            tty,
        }
    }
}

/// Runs a program in a container as if it ran here: on this terminal if a person sits at both ends, else on standard
/// input and output. Answers its exit status.
pub async fn attach(context: &Context, place: &Place, program: Program) -> Result<u8, Error> {
    let tty = terminal::is_interactive().then(terminal::size);
    let start = program.start(tty);
    let connection = context.client.upgrade(&place.path(paths::EXEC), &start).await?;
    // Raw mode ends before an error is told, or its lines would run down like stairs.
    let raw = tty.map(|_| RawMode::enter()).transpose().map_err(Error::Input)?;
    let status = converse(connection, io::stdin(), &mut io::stdout()).await;
    drop(raw);
    status
}

/// Runs a program in a container that reads `input` and writes to `output`, as it comes: neither is held in memory.
/// Answers its exit status.
pub async fn pipe(
    context: &Context,
    place: &Place,
    program: Program,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
) -> Result<u8, Error> {
    let start = program.start(None);
    let connection = context.client.upgrade(&place.path(paths::EXEC), &start).await?;
    converse(connection, input, output).await
}

/// Carries bytes both ways until the program ends; answers its exit status.
async fn converse(
    connection: TokioIo<Upgraded>,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
) -> Result<u8, Error> {
    let (mut incoming, outgoing) = tokio::io::split(connection);
    let mut resized = signal(SignalKind::window_change()).map_err(Error::Input)?;
    let mut hung_up = signal(SignalKind::hangup()).map_err(Error::Input)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Error::Input)?;
    tokio::spawn(async move {
        // When the other end is gone, the reading side below says why.
        let _ = send_input(outgoing, typed(input), &mut resized).await;
    });
    loop {
        let frame = tokio::select! {
            frame = frames::read(&mut incoming) => frame.map_err(Error::ExecStream)?,
            _ = hung_up.recv() => return Ok(128 + 1),
            _ = terminated.recv() => return Ok(128 + 15),
        };
        match frame {
            Some((Frame::Stdout, bytes)) => print(&mut *output, &bytes)?,
            Some((Frame::Stderr, bytes)) => print(io::stderr(), &bytes)?,
            Some((Frame::Exit, status)) => return exit_status(&status),
            Some((Frame::Error, error)) => return Err(refusal(&error)),
            Some((Frame::Stdin | Frame::Resize, _)) => {}
            None => return Err(Error::ExecStream(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Sends what is typed, its end, and every new size of the terminal.
async fn send_input(
    mut to: impl AsyncWrite + Unpin,
    mut typed: mpsc::Receiver<Vec<u8>>,
    resized: &mut Signal,
) -> io::Result<()> {
    let mut open = true;
    loop {
        tokio::select! {
            bytes = typed.recv(), if open => {
                // An empty frame is the end of input.
                let bytes = bytes.unwrap_or_default();
                frames::write(&mut to, Frame::Stdin, &bytes).await?;
                open = !bytes.is_empty();
            }
            _ = resized.recv() => {
                let (columns, rows) = terminal::size();
                frames::write(&mut to, Frame::Resize, format!("[{columns},{rows}]").as_bytes()).await?;
            }
        }
    }
}

/// What is typed or piped in, read by a thread of its own: a terminal cannot be waited for in any other way without changing
/// it for the other programs that use it. An input that cannot be read has ended, as far as the program can tell.
fn typed(mut input: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = input.read(&mut buffer) {
            if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn print(mut to: impl Write, bytes: &[u8]) -> Result<(), Error> {
    to.write_all(bytes)?;
    Ok(to.flush()?)
}

fn exit_status(text: &[u8]) -> Result<u8, Error> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            let what = format!("exit status {:?}", String::from_utf8_lossy(text));
            Error::ExecStream(io::Error::new(io::ErrorKind::InvalidData, what))
        })
}

fn refusal(json: &[u8]) -> Error {
    match serde_json::from_slice(json) {
        Ok(error) => ClientError::Refused(error).into(),
        Err(source) => Error::ExecStream(io::Error::new(io::ErrorKind::InvalidData, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_is_decimal_text_of_one_byte() {
        assert_eq!(exit_status(b"137").unwrap(), 137);
        for text in [&b"256"[..], b"", b"-1", b"\xff"] {
            assert!(exit_status(text).is_err(), "{text:?}");
        }
    }
}
