//! What this machine can do, probed for real.

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `kernel`, `idmapped squashfs`, `mksquashfs`.
    pub name: String,
    /// Whether it will do.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What guise needs.
    pub need: String,
    /// How to get what is missing.
    pub remedy: Option<String>,
}

/// Examines the machine. Needs root for most probes and leaves nothing behind.
pub fn examine() -> Vec<Check> {
    todo!()
}
