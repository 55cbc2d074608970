//! A process inside a container that a person talks to.

use crate::{
    NodeError,
    child::Child,
    exec::{OrderFiles, finish},
};
use guise_model::ContainerId;
use std::os::fd::{AsFd, OwnedFd};

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

/// A process inside a container, started for somebody who waits for it. Killed when dropped.
#[derive(Debug)]
pub struct ExecSession {
    id: ContainerId,
    child: Child,
    files: OrderFiles,
    stdio: Option<ExecStdio>,
    terminal: Option<OwnedFd>,
}

impl ExecSession {
    pub(crate) fn new(
        id: ContainerId,
        child: Child,
        files: OrderFiles,
        stdio: ExecStdio,
        terminal: Option<OwnedFd>,
    ) -> Self {
        Self {
            id,
            child,
            files,
            stdio: Some(stdio),
            terminal,
        }
    }

    /// Hands out the session's pipes or terminal; `None` the second time.
    pub fn take_stdio(&mut self) -> Option<ExecStdio> {
        self.stdio.take()
    }

    /// Blocks until the process ends; returns its exit status, 128 + N when signal N ended it.
    ///
    /// # Errors
    /// When the runtime could not start the process.
    pub fn wait(&self) -> Result<i32, NodeError> {
        let status = self.child.wait().map_err(|source| NodeError::Wait {
            id: self.id.clone(),
            source,
        })?;
        finish(&self.id, &self.files, status)
    }

    /// Tells the terminal its new size. Without a terminal nothing happens.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<(), NodeError> {
        let Some(terminal) = &self.terminal else {
            return Ok(());
        };
        guise_sys::terminal::resize(terminal.as_fd(), columns, rows).map_err(|errno| NodeError::Terminal {
            id: self.id.clone(),
            source: errno.into(),
        })
    }

    /// Sends the process a signal. Once it has ended nothing happens.
    ///
    /// # Errors
    /// When there is no signal of that number.
    pub fn signal(&self, number: i32) -> Result<(), NodeError> {
        self.child.signal(number).map_err(|source| NodeError::Signal {
            id: self.id.clone(),
            source,
        })
    }

    /// Kills the process. Once it has ended nothing happens.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&self) -> Result<(), NodeError> {
        self.child.kill().map_err(|source| NodeError::Wait {
            id: self.id.clone(),
            source,
        })
    }
}
