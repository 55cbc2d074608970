//! How a gateway is started.

use clap::Parser;
use std::{net::SocketAddr, path::PathBuf};

/// Serves SSH for every project of this machine.
#[derive(Debug, Clone, Parser)]
#[command(name = "guise gateway")]
pub struct Options {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// The socket on which guised answers.
    #[arg(long, value_name = "PATH")]
    pub ask: PathBuf,
    /// File with the host key, made if missing.
    #[arg(long, value_name = "FILE")]
    pub host_key: PathBuf,
    /// File to lock as long as it serves.
    #[arg(long, value_name = "FILE")]
    pub lock: PathBuf,
    /// User to become once everything is open.
    #[arg(long, value_name = "ID", requires = "gid")]
    pub uid: Option<u32>,
    /// Group to become once everything is open.
    #[arg(long, value_name = "ID", requires = "uid")]
    pub gid: Option<u32>,
    /// Threads that serve.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub threads: usize,
}

impl Options {
    /// Who to become; `None` to stay who one is.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.uid.zip(self.gid)
    }
}
