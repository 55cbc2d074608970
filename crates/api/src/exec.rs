//! The exec stream: a process's input and output over one upgraded connection.
//!
//! `POST …/exec` carries an [`Exec`] as JSON body with `Connection: upgrade` and `Upgrade: guise-exec`. After
//! `101 Switching Protocols` both sides send frames: one byte of [`Frame`] kind, four bytes of length
//! (big-endian), that many bytes. The server ends with one [`Frame::Exit`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The value of the `Upgrade` header.
pub const PROTOCOL: &str = "guise-exec";

/// Longest payload of a frame, in bytes; a longer one ends the connection.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// A process to run in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exec {
    /// The app, worker (`app--worker`) or service; the only or first app when absent.
    pub container: Option<String>,
    /// Program and arguments; the login shell when empty.
    pub argv: Vec<String>,
    /// Variables besides the container's: passwords, which stand in no command line.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Size of the caller's terminal (columns, rows) if it wants one.
    pub tty: Option<(u16, u16)>,
}

/// Frame kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Frame {
    /// Bytes for the process; an empty one closes its standard input.
    Stdin = 0,
    /// Bytes from the process (with a terminal: everything).
    Stdout = 1,
    /// Bytes from the process.
    Stderr = 2,
    /// The process's exit status as decimal text; 128 + N when signal N ended it.
    Exit = 3,
    /// New terminal size as JSON `[columns, rows]`.
    Resize = 4,
    /// An [`ApiError`](crate::ApiError) as JSON; the stream ends.
    Error = 5,
}

impl TryFrom<u8> for Frame {
    type Error = u8;
    fn try_from(kind: u8) -> Result<Self, u8> {
        Ok(match kind {
            0 => Self::Stdin,
            1 => Self::Stdout,
            2 => Self::Stderr,
            3 => Self::Exit,
            4 => Self::Resize,
            5 => Self::Error,
            other => return Err(other),
        })
    }
}

/// The five bytes before a payload.
pub fn header(kind: Frame, length: usize) -> [u8; 5] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind as u8, length[0], length[1], length[2], length[3]]
}
