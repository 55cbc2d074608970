//! The edge: where requests arrive, find their environment and are handed to its container.
//!
//! A process of its own without any privilege, so that a fault in the parsing of what strangers send costs little, and
//! so that sites are served while guised is away. guised tells it the routes over a socket; the last table is kept in
//! a file. During a deployment it holds an environment's requests instead of refusing them.
//!
//! It knows hosts, paths, addresses and certificates, but not the authority's key. It must never know what a project is, read guised's state, or start anything.

#![forbid(unsafe_code)]

mod cache;
mod cached;
mod connection;
mod control;
mod edge;
mod gate;
mod guard;
mod handshake;
mod headers;
mod index;
mod listen;
mod options;
mod outside;
mod page;
mod pool;
mod privileges;
mod proofs;
mod proxy;
mod redirects;
mod secrets;
mod secured;
mod serve;
mod streamed;
mod succession;
mod table;
mod table_file;
mod tunnel;
mod visitors;
mod workers;

pub use edge::Edge;
pub use options::Options;
pub use succession::Predecessor;
pub use table_file::TableFile;

use clap::Parser;
use std::{ffi::OsString, iter::once};

/// `guise edge`: runs until it is told to stop (SIGTERM, or `stop` on the control socket).
///
/// # Errors
/// When it cannot listen, or not give up its privileges.
pub fn main(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let options = Options::parse_from(once(OsString::from("guise edge")).chain(arguments));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    listen::raise_file_limit();
    // While it may: sockets and the table's directory. Then privileges go, and only then is a stranger's byte read.
    let control = options.control.as_deref();
    let mut predecessor = control.map(Predecessor::find).transpose()?.flatten();
    let sockets = listen::Sockets::open(&options, predecessor.as_mut())?;
    let file = options
        .table
        .as_deref()
        .map(|path| TableFile::open(path, options.owner()))
        .transpose()?;
    privileges::give_up(options.owner())?;
    // One of the threads that serve; the others have runtimes of their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        Edge::within(options.cache_bytes, options.inner, file)
            .run(sockets.into_tokio()?, options.threads, predecessor)
            .await
    })
}
