//! Source operations: commands of the project that change its code (spec 1.15).
//!
//! They run over a clone of the environment's branch; what they commit becomes the branch's new head and is built and
//! deployed like a push. Like runtime operations they are not run a second time after a crash, but what one had
//! brought into the branch is deployed.

use crate::{
    Platform, PlatformError,
    activity::Report,
    assemble::build_files,
    build::{BuildFailure, LIMITS},
    deploy::{DeployError, Reason, fresh_container_id},
    effective::Phase,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus},
    task::Task,
    task_step::TaskStep,
    variables,
};
use guise_build::{BuildError, Source, SourceCommand, SourceError};
use guise_config::{App, SourceOperation};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A source operation as people look at it.
#[derive(Debug, Clone)]
pub struct SourceOperationView {
    /// The app it belongs to.
    pub app: String,
    /// Its configuration.
    pub operation: SourceOperation,
}

/// The file that commits come in; removed when dropped.
struct Bundle(PathBuf);

impl Drop for Bundle {
    fn drop(&mut self) {
        // The next operation of the environment writes it anew.
        let _ = fs::remove_file(&self.0);
    }
}

impl Platform {
    /// The source operations of an environment's head.
    ///
    /// # Errors
    /// When it has no commit, or its configuration is not valid.
    pub fn source_operations(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<SourceOperationView>, PlatformError> {
        let commit = self.head(environment)?;
        let config =
            self.read_configuration(environment, &commit)
                .map_err(|error| PlatformError::Configuration {
                    environment: environment.name.clone(),
                    reason: error.to_string(),
                })?;
        Ok(config
            .apps
            .iter()
            .flat_map(|app| {
                app.source_operations.iter().map(|operation| SourceOperationView {
                    app: app.name.to_string(),
                    operation: operation.clone(),
                })
            })
            .collect())
    }

    /// Queues a run of a source operation, in each app that has it. `variables` are `env:NAME` and their values.
    ///
    /// # Errors
    /// When no app of the environment's head has the operation, or a variable is of another kind.
    pub fn run_source_operation(
        &self,
        environment: &EnvironmentRecord,
        operation: &str,
        variables: BTreeMap<String, String>,
    ) -> Result<ActivityRecord, PlatformError> {
        let views = self.source_operations(environment)?;
        if !views.iter().any(|view| view.operation.name == operation) {
            return Err(PlatformError::UnknownOperation {
                environment: environment.name.clone(),
                given: operation.into(),
                times: 0,
                known: views.into_iter().map(|view| view.operation.name).collect(),
            });
        }
        if let Some(given) = variables.keys().find(|name| !name.starts_with("env:")) {
            return Err(PlatformError::BadVariable { given: given.clone() });
        }
        let description = format!("Run source operation {operation} on {}", environment.name);
        let task = Task::SourceOperation {
            operation: operation.into(),
            variables,
        };
        self.submit("environment.source-operation", environment, &description, &task)
    }

    /// Runs a source operation, and builds and deploys what it committed.
    pub(crate) fn run_queued_source_operation(
        &self,
        environment: &EnvironmentRecord,
        operation: &str,
        variables: &BTreeMap<String, String>,
        report: &Report,
    ) -> Result<(), DeployError> {
        let head = self.head(environment)?;
        let bundle = self
            .config()
            .state
            .join("projects")
            .join(environment.project.as_str());
        let bundle = Bundle(bundle.join(format!("operation-{}.bundle", report.id())));
        let new = report.step(&TaskStep::RunSourceOperation { operation }, || {
            self.commits_of(environment, &head, operation, variables, &bundle.0, report)
        })?;
        let Some(new) = new else {
            report.line("The operation committed nothing.");
            return Ok(());
        };
        let repository = self.repository(&environment.project);
        repository.take_in(&bundle.0, &head, &new)?;
        // As before a push is taken: a commit that cannot be deployed does not become the branch's.
        self.read_configuration(environment, &new)?;
        let branch = environment.name.as_str();
        report.step(&TaskStep::MoveBranch { branch, commit: &new }, || {
            repository
                .move_branch(branch, &head, &new)
                .map_err(DeployError::from)
        })?;
        let subject = repository.subject(&new)?;
        report.line(&format!(
            "{branch} is now {}: {subject}",
            new.get(..7).unwrap_or(&new)
        ));
        self.deploy_if_active(environment, &new, report)
    }

    /// Deploys what an interrupted source operation brought into the branch.
    pub(crate) fn end_left_source_operation(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        let head = self.head(environment)?;
        if environment.head_commit.as_ref() == Some(&head) {
            return Err(PlatformError::Interrupted.into());
        }
        self.deploy_if_active(environment, &head, report)
    }

    fn deploy_if_active(
        &self,
        environment: &EnvironmentRecord,
        commit: &str,
        report: &Report,
    ) -> Result<(), DeployError> {
        if environment.status != EnvironmentStatus::Active {
            report.line(&format!("{} does not run: nothing to deploy.", environment.name));
            return Ok(());
        }
        self.deploy(environment, commit, Reason::Push, None, report)
    }

    /// Runs the operation in each app that has it; answers the last commit it made, whose objects are in `bundle` then.
    fn commits_of(
        &self,
        environment: &EnvironmentRecord,
        head: &str,
        operation: &str,
        variables: &BTreeMap<String, String>,
        bundle: &Path,
        report: &Report,
    ) -> Result<Option<String>, DeployError> {
        let config = self.read_configuration(environment, head)?;
        let mut commands = Vec::new();
        for app in &config.apps {
            let wanted = |found: &&SourceOperation| found.name == operation;
            if let Some(found) = app.source_operations.iter().find(wanted) {
                commands.push(self.command(environment, app, &found.command, variables, report)?);
            }
        }
        let wait = || report.line("Waiting until other builds have ended");
        let permit = self
            .shared
            .builds
            .enter(&environment.project, report.cancelled(), wait);
        let _permit = permit.ok_or(SourceError::from(BuildError::Cancelled))?;
        let component = "build--source-operation";
        let (slot, _) = self.place(environment, component)?;
        let repository = self.repository(&environment.project);
        let source = Source {
            repository: repository.path(),
            branch: &environment.name,
            commit: head,
            slot,
            limits: LIMITS,
        };
        report.line(&format!("Running source operation {operation}"));
        let mut line = |text: &str| report.line(text);
        let made = source.run(self.node(), &commands, bundle, report.cancelled(), &mut line);
        self.store()
            .release_slot(&environment.project, &environment.name, component)?;
        Ok(made?)
    }

    fn command<'a>(
        &'a self,
        environment: &EnvironmentRecord,
        app: &'a App,
        command: &'a str,
        variables: &BTreeMap<String, String>,
        report: &Report,
    ) -> Result<SourceCommand<'a>, DeployError> {
        let project = self.project_by_id(&environment.project)?;
        let base = self.base(&app.runtime.name, &app.runtime.resolved, report)?;
        let recipe = self.recipe(app).map_err(BuildFailure::from)?;
        let seen = self.levels(environment)?.given(app, Phase::Build);
        let mut env = variables::at_build_time(&project, app, &seen, recipe.env());
        env.insert("PLATFORM_BRANCH".into(), environment.name.clone());
        let given = variables.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("env:")?;
            Some((name.to_owned(), value.clone()))
        });
        env.extend(given);
        Ok(SourceCommand {
            app: app.name.as_str(),
            directory: &app.source_root,
            command,
            env,
            base,
            recipe,
            cache: self.build_cache(&environment.project, &app.name)?,
            container: fresh_container_id(),
            files: build_files(recipe, app, &seen, LIMITS)?,
        })
    }
}
