//! The rolling strategy: an app that would be disturbed gets a new container beside its old one.
//!
//! Both have the same volumes, each has an address and ids of its own: those of the slot that the component takes
//! besides its own. An app that moves takes with it those that know its address, so what moves is found by planning
//! until no more does. The plan sees that a component is wanted in another slot than it runs in, and does the rest.

use crate::{
    Platform,
    activity::Report,
    deploy::{Built, DeployError, fresh_container_id},
    desired::{ComponentKind, Desired},
    plan::{State, plan},
    step::Step,
    store::{EnvironmentRecord, ProjectRecord},
    strategy::Strategy,
};
use std::collections::BTreeSet;

/// What a plan would disturb.
#[derive(Debug, Default, PartialEq, Eq)]
struct Disturbed {
    /// Apps that serve at the moment.
    apps: BTreeSet<String>,
    /// A service that would have to be made anew, or that knows the address of an app.
    service: Option<String>,
}

impl Platform {
    /// Describes the environment that was built for, with the apps in other slots that are to roll.
    pub(crate) fn assemble_by(
        &self,
        strategy: Strategy,
        project: &ProjectRecord,
        environment: &EnvironmentRecord,
        built: &Built,
        state: &State,
        report: &Report,
    ) -> Result<Desired, DeployError> {
        let assemble = |moved: &BTreeSet<String>| {
            self.assemble(project, environment, &built.config, &built.images, moved)
        };
        let mut moved = BTreeSet::new();
        let mut desired = assemble(&moved)?;
        if strategy == Strategy::StopStart {
            return Ok(desired);
        }
        loop {
            let disturbed = disturbed(&desired, state);
            if let Some(service) = disturbed.service {
                report.line(&format!(
                    "W: requests wait, since this changes {service} too, which cannot run twice: stopstart, not rolling"
                ));
                return Ok(assemble(&BTreeSet::new())?);
            }
            if disturbed.apps.is_subset(&moved) {
                return Ok(desired);
            }
            moved.extend(disturbed.apps);
            desired = assemble(&moved)?;
        }
    }
}

/// What deploying `desired` would disturb of what serves.
fn disturbed(desired: &Desired, state: &State) -> Disturbed {
    let kind_of = |name: &str| {
        let component = desired.components.iter().find(|known| known.name == name);
        component.map(|component| component.kind)
    };
    let serves = |name: &str| {
        let mut of_component = state.containers.iter().filter(|actual| actual.component == name);
        of_component.any(|actual| actual.running)
    };
    let mut disturbed = Disturbed::default();
    for step in plan(&mut desired.clone(), state, fresh_container_id) {
        let (Step::CreateContainer { component, .. }
        | Step::SwapApp { component, .. }
        | Step::RestartApp { component, .. }
        | Step::Connect { component, .. }) = &step
        else {
            continue;
        };
        match kind_of(component) {
            Some(ComponentKind::Service) if serves(component) => disturbed.service = Some(component.clone()),
            // Names and allowed connections are changed while an app runs.
            Some(ComponentKind::App) if serves(component) && !matches!(step, Step::Connect { .. }) => {
                disturbed.apps.insert(component.clone());
            }
            _ => {}
        }
    }
    disturbed
}

/// Parts a plan where the environment is what it shall be: what comes then only clears away.
pub(crate) fn apart(mut steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    let switch = steps.iter().position(|step| *step == Step::SwitchRoutes);
    let afterwards = switch.map(|at| steps.split_off(at + 1)).unwrap_or_default();
    (steps, afterwards)
}

/// What a component's second slot is taken for. No component has a name like this.
pub(crate) fn beside(component: &str) -> String {
    format!("{component}~beside")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{carried_out, desired};
    use guise_model::Limits;

    fn disturbed_by(change: impl FnOnce(&mut Desired)) -> Disturbed {
        let state = carried_out(desired());
        let mut next = desired();
        change(&mut next);
        disturbed(&next, &state)
    }

    fn larger(limits: &mut Limits) {
        limits.memory_bytes *= 2;
    }

    #[test]
    fn an_app_that_would_be_made_anew_moves_and_nothing_else_does() {
        assert_eq!(disturbed_by(|_| {}), Disturbed::default());
        let of_app = disturbed_by(|next| larger(&mut next.components[1].spec.limits));
        assert_eq!(of_app.apps, BTreeSet::from(["app".to_string()]));
        assert_eq!(of_app.service, None);
        let of_nginx = disturbed_by(|next| next.components[1].spec.files[2].content = "new".into());
        assert_eq!(of_nginx, Disturbed::default());
    }

    #[test]
    fn a_service_that_would_be_made_anew_keeps_all_from_rolling() {
        let of_both = disturbed_by(|next| {
            larger(&mut next.components[0].spec.limits);
            larger(&mut next.components[1].spec.limits);
        });
        assert_eq!(of_both.service.as_deref(), Some("db"));
    }

    #[test]
    fn what_does_not_run_is_not_disturbed() {
        assert_eq!(disturbed(&desired(), &State::default()), Disturbed::default());
    }
}
