//! `/run/config.json`: what an app is given, in one file (spec 1.7, F76). Start commands of JVMs read their heap's size there.

use crate::variables::{self, Runtime};
use guise_model::Limits;
use guise_node::RunFile;
use serde_json::json;

/// Where it is below `/run`. A change of it restarts nothing: all in it that concerns a running process is seen
/// elsewhere too.
pub(crate) const RUN_CONFIG_FILE: &str = "config.json";

/// The file. Memory is in MB (10^6 bytes), `cpu` in processors.
pub(crate) fn file(runtime: &Runtime<'_>, limits: Limits) -> RunFile {
    let content = json!({
        "info": {
            "limits": {
                "cpu": f64::from(limits.cpu_millis) / 1000.0,
                "memory": limits.memory_bytes / 1_000_000,
            },
        },
        "application": variables::application(runtime.app, runtime.tree),
        "relationships": runtime.relationships,
        "routes": runtime.routes,
        "variables": runtime.given.platform,
    });
    RunFile {
        path: RUN_CONFIG_FILE.into(),
        content: content.to_string(),
        // Passwords are in it.
        mode: 0o600,
    }
}
