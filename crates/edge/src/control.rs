//! The control socket: a command on a line, a reply on a line. Nothing that arrives ends the edge or the connection.

use crate::edge::Edge;
use guise_api::edge::{Command, Reply};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

/// Longest command, in bytes: the routes of an environment with very many of them.
const LONGEST: u64 = 16 << 20;

/// Takes connections until the edge takes none any more; those there are stay.
pub async fn connections(edge: Arc<Edge>, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = edge.left() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let edge = Arc::clone(&edge);
                edge.commanders.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    if let Err(error) = connection(&edge, stream).await {
                        tracing::debug!("a control connection ended: {error}");
                    }
                    edge.commanders.send_modify(|count| *count -= 1);
                });
            }
            Err(error) => {
                // Out of descriptors: they come back as connections end.
                tracing::warn!("accepting a control connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(edge: &Edge, stream: UnixStream) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut input).take(LONGEST).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(());
        }
        let reply = match serde_json::from_slice::<Command>(&line) {
            // Whoever goes away while waiting for visitors is not told of them: the next one is.
            Ok(Command::HandOver) => {
                edge.listening.hand_over(output.as_ref()).await?;
                edge.carry_out(Command::HandOver).await
            }
            Ok(command) => tokio::select! {
                biased;
                // Visitors come to the successor: whoever waits for them shall ask there.
                () = edge.left(), if command == Command::AwaitVisitor => return Ok(()),
                gone = input.fill_buf(), if command == Command::AwaitVisitor => match gone?.is_empty() {
                    true => return Ok(()),
                    false => edge.carry_out(command).await,
                },
                reply = edge.carry_out(command.clone()) => reply,
            },
            Err(error) => Reply::Error {
                message: format!("not a command: {error}"),
            },
        };
        let mut answer = serde_json::to_vec(&reply)?;
        answer.push(b'\n');
        output.write_all(&answer).await?;
    }
}
