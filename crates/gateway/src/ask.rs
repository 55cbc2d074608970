//! Questions to guised: one connection each, which lives as long as what it has opened.

use guise_api::gateway::{Answer, Control, LONGEST, Question};
use guise_sys::{Errno, socket};
use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
};
use tokio::io::Interest;

/// guised does not answer, or not so that it is understood.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("guised is away ({}: {source}): try again in a moment", .socket.display())]
    Away {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The connection broke.
    #[error("the connection to guised broke: {0}")]
    Broken(#[from] io::Error),
    /// The question is too long to be sent.
    #[error("the command is longer than {LONGEST} bytes")]
    TooLong,
    /// The answer is none.
    #[error("guised's answer is not understood (is it of another version?): {0}")]
    Garbled(#[from] serde_json::Error),
}

/// An open connection.
#[derive(Debug)]
pub struct Line {
    /// tokio has no type for sockets that keep the borders of messages; waiting is the same for all of them.
    socket: tokio::net::UnixStream,
}

impl Line {
    /// Asks guised, which listens on `path`.
    ///
    /// # Errors
    /// [`AskError::Away`], [`AskError::TooLong`].
    pub fn ask(path: &Path, question: &Question) -> Result<Self, AskError> {
        let away = |source| AskError::Away {
            socket: path.into(),
            source,
        };
        let text = serde_json::to_vec(question)?;
        if text.len() > LONGEST {
            return Err(AskError::TooLong);
        }
        let socket = UnixStream::from(socket::connect(path).map_err(away)?);
        socket.set_nonblocking(true)?;
        socket::send(socket.as_fd(), &text).map_err(away)?;
        Ok(Self {
            socket: tokio::net::UnixStream::from_std(socket)?,
        })
    }

    /// The next answer, with the descriptors that come with it. May be given up and called again.
    ///
    /// # Errors
    /// [`AskError::Broken`], [`AskError::Garbled`].
    pub async fn answer(&self) -> Result<(Answer, Vec<OwnedFd>), AskError> {
        let mut buffer = vec![0; LONGEST];
        let (length, fds) = loop {
            self.socket.readable().await?;
            let received = self.socket.try_io(Interest::READABLE, || {
                Ok(socket::receive_with_fds(self.socket.as_fd(), &mut buffer)?)
            });
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => break received?,
            }
        };
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok((serde_json::from_slice(&buffer[..length])?, fds))
    }

    /// Says something about what is open. What guised does not take in time is lost: a size is followed by the next.
    pub fn tell(&self, control: &Control) {
        if let Ok(text) = serde_json::to_vec(control) {
            let _ = socket::send(self.socket.as_fd(), &text);
        }
    }
}
