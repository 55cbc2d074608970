//! What the edge is told when guised starts: the routes of all environments, and for which of them requests wait.

use crate::{
    Platform, PlatformError,
    cron::is_cron,
    desired::Component,
    store::{ActivityRecord, ActivityState, EnvironmentRecord, EnvironmentStatus, StepRecord},
};

impl Platform {
    /// Tells the edge the routes of every environment that runs. Requests that waited for what was being changed when
    /// guise was stopped wait on, also in an edge that has just begun: the activity lets them go at its end.
    pub(crate) fn restore_routes(&self) -> Result<(), PlatformError> {
        let mut environments = self.store().all_environments()?;
        environments.retain(|environment| environment.status == EnvironmentStatus::Active);
        self.edge()
            .retain(environments.iter().map(EnvironmentRecord::key).collect())?;
        let unfinished = self.store().unfinished_activities()?;
        for environment in environments {
            let Some(deployed) = self.deployed(&environment)? else {
                continue;
            };
            let address = |name: &str| {
                let component = deployed
                    .components
                    .iter()
                    .find(|component| component.name == name);
                component.map(Component::front)
            };
            let key = environment.key();
            self.edge().set_routes(&key, &deployed.routes, &address)?;
            if environment.asleep {
                self.edge().sleep(&key, false)?;
            } else if self.is_held(&environment, &unfinished)? {
                self.edge().hold(&key)?;
            } else {
                self.edge().release(&key)?;
            }
        }
        Ok(())
    }

    /// Whether one of these activities has an environment's requests wait.
    fn is_held(
        &self,
        environment: &EnvironmentRecord,
        unfinished: &[ActivityRecord],
    ) -> Result<bool, PlatformError> {
        let is_changing = |activity: &&ActivityRecord| {
            activity.state == ActivityState::InProgress && activity.is_of(environment) && !is_cron(activity)
        };
        for activity in unfinished.iter().filter(is_changing) {
            if holds(&self.store().steps(&activity.id)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether requests wait after these steps. One that has begun may have had its effect.
fn holds(steps: &[StepRecord]) -> bool {
    let last = steps
        .iter()
        .rev()
        .find_map(|step| match step.step["step"].as_str() {
            Some("hold") => Some(true),
            Some("release" | "switch_routes") => Some(false),
            _ => None,
        });
    last.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_wait_from_the_hold_to_the_release() {
        let journal = ["build", "hold", "clone_data", "release", "record"];
        let steps: Vec<_> = (1..)
            .zip(journal)
            .map(|(number, name)| StepRecord {
                number,
                step: json!({"step": name}),
                started_at: String::new(),
                completed_at: None,
            })
            .collect();
        let held: Vec<bool> = (0..=steps.len()).map(|done| holds(&steps[..done])).collect();
        assert_eq!(held, [false, false, true, true, false, false]);
    }
}
