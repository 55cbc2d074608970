//! What a configuration is made from.

use guise_config::{Location, Protocol, Web};

/// An app as nginx sees it, and where nginx finds and leaves things.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    /// Which URLs are answered how.
    pub locations: &'a [Location],
    /// The app's directory: `/app`.
    pub app_root: &'a str,
    /// Where the start command listens; `None` without one.
    pub upstream: Option<Upstream>,
    /// A second server of the same scripts, for requests that are debugged.
    pub debugger: Option<Debugger<'a>>,
    /// What it speaks there. An app that speaks FastCGI is a PHP app: its scripts are run.
    pub protocol: Protocol,
    /// What nginx listens on: `80`, `127.0.0.1:8080`.
    pub listen: &'a str,
    /// The access log.
    pub access_log: &'a str,
    /// The error log.
    pub error_log: &'a str,
    /// nginx's own table of media types: `/etc/nginx/mime.types`.
    pub mime_types: &'a str,
    /// Directory for large bodies; must exist and be writable.
    pub temp_dir: &'a str,
    /// Where nginx writes its process id.
    pub pid: &'a str,
}

impl<'a> Site<'a> {
    /// An app in its container, as the images lay it out.
    pub fn new(web: &'a Web, upstream: Option<Upstream>) -> Self {
        Self {
            locations: &web.locations,
            app_root: "/app",
            upstream,
            debugger: None,
            protocol: web.upstream.protocol,
            listen: "80",
            access_log: "/var/log/access.log",
            error_log: "/var/log/error.log",
            mime_types: "/etc/nginx/mime.types",
            temp_dir: "/tmp",
            pid: "/tmp/nginx.pid",
        }
    }
}

/// A FastCGI server for requests that carry a key, as a cookie or parameter of Xdebug's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debugger<'a> {
    /// The key.
    pub key: &'a str,
    /// The socket.
    pub socket: &'a str,
}

/// Where a start command listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// On a port of the container's loopback.
    Tcp(u16),
    /// On a unix socket.
    Unix(String),
}
