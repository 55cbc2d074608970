//! `start`: letting the program of a created container begin.

use crate::container::ContainerName;
use crate::gate::{self, GateError};
use crate::hook::{HookError, Point, Told};
use crate::signal::{self, SignalError};
use crate::state::{self, StateError};
use std::path::Path;

/// A container could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The record.
    #[error(transparent)]
    State(#[from] StateError),
    /// The program.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A hook; the container was stopped.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// It could not be stopped after that.
    #[error(transparent)]
    Signal(#[from] SignalError),
}

const SIGKILL: i32 = 9;

/// Starts the program. A failure of a poststart hook stops the container (runtime.md, "Lifecycle", step 9).
///
/// # Errors
/// [`StartError`].
pub fn start(root: &Path, id: &ContainerName) -> Result<(), StartError> {
    let record = state::load(root, id)?;
    record.open_init(id)?;
    gate::open(&id.directory(root))?;
    let spec = state::load_config(root, id)?;
    let told = Told {
        record: &record,
        environment: None,
    };
    if let Err(error) = told.run(Point::Poststart, spec.hooks().as_ref()) {
        signal::send(&record, id, SIGKILL, true)?;
        return Err(error.into());
    }
    Ok(())
}
