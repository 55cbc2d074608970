//! Runtime operations: commands of the project that people start in a running container (spec 1.15).
//!
//! One runs as an activity of its environment, so nothing is deployed under it. It is not run a second time when
//! guise was stopped meanwhile: nobody knows how far it came.

use crate::{
    Platform, PlatformError,
    activity::Report,
    attended::{self, Attended, Failure, Kind},
    desired::{Component, Life},
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus},
    task::Task,
    task_step::TaskStep,
};
use guise_config::Operation;
use std::time::Duration;

/// Time between SIGTERM and SIGKILL.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// A runtime operation as people look at it.
#[derive(Debug, Clone)]
pub struct OperationView {
    /// The app it belongs to.
    pub app: String,
    /// Its configuration.
    pub operation: Operation,
}

/// An operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("operation {operation} of {component} {failure}")]
pub(crate) struct OperationFailed {
    operation: String,
    component: String,
    failure: Box<Failure>,
}

impl Platform {
    /// The runtime operations of what an environment runs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn operations(&self, environment: &EnvironmentRecord) -> Result<Vec<OperationView>, PlatformError> {
        let deployed = self.deployed(environment)?;
        let components = deployed.into_iter().flat_map(|desired| desired.components);
        Ok(components
            .filter_map(|component| match component.life {
                Life::App { operations, .. } => Some((component.name, operations)),
                Life::Worker | Life::Service { .. } => None,
            })
            .flat_map(|(app, operations)| {
                operations.into_iter().map(move |operation| OperationView {
                    app: app.clone(),
                    operation,
                })
            })
            .collect())
    }

    /// Queues a run of an operation: in the app that has it, or in one of its workers.
    ///
    /// # Errors
    /// When the environment does not run, or has no such operation, or several apps have it and `app` names none.
    pub fn run_operation(
        &self,
        environment: &EnvironmentRecord,
        operation: &str,
        app: Option<&str>,
        worker: Option<&str>,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "operated")?;
        let view = self.find_operation(environment, operation, app)?;
        let component = match worker {
            Some(worker) => format!("{}--{worker}", view.app),
            None => view.app.clone(),
        };
        self.find_component(environment, &component)?;
        let description = format!("Run operation {operation} of {component} in {}", environment.name);
        let task = Task::Operation {
            app: view.app,
            operation: operation.into(),
            component,
        };
        self.submit("environment.operation", environment, &description, &task)
    }

    fn find_operation(
        &self,
        environment: &EnvironmentRecord,
        name: &str,
        app: Option<&str>,
    ) -> Result<OperationView, PlatformError> {
        let views = self.operations(environment)?;
        let wanted =
            |view: &&OperationView| view.operation.name == name && app.is_none_or(|app| view.app == app);
        let found: Vec<&OperationView> = views.iter().filter(wanted).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            several => Err(PlatformError::UnknownOperation {
                environment: environment.name.clone(),
                given: name.into(),
                times: several.len(),
                known: views
                    .iter()
                    .map(|view| format!("{} of {}", view.operation.name, view.app))
                    .collect(),
            }),
        }
    }

    fn find_component(
        &self,
        environment: &EnvironmentRecord,
        name: &str,
    ) -> Result<Component, PlatformError> {
        let deployed = self.deployed(environment)?;
        let mut components = deployed.map(|desired| desired.components).unwrap_or_default();
        let found = components.iter().position(|component| component.name == name);
        match found {
            Some(place) => Ok(components.swap_remove(place)),
            None => Err(PlatformError::UnknownContainer {
                environment: environment.name.clone(),
                given: name.into(),
                known: components.into_iter().map(|component| component.name).collect(),
            }),
        }
    }

    /// Runs an operation to its end.
    pub(crate) fn run_queued_operation(
        &self,
        environment: &EnvironmentRecord,
        (app, name): (&str, &str),
        component: &str,
        report: &Report,
    ) -> Result<(), crate::deploy::DeployError> {
        if environment.asleep {
            self.run_wake(environment, report)?;
        }
        let operation = self.find_operation(environment, name, Some(app))?.operation;
        let component = self.find_component(environment, component)?;
        let run = Attended {
            node: self.node(),
            component: &component,
            report,
            kind: Kind::Operation,
            name,
            start: &operation.start,
            stop: operation.stop.as_deref(),
            shutdown: SHUTDOWN,
            timeout: Duration::from_secs(operation.timeout),
        };
        let step = TaskStep::RunOperation {
            component: &component.name,
            operation: name,
        };
        report.step(&step, || {
            run.run(&mut |text| report.line(&format!("  {text}")))
                .map_err(|failure| {
                    let operation = name.into();
                    let component = component.name.clone();
                    OperationFailed {
                        operation,
                        component,
                        failure: Box::new(failure),
                    }
                    .into()
                })
        })
    }

    /// Ends what is left of an operation that a stopped daemon did not see to its end.
    pub(crate) fn end_left_operation(
        &self,
        environment: &EnvironmentRecord,
        component: &str,
        report: &Report,
    ) -> Result<(), crate::deploy::DeployError> {
        let component = self.find_component(environment, component)?;
        attended::end_left(self.node(), &component, Kind::Operation, report.id());
        Err(PlatformError::Interrupted.into())
    }
}
