//! A filter's listener, on which somebody outside answers the calls with SCMP_ACT_NOTIFY (config-linux.md, "seccomp").
//!
//! The process that loads the filter sends the listener to the runtime that waits for it, which knows what the process does not: its
//! number outside, and the way to the agent, which is outside the new root.

use super::{Filter, SeccompError};
use crate::show;
use crate::state::{State, Status};
use guise_sys::{Errno, socket};
use oci_spec::runtime::LinuxSeccomp;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

/// The word with which a listener is sent to the runtime.
const LISTENER: &[u8] = b"listener";

/// A listener could not reach its agent.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The profile does not say who answers.
    #[error("config.json: linux.seccomp has SCMP_ACT_NOTIFY, but no listenerPath")]
    NoPath,
    /// The agent could not be reached.
    #[error("connecting to the seccomp agent {path}: {source}", path = path.display())]
    Connect {
        /// Its socket.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The listener could not be sent on.
    #[error("sending the seccomp listener: {source}")]
    Send {
        /// Why.
        source: Errno,
    },
    /// The filter could not be loaded.
    #[error(transparent)]
    Load(#[from] SeccompError),
}

/// Loads the filter into this process, and sends its listener to the runtime at the other end of `channel`.
///
/// # Errors
/// [`ListenerError::Load`], [`ListenerError::Send`].
pub fn load(filter: &Filter, channel: BorrowedFd<'_>) -> Result<(), ListenerError> {
    match filter.load()? {
        Some(listener) => socket::send_with_fd(channel, LISTENER, listener.as_fd())
            .map_err(|source| ListenerError::Send { source }),
        None => Ok(()),
    }
}

/// Loads a filter that has a listener now, while the runtime waits that can take it to the agent; gives any other back, to be loaded
/// later.
///
/// # Errors
/// As [`load`].
pub fn load_with_listener<'f>(
    filter: Option<&'f Filter>,
    channel: BorrowedFd<'_>,
) -> Result<Option<&'f Filter>, ListenerError> {
    match filter {
        Some(filter) if filter.how.listener => load(filter, channel).map(|()| None),
        other => Ok(other),
    }
}

/// Receives a word of a process that may load a filter: its length, or 0 when the process has ended or become its program. A listener
/// that comes instead is given to `hand_over`, and the next word waited for.
///
/// # Errors
/// Those of `hand_over`; inside, those of recvmsg(2).
pub fn receive(
    channel: BorrowedFd<'_>,
    word: &mut [u8],
    hand_over: impl Fn(BorrowedFd<'_>) -> Result<(), ListenerError>,
) -> Result<Result<usize, Errno>, ListenerError> {
    loop {
        match socket::receive_with_fd(channel, word) {
            Err(Errno::CONNRESET) => return Ok(Ok(0)),
            Err(Errno::INTR) => {}
            Ok((length, Some(listener))) if word.get(..length) == Some(LISTENER) => {
                hand_over(listener.as_fd())?;
            }
            answer => return Ok(answer.map(|(length, _)| length)),
        }
    }
}

/// A process of a container, under whose filter a listener is.
#[derive(Debug)]
pub struct Filtered<'a> {
    /// The container's profile.
    pub profile: Option<&'a LinuxSeccomp>,
    /// The container.
    pub record: &'a State,
    /// Where it is in its life.
    pub status: Status,
    /// The process's number outside.
    pub pid: i32,
}

impl Filtered<'_> {
    /// Sends the listener to the agent that the profile names.
    ///
    /// # Errors
    /// [`ListenerError`].
    pub fn hand_over(&self, listener: BorrowedFd<'_>) -> Result<(), ListenerError> {
        let path = self
            .profile
            .and_then(|profile| profile.listener_path().as_deref());
        let path = path.ok_or(ListenerError::NoPath)?;
        let agent = socket::connect_stream(path).map_err(|source| ListenerError::Connect {
            path: path.into(),
            source,
        })?;
        let metadata = self
            .profile
            .and_then(|profile| profile.listener_metadata().as_deref());
        let message = serde_json::json!({
            "ociVersion": self.record.oci_version,
            "fds": ["seccompFd"],
            "pid": self.pid,
            "metadata": metadata.unwrap_or_default(),
            "state": show::describe(self.record, self.status),
        });
        socket::send_with_fd(agent.as_fd(), message.to_string().as_bytes(), listener)
            .map_err(|source| ListenerError::Send { source })
    }
}
