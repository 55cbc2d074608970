//! The journal: an activity's steps, each recorded before its effect and after it.
//!
//! A daemon that dies in between runs the activity again from its start. Every step looks for what is done already,
//! so what the journal is for is people, and the crash test: it kills the daemon at each step found here.

use super::Report;
use crate::{fault::Moment, store::StoreError};
use serde::Serialize;
use std::sync::atomic::Ordering;

impl Report {
    /// Carries out a step, which is the activity's next one in the journal. `step` holds no secret: it is stored.
    ///
    /// # Errors
    /// The effect's, or the journal's: then the effect has not begun, or is not known to be done.
    pub(crate) fn step<T, E: From<StoreError>>(
        &self,
        step: &impl Serialize,
        effect: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let number = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let journaled = serde_json::to_string(step).unwrap_or_default();
        self.store.begin_step(&self.id, number, &journaled)?;
        self.strike(number, Moment::Before);
        let done = effect()?;
        self.strike(number, Moment::After);
        self.store.end_step(&self.id, number)?;
        Ok(done)
    }

    fn strike(&self, number: u32, moment: Moment) {
        if let Some(fault) = &self.fault {
            fault.strike(number, moment);
        }
    }
}
