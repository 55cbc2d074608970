//! The typed model: what a configuration means once everything is checked, filled in and resolved.

mod app;
mod firewall;
mod json;
mod operation;
mod redirect;
mod route;
mod service;
mod tls;
mod web;

pub use app::{
    App, Build, BuildCache, Commands, Cron, Hooks, Mount, MountSource, Relationship, Runtime, Target,
    Variables, Worker,
};
pub use firewall::Firewall;
pub use operation::{Operation, Role, SourceOperation};
pub use redirect::{PartialRedirect, RedirectFrom};
pub use route::{Route, RouteCache, RouteKind, RouteUrl, Scheme};
pub use service::Service;
pub use tls::{ClientAuthentication, RouteTls, StrictTransportSecurity, TlsVersion};
pub use web::{Expires, Location, Passthru, Protocol, RequestBuffering, Rule, SocketFamily, Upstream, Web};

use serde::{Deserialize, Serialize};

/// All that one commit configures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Project {
    /// Its apps, in file order.
    pub apps: Vec<App>,
    /// Its services, in file order.
    pub services: Vec<Service>,
    /// Its routes, in file order; when none is written, the default one (spec 3.1).
    pub routes: Vec<Route>,
}
