//! The way of a push: checked while git holds it in quarantine, deployed once git has accepted it.

use crate::{
    Platform, PlatformError,
    deploy::Reason,
    store::{ActivityRecord, EnvironmentType, ProjectRecord},
    task::Task,
    tree::CommitTree,
};
use guise_config::Colour;
use guise_model::ProjectId;
use std::path::Path;

/// One ref that a push changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Object id after; `None` for a deleted ref.
    pub new: Option<String>,
    /// The ref.
    pub name: String,
}

impl RefUpdate {
    /// The branch it is, if it is one.
    fn branch(&self) -> Option<&str> {
        self.name.strip_prefix("refs/heads/")
    }
}

/// What a pushing person is told before git takes the push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether git may take it.
    pub accepted: bool,
    /// Warnings, or the reasons for a refusal.
    pub output: String,
}

/// What a push set off.
#[derive(Debug)]
pub struct Received {
    /// Its activities, in order.
    pub activities: Vec<ActivityRecord>,
    /// What to tell the pushing person besides.
    pub output: String,
}

impl Platform {
    /// Reads the configuration of what a push would make of each active environment. Nothing is changed.
    ///
    /// # Errors
    /// When the repository cannot be read. A bad configuration is a [`Verdict`], no error.
    pub fn check_push(
        &self,
        project: &ProjectId,
        updates: &[RefUpdate],
        quarantine: Option<&Path>,
    ) -> Result<Verdict, PlatformError> {
        let project = self.project_by_id(project)?;
        let mut repository = self.repository(&project.id);
        if let Some(quarantine) = quarantine {
            repository = repository.in_quarantine(quarantine)?;
        }
        let mut verdict = Verdict {
            accepted: true,
            output: String::new(),
        };
        for update in updates {
            let Some(branch) = update.branch() else { continue };
            let Some(commit) = &update.new else {
                if branch == project.default_branch {
                    verdict.accepted = false;
                    verdict.output.push_str(&format!(
                        "E: {branch} is the production environment of {} and cannot be deleted.\n",
                        project.title
                    ));
                }
                continue;
            };
            if !self.is_active(&project, branch)? {
                continue;
            }
            let tree = CommitTree::of(&repository, commit)?;
            let loaded = guise_config::load(&tree, &self.types());
            if let Some(failure) = tree.failure() {
                return Err(failure.into());
            }
            let (diagnostics, accepted) = match &loaded {
                Ok(loaded) => (&loaded.warnings, true),
                Err(diagnostics) => (diagnostics, false),
            };
            verdict
                .output
                .push_str(&guise_config::render(diagnostics, Colour::Never));
            if !accepted {
                verdict.accepted = false;
                verdict.output.push_str(&format!(
                    "\nE: the configuration of {branch} is not valid. Nothing was changed: the push is refused.\n"
                ));
            }
        }
        Ok(verdict)
    }

    /// Queues what an accepted push asks for.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn push_received(
        &self,
        project: &ProjectId,
        updates: &[RefUpdate],
    ) -> Result<Received, PlatformError> {
        let project = self.project_by_id(project)?;
        let mut received = Received {
            activities: Vec::new(),
            output: String::new(),
        };
        for update in updates {
            let Some(branch) = update.branch() else { continue };
            let Some(commit) = &update.new else {
                received
                    .output
                    .push_str(&format!("Branch {branch} is deleted; its environment is kept.\n"));
                continue;
            };
            let environment = self.environment_for(&project, branch)?;
            if !self.is_active(&project, branch)? {
                received.output.push_str(&format!(
                    "Environment {branch} is inactive: its code is stored, nothing runs. Activate it with\n  \
                     guise environment activate {branch}\n"
                ));
                continue;
            }
            let subject = self.repository(&project.id).subject(commit)?;
            let description = format!("Push to {branch}: {subject}");
            let task = Task::Deploy {
                commit: commit.clone(),
                reason: Reason::Push,
            };
            received
                .activities
                .push(self.submit("environment.push", &environment, &description, &task)?);
        }
        Ok(received)
    }

    /// Whether a push to a branch deploys: always for the default branch, else once its environment is active
    /// (spec 5.1).
    fn is_active(&self, project: &ProjectRecord, branch: &str) -> Result<bool, PlatformError> {
        use crate::store::EnvironmentStatus::Active;
        let environment = self.store().environment(&project.id, branch)?;
        Ok(branch == project.default_branch || environment.is_some_and(|known| known.status == Active))
    }

    /// The environment of a branch, made when missing.
    pub(crate) fn environment_for(
        &self,
        project: &ProjectRecord,
        branch: &str,
    ) -> Result<crate::store::EnvironmentRecord, PlatformError> {
        let (kind, parent) = if branch == project.default_branch {
            (EnvironmentType::Production, None)
        } else {
            (
                EnvironmentType::Development,
                Some(project.default_branch.as_str()),
            )
        };
        Ok(self
            .store()
            .create_environment(&project.id, branch, kind, parent)?)
    }
}
