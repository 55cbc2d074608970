//! The edge's control socket.
//!
//! A unix stream socket. guised sends one [`Command`] as JSON on a line and reads one [`Reply`] on a line, any
//! number of times. The edge keeps the last table in a file, so its own restart loses nothing.

use guise_access::HttpAccess;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{SocketAddr, SocketAddrV4},
};

/// What guised says to the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// Replaces the routes of one environment. Does not change whether its requests are held.
    Routes {
        /// Key of the environment: `project/branch`.
        environment: String,
        /// Its routes.
        routes: Vec<Route>,
    },
    /// Replaces the routes of one environment, and waits for the requests that go by the old ones. New requests go
    /// by the new routes at once, also those that were held. Answered [`Reply::Held`] once the former have ended or
    /// `drain_ms` have passed.
    Switch {
        /// Key of the environment: `project/branch`.
        environment: String,
        /// Its routes.
        routes: Vec<Route>,
        /// How long to wait for requests under way, in milliseconds.
        drain_ms: u64,
    },
    /// Replaces what an environment's hosts are served with over TLS. Connections that there are go on as they are.
    Secure {
        /// Key of the environment: `project/branch`.
        environment: String,
        /// Its hosts.
        hosts: Vec<SecureHost>,
    },
    /// Replaces what is shown to a certificate authority that looks whether a host is ours. Not kept across a restart.
    Prove {
        /// All of them.
        proofs: Vec<Proof>,
    },
    /// Forgets an environment. Held requests are answered 404.
    Forget {
        /// Key of the environment.
        environment: String,
    },
    /// From now on new requests to the environment wait. Answered [`Reply::Held`] once the requests under way
    /// have ended or `drain_ms` have passed. A held request waits `patience_ms` at most, then is answered 503.
    Hold {
        /// Key of the environment.
        environment: String,
        /// How long to wait for requests under way, in milliseconds.
        drain_ms: u64,
        /// How long a request is held, in milliseconds.
        patience_ms: u64,
    },
    /// From now on the environment sleeps: who asks for it waits, and [`Command::AwaitVisitor`] is told. Answered
    /// [`Reply::Held`] like a hold. Said of one that sleeps already, those who wait count as new visitors.
    Sleep {
        /// Key of the environment.
        environment: String,
        /// How long to wait for requests under way, in milliseconds.
        drain_ms: u64,
        /// How long a visitor waits, in milliseconds.
        patience_ms: u64,
        /// Whether it has just failed to wake: visitors are told so for a while, and do not wait.
        failed: bool,
    },
    /// Waits until somebody asks for environments that sleep. Answered [`Reply::Visited`] with those that were not
    /// told of since they fell asleep. While a connection waits so, the edge believes that somebody wakes them.
    AwaitVisitor,
    /// Asks how long nobody has asked for each environment. Answered [`Reply::Idle`].
    Idle,
    /// Lets the held requests of an environment go, by its routes as they are now.
    Release {
        /// Key of the environment.
        environment: String,
    },
    /// Forgets every environment that is not named: the first thing a restarted guised says.
    Retain {
        /// Keys of the environments to keep.
        environments: Vec<String>,
    },
    /// Asks for the edge's condition.
    Status,
    /// Asks for the listening sockets, for another edge that is to take this one's place. They are sent one by one, each
    /// with a byte that says what arrives there; then [`Reply::HandedOver`]. Changes nothing yet.
    HandOver,
    /// Says that another edge serves now. This one listens no more, finishes what it has begun, and ends; it still obeys
    /// over the connections that there are, since it may hold requests.
    Retire,
    /// Ends the edge once the requests under way have ended, ten seconds at most.
    Stop,
}

/// What the edge answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// Done.
    Ok,
    /// The hold is in force, or the switch is done.
    Held {
        /// Requests that were still under way when `drain_ms` had passed.
        under_way: u32,
    },
    /// Somebody waits for these environments to wake.
    Visited {
        /// Their keys.
        environments: Vec<String>,
    },
    /// How long no request was under way, nor a WebSocket open, in milliseconds, by the key of the environment.
    Idle {
        /// Those that the edge knows.
        environments: BTreeMap<String, u64>,
    },
    /// The edge's condition.
    Status {
        /// Its process id.
        pid: u32,
        /// Its version.
        version: String,
        /// How many environments it serves.
        environments: u32,
        /// Where requests arrive.
        #[serde(default)]
        listen: Vec<SocketAddr>,
        /// Where requests arrive over TLS.
        #[serde(default)]
        listen_tls: Vec<SocketAddr>,
        /// Whether another edge has taken its place.
        #[serde(default)]
        retired: bool,
    },
    /// The sockets were sent.
    HandedOver {
        /// What brings an edge with the same table to the same state.
        commands: Vec<Command>,
    },
    /// The command was not understood.
    Error {
        /// Why.
        message: String,
    },
}

/// What a host is served with over TLS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecureHost {
    /// Host, lower case, without port; may begin with `*.`.
    pub host: String,
    /// The certificate and the chain to its issuer, as PEM.
    pub chain: String,
    /// Its key, as PEM.
    pub key: String,
    /// What is asked of clients.
    #[serde(default)]
    pub terms: Terms,
}

/// The key is nobody's to print.
impl std::fmt::Debug for SecureHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SecureHost")
            .field("host", &self.host)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

/// What is asked of clients before they may speak to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// The oldest TLS that is spoken.
    pub min_version: TlsVersion,
    /// Whether clients show a certificate.
    pub client_authentication: Option<ClientAuthentication>,
    /// Who may have issued it, as PEM.
    pub client_authorities: Vec<String>,
}

/// A version of TLS. Older ones are not spoken at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// They may.
    Request,
    /// They must.
    Require,
}

/// How a client speaks to the edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    /// As in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// One route as the edge serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// How clients ask for it. A table that an older edge wrote knows `http` only.
    #[serde(default)]
    pub scheme: Scheme,
    /// Host, lower case, without port: `main-bvxea6i-abcdefgh12345.localhost`.
    pub host: String,
    /// Path prefix, starting with `/`; the longest that matches on a segment boundary wins.
    pub path: String,
    /// What is done with a request.
    pub action: Action,
    /// The URL as written, for `X-Original-Route`: `https://{default}/`.
    pub original_url: String,
    /// Whether answers ask search engines to stay away.
    #[serde(default = "yes")]
    pub restrict_robots: bool,
    /// Who may see it; `None` for everybody.
    #[serde(default)]
    pub access: Option<HttpAccess>,
    /// Paths that lead elsewhere.
    #[serde(default)]
    pub redirects: Vec<PartialRedirect>,
    /// `Strict-Transport-Security` of answers over TLS, instead of what the container says; `None` to leave that.
    #[serde(default)]
    pub strict_transport_security: Option<String>,
}

/// A redirect of some of a route's paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRedirect {
    /// Which paths.
    pub from: RedirectFrom,
    /// An absolute URL, or a path of the same host. With a pattern, `$1` and the like stand for what it matched.
    pub to: String,
    /// 301, 302, 307 or 308.
    pub code: u16,
    /// For how many seconds clients may keep it; `None` to say nothing of that.
    pub expires: Option<u64>,
}

/// Which paths are redirected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectFrom {
    /// One path.
    Path(String),
    /// A path and all below it.
    Below {
        /// The path.
        path: String,
        /// Whether what follows it is appended to the target.
        append_suffix: bool,
    },
    /// Those that a regular expression matches.
    Pattern(String),
}

/// A table that an older edge wrote restricts robots.
fn yes() -> bool {
    true
}

/// What the edge does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Hands it to a container.
    Upstream {
        /// Where the container's nginx listens.
        address: SocketAddrV4,
        /// How its answers are kept; `None` if they are not.
        #[serde(default)]
        caching: Option<Caching>,
    },
    /// Hands it to a site outside of the project.
    Proxy {
        /// Its URL. One with a path stands for the route's own path; without a path, the client's path is kept.
        to: String,
    },
    /// Answers 301 to `to` plus what follows the route's path, and the query.
    Redirect {
        /// Target, absolute, without a trailing slash.
        to: String,
    },
}

/// What makes a difference to the answers of a route that keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caching {
    /// Names of request headers.
    pub headers: Vec<String>,
    /// Names of cookies, or `/expressions/` for them. With `*` a request that has any cookie is never answered by what
    /// is kept.
    pub cookies: Vec<String>,
    /// For how many seconds answers without `Cache-Control` are kept.
    pub default_ttl: u64,
}

/// What is shown for a host to a certificate authority (ACME, RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The host, lower case.
    pub host: String,
    /// What.
    pub shown: Shown,
}

/// Where an authority looks, and what it sees there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Shown {
    /// `http-01`: text at `/.well-known/acme-challenge/TOKEN`.
    Http {
        /// The end of the path.
        token: String,
        /// The text.
        text: String,
    },
    /// `tls-alpn-01`: a certificate, to one who speaks `acme-tls/1` (RFC 8737).
    Tls {
        /// The certificate, as PEM.
        chain: String,
        /// Its key, as PEM.
        key: String,
    },
}

/// The key is nobody's to print.
impl std::fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Http { .. } => "Http",
            Self::Tls { .. } => "Tls",
        };
        formatter.debug_struct(name).finish_non_exhaustive()
    }
}
