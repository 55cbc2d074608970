//! One session: guised is asked for it, its bytes are carried, and the client is told how it ended.

use crate::{
    ask::{AskError, Line},
    channel::{self, STDERR, Streams, Writer},
    intake::Outlet,
};
use guise_api::gateway::{Answer, Control, Question};
use russh::{ChannelOpenFailure, server::ChannelOpenHandle};
use std::{io, net::TcpStream, os::fd::OwnedFd, path::Path, time::Duration};
use tokio::{
    pin,
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};

/// What ssh(1) itself answers when it could not do what was asked.
const NOT_DONE: u32 = 255;
/// How long a terminal's last output may take after its process has ended: what runs on in the background keeps it open.
const LINGER: Duration = Duration::from_secs(2);
/// How long guised may take: an environment that sleeps must wake.
const PATIENCE: Duration = Duration::from_secs(300);

/// One channel's ends.
#[derive(Debug)]
pub struct Ends {
    /// For what goes to the client.
    pub writer: Writer,
    /// What the client sends.
    pub outlet: Outlet,
    /// What it says meanwhile; closed when the client has closed the channel.
    pub controls: UnboundedReceiver<Control>,
}

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Said(String),
    #[error(transparent)]
    Unasked(#[from] AskError),
    #[error("guised has sent what cannot be used: {0}")]
    Unusable(#[from] io::Error),
    #[error("guised does not answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// What guised has opened.
struct Opened {
    line: Line,
    greeting: Option<String>,
    fds: Vec<OwnedFd>,
}

/// Runs a program for a client until it has ended or the client goes away.
pub async fn run(ask: &Path, question: &Question, ends: Ends) {
    let Ends {
        writer,
        outlet,
        mut controls,
    } = ends;
    // What the client says before there is something to say it to waits in the queue.
    let status = match open(ask, question).await {
        Ok(opened) => converse(opened, &writer, outlet, &mut controls).await,
        Err(refusal) => Err(refusal),
    };
    let status = match status {
        Ok(None) => return,
        Ok(Some(status)) => status,
        Err(refusal) => {
            let text = format!("guise: {refusal}\r\n");
            let _ = writer.extended_data_bytes(STDERR, text.into_bytes()).await;
            NOT_DONE
        }
    };
    let _ = writer.exit_status(status).await;
    let _ = writer.eof().await;
    let _ = writer.close().await;
}

/// Connects a client to where it wants, until both sides have closed.
pub async fn forward(ask: &Path, question: &Question, ends: Ends, reply: ChannelOpenHandle) {
    let connection = match open(ask, question).await {
        Ok(Opened { line, fds, .. }) => fds.into_iter().next().map(|fd| (line, TcpStream::from(fd))),
        Err(refusal) => {
            tracing::info!(from = %question.caller.from, "not connected: {refusal}");
            None
        }
    };
    let Some((_line, connection)) = connection else {
        return reply.reject(ChannelOpenFailure::ConnectFailed).await;
    };
    reply.accept().await;
    let Ends {
        writer,
        outlet,
        mut controls,
    } = ends;
    tokio::select! {
        carried = channel::carry_connection(connection, &writer, outlet) => if let Err(error) = carried {
            tracing::warn!("a connection was not carried: {error}");
        },
        // Nothing is ever said of a connection but its end.
        _ = controls.recv() => {}
    }
    let _ = writer.close().await;
}

async fn open(ask: &Path, question: &Question) -> Result<Opened, Refusal> {
    let line = Line::ask(ask, question)?;
    match timeout(PATIENCE, line.answer())
        .await
        .map_err(|_| Refusal::Late)??
    {
        (Answer::Opened { greeting }, fds) => Ok(Opened { line, greeting, fds }),
        (Answer::Refused { message }, _) => Err(Refusal::Said(message)),
        (answer, _) => Err(Refusal::Said(format!("guised answered {answer:?}"))),
    }
}

/// Carries bytes and what is said until the process has ended; answers its status, or nothing when the client has gone. What
/// was opened ends with the line to guised.
async fn converse(
    opened: Opened,
    writer: &Writer,
    outlet: Outlet,
    controls: &mut UnboundedReceiver<Control>,
) -> Result<Option<u32>, Refusal> {
    let Opened { line, greeting, fds } = opened;
    let streams = Streams::of(fds)?;
    let is_terminal = streams.is_terminal();
    let carrying = async {
        if let Some(greeting) = greeting {
            let _ = writer.data_bytes(greeting.into_bytes()).await;
        }
        streams.carry(writer, outlet).await;
    };
    pin!(carrying);
    let (mut status, mut carried) = (None, false);
    loop {
        if let (Some(status), true) = (status, carried) {
            return Ok(Some(status));
        }
        tokio::select! {
            () = &mut carrying, if !carried => carried = true,
            answer = line.answer(), if status.is_none() => status = Some(match answer {
                Ok((Answer::Ended { status }, _)) => status,
                // guised has gone. The process goes on, and so do its bytes; only its status is lost.
                _ => NOT_DONE,
            }),
            control = controls.recv() => match control {
                Some(control) => line.tell(&control),
                None => return Ok(None),
            },
            () = sleep(LINGER), if is_terminal && status.is_some() => carried = true,
        }
    }
}
