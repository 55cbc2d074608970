//! Routes, placeholders still unfilled (spec 3.1).

use super::{PartialRedirect, RouteTls};
use guise_model::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A URL and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The URL, taken apart.
    pub url: RouteUrl,
    /// The URL as written.
    pub original: String,
    /// Where it leads.
    pub kind: RouteKind,
    /// Whether it is marked as the project's main one.
    pub primary: Option<bool>,
    /// A key for look-ups, unique in the project.
    pub id: Option<String>,
    /// Free attributes.
    pub attributes: BTreeMap<String, String>,
    /// What the edge may keep.
    pub cache: RouteCache,
    /// Paths that lead elsewhere.
    pub redirects: Vec<PartialRedirect>,
    /// What is asked of TLS.
    pub tls: RouteTls,
}

/// A route's URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteUrl {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// With `{default}` or `{all}` and a leading `*.` if written; lower case otherwise.
    pub host: String,
    /// Starts and ends with `/`.
    pub path: String,
}

/// The scheme of a route's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Scheme {
    Http,
    Https,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum RouteKind {
    /// To an app or service of the project.
    Upstream {
        /// The app or service.
        name: Name,
        /// Its endpoint; `http` for apps.
        endpoint: String,
    },
    /// Clients are sent elsewhere.
    Redirect {
        /// An absolute URL, placeholders still unfilled.
        to: String,
    },
    /// To a site outside of the project.
    Proxy {
        /// An absolute URL, placeholders still unfilled.
        to: String,
    },
}

/// What the edge may keep of the answers, in the shape of `PLATFORM_ROUTES` (spec 3.5, 3.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCache {
    /// Whether it keeps anything.
    pub enabled: bool,
    /// Request headers that are part of the key.
    pub headers: Vec<String>,
    /// Cookies that are part of the key; `*` for any.
    pub cookies: Vec<String>,
    /// Seconds for answers that say nothing themselves.
    pub default_ttl: u64,
}

impl Default for RouteCache {
    fn default() -> Self {
        Self {
            enabled: true,
            headers: vec!["Accept".into(), "Accept-Language".into()],
            cookies: vec!["*".into()],
            default_ttl: 0,
        }
    }
}
