//! The sockets: bound here or inherited, while the edge still may.

use crate::{
    options::{Options, Owner},
    succession::Predecessor,
    table_file::directory_for,
};
use anyhow::{Context, bail};
use guise_api::edge::Scheme;
use guise_sys::descriptor;
use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};
use std::{
    fs,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::Path,
};

/// Open sockets.
#[derive(Debug)]
pub struct Sockets {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    control: Option<UnixListener>,
}

/// The same for the runtime that serves them.
#[derive(Debug)]
pub struct TokioSockets {
    /// Where requests arrive.
    pub http: Vec<tokio::net::TcpListener>,
    /// Where requests arrive over TLS.
    pub https: Vec<tokio::net::TcpListener>,
    /// Where commands arrive.
    pub control: Option<tokio::net::UnixListener>,
}

impl Sockets {
    /// Opens what the options name. What a predecessor listens on is taken from it; a socket of its that nobody names
    /// goes with it.
    pub fn open(options: &Options, mut predecessor: Option<&mut Predecessor>) -> anyhow::Result<Self> {
        let mut open = |scheme, addresses: &[SocketAddr], inherited: &[i32]| {
            let mut take = |address| predecessor.as_mut()?.take_listener(scheme, address);
            listeners(addresses, inherited, &mut take)
        };
        let http = open(Scheme::Http, &options.listen, &options.listen_fd)?;
        let https = open(Scheme::Https, &options.listen_tls, &options.listen_tls_fd)?;
        if http.is_empty() && https.is_empty() {
            bail!("nowhere to listen: give --listen or --listen-fd");
        }
        // Only now: whoever could bind the address is the one edge, and may replace a dead one's socket.
        let control = match (&options.control, options.control_fd) {
            (Some(path), _) => match predecessor.and_then(Predecessor::take_control) {
                Some(taken) => Some(taken),
                None => Some(bind_control(path, options.owner())?),
            },
            (None, Some(number)) => {
                let fd =
                    descriptor::adopt(number).with_context(|| format!("taking over descriptor {number}"))?;
                Some(UnixListener::from(fd))
            }
            (None, None) => None,
        };
        Ok(Self { http, https, control })
    }

    /// Hands them to the runtime that is current.
    pub fn into_tokio(self) -> std::io::Result<TokioSockets> {
        let in_tokio = |sockets: Vec<TcpListener>| -> std::io::Result<Vec<_>> {
            let sockets = sockets.into_iter().map(|socket| {
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket)
            });
            sockets.collect()
        };
        let control = self.control.map(|socket| {
            socket.set_nonblocking(true)?;
            tokio::net::UnixListener::from_std(socket)
        });
        Ok(TokioSockets {
            http: in_tokio(self.http)?,
            https: in_tokio(self.https)?,
            control: control.transpose()?,
        })
    }
}

fn listeners(
    addresses: &[SocketAddr],
    inherited: &[i32],
    take: &mut dyn FnMut(SocketAddr) -> Option<TcpListener>,
) -> anyhow::Result<Vec<TcpListener>> {
    let bound = addresses
        .iter()
        .map(|address| take(*address).map_or_else(|| bind(*address), Ok));
    let inherited = inherited.iter().map(|number| {
        let fd = descriptor::adopt(*number).with_context(|| format!("taking over descriptor {number}"))?;
        Ok(TcpListener::from(fd))
    });
    bound.chain(inherited).collect()
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("listening on {address}"))
        .map_err(
            |error| match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(ErrorKind::AddrInUse) => {
                    let port = address.port();
                    error.context(format!(
                        "something else listens there already; `ss -ltnp sport = :{port}` shows what"
                    ))
                }
                Some(ErrorKind::PermissionDenied) => {
                    error.context("ports below 1024 take root or CAP_NET_BIND_SERVICE")
                }
                _ => error,
            },
        )
}

/// Only the user who starts the edge may command it. The socket is born that way and never touched by its path
/// again: its directory belongs to the edge's later user, who could put a link in its place.
fn bind_control(path: &Path, owner: Option<Owner>) -> anyhow::Result<UnixListener> {
    directory_for(path, owner)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing the former socket {}", path.display()));
        }
        _ => {}
    }
    let former = umask(Mode::RWXG | Mode::RWXO);
    let socket = UnixListener::bind(path);
    umask(former);
    socket.with_context(|| format!("making the control socket {}", path.display()))
}

/// Each connection takes two descriptors, and the usual soft limit is 1024. Staying at it is no reason to fail.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
