//! Pushes that git took and nobody told of: the hook or the daemon was killed in between.
//!
//! git is asked for the heads of all branches, and each is compared with what activities were about. What is missing
//! is queued as if the hook had told it, but without the push's options, which git does not keep. A branch that is
//! missing in git deletes nothing here: data goes only when somebody says so, and environments made from an imported
//! backup have no branch.

use crate::{
    Platform, PlatformError,
    push::RefUpdate,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus, ProjectRecord},
    task::Task,
};
use guise_model::{ActivityId, ProjectId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a push that was allowed may take until its hook tells of it; git writes its objects meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// Projects with a push that was allowed and that no hook has told of yet, and since when.
#[derive(Debug, Default)]
pub(crate) struct Expected(Mutex<HashMap<ProjectId, Instant>>);

impl Expected {
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<ProjectId, Instant>) -> T) -> T {
        // A poisoned lock guards nothing half done: each change is one call.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those that are overdue; they are expected no longer.
    fn overdue(&self, now: Instant) -> Vec<ProjectId> {
        self.change(|expected| {
            let is_overdue = |since: &Instant| now.duration_since(*since) > PATIENCE;
            let overdue = expected.extract_if(|_, since| is_overdue(since));
            overdue.map(|(project, _)| project).collect()
        })
    }
}

impl Platform {
    pub(crate) fn expect_push(&self, project: &ProjectId) {
        let expected = &self.shared.upkeep.pushes;
        expected.change(|expected| expected.insert(project.clone(), Instant::now()));
    }

    pub(crate) fn push_arrived(&self, project: &ProjectId) {
        self.shared
            .upkeep
            .pushes
            .change(|expected| expected.remove(project));
    }

    /// Queues what git has taken in any project and no activity is about.
    pub(crate) fn catch_up_with_git(&self) -> Result<(), PlatformError> {
        for project in self.store().projects()? {
            // One repository that cannot be read keeps no other project from running.
            if let Err(error) = self.catch_up(&project) {
                tracing::error!(project = %project.id, %error, "cannot look for pushes that nobody told of");
            }
        }
        Ok(())
    }

    /// The same for projects with a push whose hook should have told of it by now.
    pub(crate) fn catch_up_with_overdue_pushes(&self) -> Result<(), PlatformError> {
        for project in self.shared.upkeep.pushes.overdue(Instant::now()) {
            if let Some(project) = self.store().project(&project)? {
                self.catch_up(&project)?;
            }
        }
        Ok(())
    }

    fn catch_up(&self, project: &ProjectRecord) -> Result<(), PlatformError> {
        let mut missed = Vec::new();
        for (branch, commit) in self.repository(&project.id).heads()? {
            if !self.is_known(project, &branch, &commit)? {
                missed.push(RefUpdate {
                    old: None,
                    new: Some(commit),
                    name: format!("refs/heads/{branch}"),
                });
            }
        }
        if !missed.is_empty() {
            tracing::info!(project = %project.id, ?missed, "git has taken what nobody told of");
            self.push_received(&project.id, &missed, &[])?;
        }
        Ok(())
    }

    /// Whether some activity is or was about the head of a branch, or none needs to be.
    fn is_known(&self, project: &ProjectRecord, branch: &str, commit: &str) -> Result<bool, PlatformError> {
        let Some(environment) = self.store().environment(&project.id, branch)? else {
            return Ok(false);
        };
        Ok(environment.head_commit.as_deref() == Some(commit)
            || environment.status == EnvironmentStatus::Inactive && branch != project.default_branch
            || self.moves_branch(&environment)?
            || self.store().has_activity_about(&project.id, branch, commit)?)
    }

    /// Whether an activity is under way that itself changes the branch, and deploys what comes of it.
    fn moves_branch(&self, environment: &EnvironmentRecord) -> Result<bool, PlatformError> {
        let unfinished = self.unfinished_tasks(environment)?;
        Ok(unfinished.iter().any(|(_, task)| {
            matches!(
                task,
                Task::Merge { .. } | Task::Synchronize { code: true, .. } | Task::Delete { .. }
            )
        }))
    }

    /// The activity that deletes an environment, if one does.
    pub(crate) fn deletion_of(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Option<ActivityId>, PlatformError> {
        let mut unfinished = self.unfinished_tasks(environment)?.into_iter();
        let deletion = unfinished.find(|(_, task)| matches!(task, Task::Delete { .. }));
        Ok(deletion.map(|(activity, _)| activity.id))
    }

    /// Whether an environment that does not run yet soon will.
    pub(crate) fn is_being_activated(&self, environment: &EnvironmentRecord) -> Result<bool, PlatformError> {
        let unfinished = self.unfinished_tasks(environment)?;
        Ok(unfinished
            .iter()
            .any(|(_, task)| matches!(task, Task::Activate { .. })))
    }

    /// The activity that already waits or runs for a pushed commit.
    pub(crate) fn queued_push(
        &self,
        environment: &EnvironmentRecord,
        pushed: &str,
    ) -> Result<Option<ActivityRecord>, PlatformError> {
        let mut unfinished = self.unfinished_tasks(environment)?.into_iter().rev();
        let last = unfinished.find(|(activity, _)| activity.kind == "environment.push");
        Ok(last.and_then(|(activity, task)| match task {
            Task::Deploy { commit, .. }
            | Task::Activate {
                commit: Some(commit), ..
            } if commit == pushed => Some(activity),
            _ => None,
        }))
    }

    /// What waits or runs for an environment, oldest first.
    fn unfinished_tasks(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<(ActivityRecord, Task)>, PlatformError> {
        let of_environment = self
            .store()
            .unfinished_activities()?
            .into_iter()
            .filter(|activity| {
                activity.project.as_ref() == Some(&environment.project)
                    && activity.environment.as_deref() == Some(&environment.name)
            });
        let tasks = of_environment.filter_map(|activity| {
            let task = serde_json::from_value(activity.parameters.clone()).ok()?;
            Some((activity, task))
        });
        Ok(tasks.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_overdue_once_and_only_if_its_hook_did_not_tell() {
        let expected = Expected::default();
        let project = |letter: char| ProjectId::new(letter.to_string().repeat(13)).unwrap();
        let begun = Instant::now();
        for letter in ['a', 'b'] {
            expected.change(|expected| expected.insert(project(letter), begun));
        }
        expected.change(|expected| expected.remove(&project('a')));
        assert_eq!(expected.overdue(begun + PATIENCE), []);
        let late = begun + PATIENCE + Duration::from_secs(1);
        assert_eq!(expected.overdue(late), [project('b')]);
        assert_eq!(expected.overdue(late), []);
    }
}
