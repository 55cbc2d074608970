//! What a machine can do.

use serde::{Deserialize, Serialize};

/// One thing that was checked on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at: `kernel`, `idmapped squashfs`, `mksquashfs`.
    pub name: String,
    /// Whether it will do.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// How to get what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}
