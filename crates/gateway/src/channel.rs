//! Bytes between an SSH channel and the descriptors of what was opened for it.

use crate::intake::Outlet;
use bytes::BytesMut;
use russh::{ChannelWriteHalf, server::Msg};
use rustix::io::ioctl_fionbio;
use std::{fs::File, io, net::TcpStream, os::fd::OwnedFd};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    join,
    net::unix::pipe,
};

/// A channel's end for what goes to the client.
pub type Writer = ChannelWriteHalf<Msg>;

/// SSH's number for standard error (RFC 4254 section 5.2).
pub const STDERR: u32 = 1;
/// As much as a pipe holds.
const CHUNK: usize = 64 << 10;
/// What a terminal takes for the end of input (termios(3), `VEOF`).
const END_OF_INPUT: &[u8] = b"\x04";

/// Where a channel's bytes go and come from.
#[derive(Debug)]
pub enum Streams {
    /// A process's.
    Pipes {
        /// Its standard input.
        input: pipe::Sender,
        /// Its standard output.
        output: pipe::Receiver,
        /// Its standard error.
        errors: pipe::Receiver,
    },
    /// A process's terminal, twice.
    Terminal {
        /// To type.
        input: pipe::Sender,
        /// To read.
        output: pipe::Receiver,
    },
}

impl Streams {
    /// What guised has sent: three pipes or a terminal.
    ///
    /// # Errors
    /// When they are something else.
    pub fn of(fds: Vec<OwnedFd>) -> io::Result<Self> {
        match <[OwnedFd; 3]>::try_from(fds) {
            Ok([input, output, errors]) => Ok(Self::Pipes {
                input: pipe::Sender::from_owned_fd(input)?,
                output: pipe::Receiver::from_owned_fd(output)?,
                errors: pipe::Receiver::from_owned_fd(errors)?,
            }),
            Err(mut fds) => {
                let terminal: File = fds.pop().ok_or(io::ErrorKind::InvalidData)?.into();
                ioctl_fionbio(&terminal, true)?;
                // A terminal is read, written and waited for as a pipe is.
                Ok(Self::Terminal {
                    input: pipe::Sender::from_file_unchecked(terminal.try_clone()?)?,
                    output: pipe::Receiver::from_file_unchecked(terminal)?,
                })
            }
        }
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// Carries all bytes until there is no more output. Input that nobody takes is no error.
    pub async fn carry(self, writer: &Writer, outlet: Outlet) {
        match self {
            Self::Pipes {
                input,
                output,
                errors,
            } => {
                let outputs = async { join!(send(output, writer, None), send(errors, writer, Some(STDERR))) };
                // A program may end without having read its input, and the input may never end.
                let input = tokio::spawn(feed(outlet, input));
                outputs.await;
                input.abort();
            }
            Self::Terminal { input, output } => {
                let input = tokio::spawn(type_in(outlet, input));
                send(output, writer, None).await;
                input.abort();
            }
        }
    }
}

/// Carries all bytes between a channel and a connection until both ways are closed.
///
/// # Errors
/// When the connection cannot be used.
pub async fn carry_connection(connection: TcpStream, writer: &Writer, outlet: Outlet) -> io::Result<()> {
    connection.set_nonblocking(true)?;
    let (output, input) = tokio::net::TcpStream::from_std(connection)?.into_split();
    let there = async {
        send(output, writer, None).await;
        let _ = writer.eof().await;
    };
    join!(there, feed(outlet, input));
    Ok(())
}

/// Sends what comes, as the client's window allows, until its end.
async fn send(mut from: impl AsyncRead + Unpin, writer: &Writer, kind: Option<u32>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        // A terminal whose last process has ended reads as EIO (pty(7)): an end like any other.
        let Ok(1..) = from.read_buf(&mut buffer).await else {
            return;
        };
        let bytes = buffer.split().freeze();
        let sent = match kind {
            None => writer.data_bytes(bytes).await,
            Some(kind) => writer.extended_data_bytes(kind, bytes).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Types what the client has sent.
async fn type_in(mut outlet: Outlet, mut terminal: pipe::Sender) {
    while let Some(bytes) = outlet.take().await {
        if terminal.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = terminal.write_all(END_OF_INPUT).await;
}

/// Hands on what the client has sent, until its end or until nobody takes it.
async fn feed(mut outlet: Outlet, mut to: impl AsyncWrite + Unpin) {
    while let Some(bytes) = outlet.take().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
