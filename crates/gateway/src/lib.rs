//! The SSH gateway: where people arrive who push, open shells, copy files and forward ports.
//!
//! A process of its own without any privilege, since it parses what strangers send. It checks signatures and speaks SSH;
//! who somebody is and what they get, guised decides, which hands the descriptors of what it has opened over a socket.
//! So the bytes of sessions go through no process but this one, and a guised that restarts cuts none of them.
//!
//! It knows keys, channels and descriptors. It must never know what a project or a container is, or start anything.

#![forbid(unsafe_code)]

mod ask;
mod channel;
mod connection;
mod doorway;
mod host_key;
mod intake;
mod lock;
mod options;
mod serve;
mod session;
mod signal;

pub use options::Options;

use anyhow::Context;
use clap::Parser;
use guise_sys::identity;
use std::{ffi::OsString, iter::once, net::TcpListener};

/// `guise gateway`: runs until it is told to stop by SIGTERM.
///
/// # Errors
/// When it cannot listen, has no host key, or cannot give up its privileges.
pub fn main(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let options = Options::parse_from(once(OsString::from("guise gateway")).chain(arguments));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // The SSH library tells of each packet that a stranger garbles.
        .with_env_filter("warn,guise_gateway=info,russh=error")
        .init();
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("listening on {} (ports below 1024 take root)", options.listen))?;
    let _lock = lock::take(&options.lock, options.listen)?;
    let key = host_key::load(&options.host_key)?;
    // Before a stranger's byte is read, and before there are threads: ids are per thread.
    identity::renounce(options.owner()).or_else(|(what, errno)| Err(errno).context(what))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .thread_name("gateway")
        .enable_all()
        .build()?;
    runtime.block_on(serve::serve(listener, key, options.ask))
}
