//! Redirects of single paths of a route (spec 3.3).

use serde::{Deserialize, Serialize};

/// A redirect of some of a route's paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRedirect {
    /// Which paths.
    pub from: RedirectFrom,
    /// Where they lead: an absolute URL, or a path of the same host. Placeholders are still unfilled.
    pub to: String,
    /// 301, 302, 307 or 308.
    pub code: u16,
    /// For how many seconds clients may keep it; `None` to say nothing of that.
    pub expires: Option<u64>,
}

/// Which paths are redirected. Query strings are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectFrom {
    /// One path.
    Path(String),
    /// A path and all below it.
    Below {
        /// The path.
        path: String,
        /// Whether what follows the path is appended to the target.
        append_suffix: bool,
    },
    /// Those that a regular expression matches; `$1` and the like in the target stand for what it matched.
    Pattern(String),
}
