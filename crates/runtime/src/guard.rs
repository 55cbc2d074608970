//! Containers that stand still must not stand still for ever: who froze them may be killed before thawing them.

use crate::container::ContainerName;
use crate::state;
use std::io::{self, Read};
use std::path::Path;

/// Containers could not be kept from standing still.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The pipe from the one who freezes.
    #[error("cannot read standard input: {source}")]
    Read {
        /// Why.
        source: io::Error,
    },
    /// Some containers stand still for good.
    #[error("cannot let {} go on: {cause}", names.join(", "))]
    Thaw {
        /// Which.
        names: Vec<String>,
        /// What the last of them said.
        cause: String,
    },
}

/// Waits until `freezer` gives a byte, which says that it has thawed its containers, or ends, which says that it is
/// dead: then thaws all that still exist.
///
/// # Errors
/// When a container cannot be thawed; the others are.
pub fn guard(root: &Path, ids: &[ContainerName], mut freezer: impl Read) -> Result<(), GuardError> {
    let mut word = [0];
    let count = freezer
        .read(&mut word)
        .map_err(|source| GuardError::Read { source })?;
    if count > 0 {
        return Ok(());
    }
    let mut failed = Vec::new();
    let mut cause = String::new();
    for id in ids {
        // One that is gone needs nothing.
        let Ok(state) = state::load(root, id) else {
            continue;
        };
        if let Err(error) = state.cgroup.thaw() {
            failed.push(id.to_string());
            cause = error.to_string();
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(GuardError::Thaw { names: failed, cause })
    }
}
