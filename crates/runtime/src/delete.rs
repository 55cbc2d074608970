//! `delete`: removing all that a container left.

use crate::cgroup::CgroupError;
use crate::container::ContainerName;
use crate::hook::{Point, Told};
use crate::report;
use crate::state::{self, State, StateError, Status};
use std::path::Path;

/// A container could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The record.
    #[error(transparent)]
    State(#[from] StateError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// It still runs.
    #[error("container is {status:?}; stop it first, or use --force")]
    Running {
        /// What it does.
        status: Status,
    },
}

/// Removes a container: with `force` also one that runs, that was half made, or that is not there at all.
///
/// # Errors
/// [`DeleteError`].
pub fn delete(root: &Path, id: &ContainerName, force: bool) -> Result<(), DeleteError> {
    let state = match state::load(root, id) {
        Ok(state) => state,
        // Killed between reserving the name and writing the record: there is nothing but the name.
        Err(StateError::Missing { .. } | StateError::Parse { .. }) if force => {
            return Ok(state::remove(root, id)?);
        }
        Err(error) => return Err(error.into()),
    };
    let status = state.status(&id.directory(root));
    if !force && !matches!(status, Status::Stopped | Status::Created) {
        return Err(DeleteError::Running { status });
    }
    let spec = state::load_config(root, id).ok();
    end(&state)?;
    state::unmount(&state)?;
    state::remove(root, id)?;
    let told = Told {
        record: &state,
        environment: None,
    };
    for error in told.run_all(
        Point::Poststop,
        spec.as_ref().and_then(|spec| spec.hooks().as_ref()),
    ) {
        // The container is gone all the same (runtime.md, "Lifecycle", step 13).
        report::warn(&format!("delete {id}: {error}"));
    }
    Ok(())
}

/// Everything in the group is the container's; with PID 1 the rest of its pid namespace would go too, but it may have joined one.
fn end(state: &State) -> Result<(), CgroupError> {
    if state.cgroup.exists() {
        state.cgroup.kill()?;
        state.cgroup.remove()?;
    }
    Ok(())
}
