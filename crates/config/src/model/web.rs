//! How an app is served: upstream and locations (spec 1.4, 1.5).

use super::Commands;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `web` part of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// What it runs.
    pub commands: Commands,
    /// How nginx speaks to what it runs.
    pub upstream: Upstream,
    /// Which URLs it answers, in file order.
    pub locations: Vec<Location>,
    /// Whether the container's root directory is moved (legacy; always shown as false).
    pub move_to_root: bool,
}

/// How nginx speaks to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Upstream {
    pub socket_family: SocketFamily,
    pub protocol: Protocol,
}

/// Where the start command listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketFamily {
    /// On `$PORT`.
    Tcp,
    /// On `$SOCKET`.
    Unix,
}

/// What it speaks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Protocol {
    Http,
    Fastcgi,
}

/// A URL prefix and how requests below it are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The prefix, starting with `/`.
    pub path: String,
    /// Directory of files relative to `/app`, without slashes at the ends (empty for `/app` itself);
    /// `None` when no files are served.
    pub root: Option<String>,
    /// What happens to requests without an allowed file.
    pub passthru: Passthru,
    /// Files that answer for a directory.
    pub index: Vec<String>,
    /// How long clients may keep files.
    pub expires: Expires,
    /// Whether files that no rule matches are served.
    pub allow: bool,
    /// Whether PHP files are run (on PHP apps).
    pub scripts: bool,
    /// Headers of files.
    pub headers: BTreeMap<String, String>,
    /// How request bodies are taken.
    pub request_buffering: RequestBuffering,
    /// Exceptions, in file order; the first that matches counts.
    pub rules: Vec<Rule>,
}

/// An exception from a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// PCRE, searched for in the URL's path.
    pub pattern: String,
    /// Overrides [`Location::allow`].
    pub allow: Option<bool>,
    /// Overrides [`Location::passthru`].
    pub passthru: Option<Passthru>,
    /// Overrides [`Location::expires`].
    pub expires: Option<Expires>,
    /// Overrides [`Location::scripts`].
    pub scripts: Option<bool>,
    /// Replaces [`Location::headers`] entirely.
    pub headers: Option<BTreeMap<String, String>>,
}

/// What happens to a request for which there is no allowed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passthru {
    /// It is refused.
    No,
    /// The app gets it.
    Yes,
    /// This URI answers it instead: a front controller.
    To(String),
}

/// How long clients may keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expires {
    /// Not at all.
    Never,
    /// So many milliseconds.
    AfterMillis(u64),
}

/// How request bodies are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestBuffering {
    /// Whether a body is taken whole before the app gets it.
    pub enabled: bool,
    /// Largest body, in bytes.
    pub max_request_bytes: u64,
}

impl Default for RequestBuffering {
    /// `250m` as the documentation has it.
    fn default() -> Self {
        Self {
            enabled: true,
            max_request_bytes: 250 * 1024 * 1024,
        }
    }
}
