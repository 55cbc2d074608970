//! A process inside a container that a person talks to.

use crate::NodeError;
use std::os::fd::OwnedFd;

/// Where a session's bytes go and come from.
#[derive(Debug)]
pub enum ExecStdio {
    /// Three pipes.
    Pipes {
        /// Write end: the process's standard input. Dropping it is end of file.
        stdin: OwnedFd,
        /// Read end: its standard output.
        stdout: OwnedFd,
        /// Read end: its standard error.
        stderr: OwnedFd,
    },
    /// The master side of the process's terminal, for both directions. Reading it fails with `EIO` when the last
    /// process on the terminal has ended.
    Terminal(OwnedFd),
}

/// A process inside a container, started for somebody who waits for it.
#[derive(Debug)]
pub struct ExecSession {}

impl ExecSession {
    /// Hands out the session's pipes or terminal; `None` the second time.
    pub fn take_stdio(&mut self) -> Option<ExecStdio> {
        todo!()
    }

    /// Blocks until the process ends; returns its exit status, 128 + N when signal N ended it.
    ///
    /// # Errors
    /// When the runtime's process cannot be waited for.
    pub fn wait(&self) -> Result<i32, NodeError> {
        todo!()
    }

    /// Tells the terminal its new size. Without a terminal nothing happens.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn resize(&self, _columns: u16, _rows: u16) -> Result<(), NodeError> {
        todo!()
    }

    /// Kills the process. Once it has ended nothing happens.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&self) -> Result<(), NodeError> {
        todo!()
    }
}
