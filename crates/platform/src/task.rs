//! What an activity does to an environment, as plain data: recorded before it runs, and run again after a crash.
//!
//! Every task compares before it acts, so one that is run twice, or from its middle on, ends where it would have.

use crate::{
    Platform, PlatformError,
    activity::{Job, Report},
    carry_out::StepError,
    deploy::{DeployError, Reason},
    store::{ActivityRecord, ActivityState, EnvironmentRecord},
    strategy::Strategy,
};
use guise_model::{BackupId, DeploymentId};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering},
    time::Instant,
};

/// Something that changes one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "task")]
pub(crate) enum Task {
    /// Deploy a commit.
    Deploy {
        /// The commit.
        commit: String,
        /// Why.
        reason: Reason,
        /// How, unless as the environment is set.
        #[serde(default)]
        strategy: Option<Strategy>,
    },
    /// Show what deploying a commit would do.
    Plan {
        /// The commit.
        commit: String,
    },
    /// Give an inactive environment its parent's data, if `clone_parent`, and deploy its branch.
    Activate {
        /// Whether it gets its parent's data.
        clone_parent: bool,
        /// The commit, if not the head of its branch.
        #[serde(default)]
        commit: Option<String>,
    },
    /// Remove all that runs and all data; the branch stays.
    Deactivate,
    /// Deactivate, then delete the branch too.
    Delete {
        /// Whether git has deleted it already. One of the same name is another one then.
        #[serde(default)]
        branch_is_gone: bool,
    },
    /// Stop all that runs; data stays.
    Pause,
    /// Stop all that runs until somebody asks for it.
    Sleep {
        /// Only if nobody needs it when the task's turn comes.
        if_idle: bool,
    },
    /// Start what sleeps.
    Wake,
    /// Start a paused environment.
    Resume,
    /// Start what ran before the machine was booted.
    Revive,
    /// Bring parent's code, parent's data, or both into an environment.
    Synchronize {
        /// Merge the parent's branch into this one.
        code: bool,
        /// Replace this one's data by a clone of the parent's.
        data: bool,
    },
    /// Merge an environment's branch into its parent's and deploy the parent. Belongs to the parent.
    Merge {
        /// The child whose branch is merged.
        child: String,
    },
    /// Back an environment up.
    Backup {
        /// The id that the backup gets.
        backup: BackupId,
        /// Whether requests go on meanwhile.
        live: bool,
        /// When it may be deleted; `None` for one that nobody but a person deletes.
        expires_at: Option<String>,
    },
    /// Delete a backup. Belongs to the environment that it is of.
    DeleteBackup {
        /// The backup.
        backup: BackupId,
    },
    /// Write a backup to a directory. Belongs to the environment that it is of.
    ExportBackup {
        /// The backup.
        backup: BackupId,
        /// The directory, absolute.
        directory: String,
    },
    /// Make a backup from a directory.
    ImportBackup {
        /// The id that the backup gets.
        backup: BackupId,
        /// The directory, absolute.
        directory: String,
    },
    /// Replace an environment's data by a backup's and deploy.
    Restore {
        /// The backup.
        backup: BackupId,
        /// Deploy what ran when it was made, not what runs now.
        code: bool,
    },
    /// Deploy what an earlier deployment ran.
    Rollback {
        /// The deployment.
        deployment: DeploymentId,
        /// A backup to restore with it.
        backup: Option<BackupId>,
    },
    /// Run a runtime operation.
    Operation {
        /// The app whose it is.
        app: String,
        /// Its name.
        operation: String,
        /// The app or worker in whose container it runs.
        component: String,
    },
    /// Run a source operation and deploy what it commits.
    SourceOperation {
        /// Its name.
        operation: String,
        /// `env:NAME` and values that its environment gets besides.
        variables: BTreeMap<String, String>,
    },
    /// End an operation that was under way when guise was stopped.
    EndOperation {
        /// The app or worker in whose container it ran.
        component: String,
    },
    /// End a source operation that was under way when guise was stopped.
    EndSourceOperation,
}

impl Task {
    /// Whether an environment runs what it shall once this is done, whatever it ran before.
    pub(crate) fn decides_what_runs(&self) -> bool {
        !matches!(
            self,
            Self::Plan { .. }
                | Self::Backup { .. }
                | Self::DeleteBackup { .. }
                | Self::ExportBackup { .. }
                | Self::ImportBackup { .. }
                | Self::Operation { .. }
                | Self::EndOperation { .. }
        )
    }

    /// What is to be done when guise was stopped in the middle of it.
    fn interrupted(self) -> Self {
        match self {
            Self::Operation { component, .. } => Self::EndOperation { component },
            Self::SourceOperation { .. } => Self::EndSourceOperation,
            other => other,
        }
    }
}

impl Platform {
    /// Queues a task behind those of the same environment.
    pub(crate) fn submit(
        &self,
        kind: &str,
        environment: &EnvironmentRecord,
        description: &str,
        task: &Task,
    ) -> Result<ActivityRecord, PlatformError> {
        let job = self.job(environment.clone(), task.clone());
        let target = Some((&environment.project, Some(environment.name.as_str())));
        let (queue, parameters) = (environment.key(), serde_json::json!(task));
        Ok(self
            .activities()
            .submit(&queue, kind, target, description, parameters, job)?)
    }

    /// Queues again what a stopped daemon left unfinished.
    pub(crate) fn resume_tasks(&self) -> Result<(), PlatformError> {
        for activity in self.store().unfinished_activities()? {
            if self.resume_cron(&activity)? || self.resume_deletion(&activity)? {
                continue;
            }
            let task = serde_json::from_value::<Task>(activity.parameters.clone());
            let environment = match (&activity.project, &activity.environment) {
                (Some(project), Some(name)) => self.store().environment(project, name)?,
                _ => None,
            };
            let (task, environment) = match (task, environment) {
                (Ok(task), Some(environment)) if activity.state == ActivityState::InProgress => {
                    (task.interrupted(), environment)
                }
                (Ok(task), Some(environment)) => (task, environment),
                (task, _) => {
                    // An environment that is gone was deleted, by this very task if that is what it was for.
                    let done = matches!(task, Ok(Task::Delete { .. }));
                    self.store()
                        .end_activity(&activity.id, ActivityState::Complete, done)?;
                    continue;
                }
            };
            tracing::info!(activity = %activity.id, "going on with an unfinished activity");
            let queue = environment.key();
            self.activities()
                .resume(&queue, &activity, self.job(environment, task));
        }
        Ok(())
    }

    fn job(&self, environment: EnvironmentRecord, task: Task) -> Job {
        let platform = self.clone();
        Box::new(move |report| {
            let begun = Instant::now();
            let _no_cron_starts = platform.hold_crons(&environment);
            // A poisoned lock guards no value.
            let upkeep = &platform.shared.upkeep;
            let _images_stay = upkeep.images.read().unwrap_or_else(PoisonError::into_inner);
            upkeep.stale.store(true, Ordering::Relaxed);
            let by_itself = matches!(task, Task::Sleep { .. } | Task::Backup { .. });
            let _keeps_awake = (!by_itself).then(|| platform.shared.attention.busy(&environment.key()));
            // What is queued may have waited: the environment is looked at again when its turn comes.
            let current = platform
                .store()
                .environment(&environment.project, &environment.name);
            let environment = current.ok().flatten().unwrap_or(environment);
            platform.look_at_disk(&environment, report);
            let outcome = platform.run(&environment, &task, report);
            if !matches!(task, Task::Sleep { .. } | Task::Wake) {
                platform.settle_gate(&environment);
            }
            platform.reset_sleep_watch();
            match outcome {
                Ok(()) => {
                    report.line(&format!("Done in {:.1} s.", begun.elapsed().as_secs_f64()));
                    true
                }
                Err(error) => {
                    tell(report, &error);
                    false
                }
            }
        })
    }

    fn run(&self, environment: &EnvironmentRecord, task: &Task, report: &Report) -> Result<(), DeployError> {
        if self.is_being_deleted(&environment.project)? {
            let project = environment.project.clone();
            return Err(PlatformError::BeingDeleted { project }.into());
        }
        match task {
            Task::Deploy {
                commit,
                reason,
                strategy,
            } => self.deploy(environment, commit, *reason, *strategy, report),
            Task::Plan { commit } => self.run_plan(environment, commit, report),
            Task::Activate { clone_parent, commit } => {
                self.run_activate(environment, *clone_parent, commit.as_deref(), report)
            }
            Task::Deactivate => self.run_deactivate(environment, report),
            Task::Delete { branch_is_gone } => self.run_delete(environment, *branch_is_gone, report),
            Task::Pause => self.run_pause(environment, report),
            Task::Sleep { if_idle } => self.run_sleep(environment, *if_idle, report),
            Task::Wake => self.run_wake(environment, report),
            Task::Resume => self.deploy_head(environment, report),
            Task::Revive => self.run_revive(environment, report),
            Task::Synchronize { code, data } => self.run_synchronize(environment, *code, *data, report),
            Task::Merge { child } => self.run_merge(environment, child, report),
            Task::Backup {
                backup,
                live,
                expires_at,
            } => self.run_backup(environment, backup, *live, expires_at.as_ref(), report),
            Task::DeleteBackup { backup } => self.run_delete_backup(backup, report),
            Task::ExportBackup { backup, directory } => self.run_export(backup, directory, report),
            Task::ImportBackup { backup, directory } => {
                self.run_import(environment, backup, directory, report)
            }
            Task::Restore { backup, code } => self.run_restore(environment, backup, *code, report),
            Task::Rollback { deployment, backup } => {
                self.run_rollback(environment, deployment, backup.as_ref(), report)
            }
            Task::Operation {
                app,
                operation,
                component,
            } => self.run_queued_operation(environment, (app, operation), component, report),
            Task::SourceOperation { operation, variables } => {
                self.run_queued_source_operation(environment, operation, variables, report)
            }
            Task::EndOperation { component } => self.end_left_operation(environment, component, report),
            Task::EndSourceOperation => self.end_left_source_operation(environment, report),
        }
    }
}

/// Says why a task failed, and with what the reader can go on.
fn tell(report: &Report, error: &DeployError) {
    match error {
        DeployError::Configuration { rendered } => report.line(rendered),
        DeployError::Step(step) => {
            for line in step.log() {
                report.line(&format!("    {line}"));
            }
        }
        DeployError::Build(_) | DeployError::Platform(_) => {}
        // Nothing that runs was to be changed.
        DeployError::Operation(_) | DeployError::SourceOperation(_) => {
            return report.line(&format!("E: {error}"));
        }
    }
    report.line(&format!("E: {error}"));
    if !matches!(error, DeployError::Step(StepError::Cancelled)) {
        report.line("E: this failed; what ran before goes on.");
    }
}
