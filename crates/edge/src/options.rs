//! How an edge is started.

use crate::{cache::DEFAULT_BYTES, outside::Inner};
use clap::Parser;
use std::{net::SocketAddr, path::PathBuf};

/// Serves HTTP for every environment of this machine.
#[derive(Debug, Clone, Parser)]
#[command(name = "guise edge")]
pub struct Options {
    /// Address and port to listen on; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<SocketAddr>,
    /// Number of an inherited descriptor that listens; may be repeated.
    #[arg(long, value_name = "NUMBER")]
    pub listen_fd: Vec<i32>,
    /// Address and port to listen on for TLS; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_tls: Vec<SocketAddr>,
    /// Number of an inherited descriptor that listens for TLS; may be repeated.
    #[arg(long, value_name = "NUMBER")]
    pub listen_tls_fd: Vec<i32>,
    /// Where to make the control socket.
    #[arg(long, value_name = "PATH", conflicts_with = "control_fd")]
    pub control: Option<PathBuf>,
    /// Number of an inherited descriptor that listens for control connections.
    #[arg(long, value_name = "NUMBER")]
    pub control_fd: Option<i32>,
    /// File that keeps the routes across a restart; `certificates.json` beside it keeps what TLS needs.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Network of containers, which proxy routes may not lead to; may be repeated.
    #[arg(long, value_name = "NETWORK/PREFIX")]
    pub inner: Vec<Inner>,
    /// User to become once everything is open.
    #[arg(long, value_name = "ID", requires = "gid")]
    pub uid: Option<u32>,
    /// Group to become once everything is open.
    #[arg(long, value_name = "ID", requires = "uid")]
    pub gid: Option<u32>,
    /// Memory for answers that are kept, in bytes.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_BYTES)]
    pub cache_bytes: usize,
    /// Threads that serve.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub threads: usize,
}

/// The user and group that the edge runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Options {
    /// Who to become; `None` to stay who one is.
    pub fn owner(&self) -> Option<Owner> {
        Some(Owner {
            uid: self.uid?,
            gid: self.gid?,
        })
    }
}
