//! What is left of a component that is gone from the configuration: a deployment never deletes data.

use super::{CarryOut, StepError};

impl CarryOut<'_> {
    /// Names the volumes of a removed component to whoever removed it.
    pub(super) fn tell_what_is_kept(&self, component: &str) -> Result<(), StepError> {
        let (project, environment) = (&self.environment.project, &self.environment.name);
        for (owner, volume) in self.store.volumes(project, Some(environment))? {
            if owner == component {
                self.report.line(&format!(
                    "    The data of {component} is kept (volume {volume}): a {component} that comes back finds it"
                ));
            }
        }
        Ok(())
    }
}
