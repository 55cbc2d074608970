//! The way of a push: checked while git holds it in quarantine, deployed once git has accepted it.

use crate::{
    Platform, PlatformError,
    deploy::Reason,
    git::Repository,
    property::check_title,
    push_options::PushOptions,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus, EnvironmentType, ProjectRecord},
    task::Task,
    tree::CommitTree,
};
use guise_config::Colour;
use guise_model::{ProjectId, UserName};
use std::path::Path;

/// One ref that a push changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Object id before; `None` for a new ref.
    pub old: Option<String>,
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

impl Verdict {
    fn warn(&mut self, text: &str) {
        self.output.push_str(text);
        self.output.push('\n');
    }

    pub(crate) fn refuse(&mut self, reason: &str) {
        self.accepted = false;
        self.warn(&format!("E: {reason}"));
    }
}

/// What a push set off.
#[derive(Debug, Default)]
pub struct Received {
    /// Its activities, in order.
    pub activities: Vec<ActivityRecord>,
    /// What to tell the pushing person besides.
    pub output: String,
}

/// What a pushed commit becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// What an environment runs from now on.
    Deployed,
    /// What an environment begins with, which has not run yet.
    Started,
    /// Code that nothing runs.
    Stored,
}

impl Platform {
    /// Reads the options of a push, what its user may (the machine's root if there is none), and the configuration of what it would make of each environment. Nothing is
    /// changed.
    ///
    /// # Errors
    /// When the repository cannot be read. A bad option or configuration is a [`Verdict`], no error.
    pub fn check_push(
        &self,
        project: &ProjectId,
        user: Option<&UserName>,
        updates: &[RefUpdate],
        options: &[String],
        quarantine: Option<&Path>,
    ) -> Result<Verdict, PlatformError> {
        let project = self.project_by_id(project)?;
        let pusher = self.pusher(user, &project.id)?;
        let mut repository = self.repository(&project.id);
        if let Some(quarantine) = quarantine {
            repository = repository.in_quarantine(quarantine)?;
        }
        let mut verdict = Verdict {
            accepted: true,
            output: String::new(),
        };
        let options = match PushOptions::read(options) {
            Ok(options) => options,
            Err(error) => {
                verdict.refuse(&format!("{error}. Nothing was changed: the push is refused."));
                return Ok(verdict);
            }
        };
        for update in updates {
            let Some(branch) = update.branch() else {
                if let Some(pusher) = &pusher {
                    pusher.check_other(update, &mut verdict);
                }
                continue;
            };
            if let Some(pusher) = &pusher {
                let kind = self.type_of_branch(&project, branch, options.kind)?;
                pusher.check_branch(&repository, update, branch, kind, &mut verdict)?;
            }
            if update.new.is_none() && branch == project.default_branch {
                verdict.refuse(&format!(
                    "{branch} is the production environment of {} and cannot be deleted",
                    project.title
                ));
            }
            self.check_branch_update(&project, branch, &options, &mut verdict)?;
            if let Some(commit) = &update.new
                && self.becomes(&project, branch, &options)? != Becomes::Stored
            {
                self.check_configuration(&project, &repository, branch, commit, &mut verdict)?;
            }
        }
        if verdict.accepted {
            self.expect_push(&project.id);
        }
        Ok(verdict)
    }

    /// Whether a branch may be pushed or deleted, and with these options.
    fn check_branch_update(
        &self,
        project: &ProjectRecord,
        branch: &str,
        options: &PushOptions,
        verdict: &mut Verdict,
    ) -> Result<(), PlatformError> {
        let is_production = branch == project.default_branch;
        let known = self.store().environment(&project.id, branch)?;
        if let Some(environment) = &known
            && let Some(activity) = self.deletion_of(environment)?
        {
            verdict.refuse(&format!(
                "{branch} is being deleted by activity {activity}: push again when that has ended"
            ));
        }
        let is_active = known
            .as_ref()
            .is_some_and(|environment| environment.status != EnvironmentStatus::Inactive);
        if options.status == Some(EnvironmentStatus::Inactive) && (is_active || is_production) {
            verdict.refuse(&format!(
                "environment.status=inactive is for new branches, and {branch} runs: \
                 `guise environment deactivate {branch}` stops it and deletes its data"
            ));
        }
        if let Some(title) = &options.title
            && let Err(error) = check_title("environment.title", title)
        {
            verdict.refuse(&error.to_string());
        }
        match (&known, &options.parent) {
            (None, Some(parent)) if self.store().environment(&project.id, parent)?.is_none() => {
                verdict.refuse(&format!(
                    "there is no environment {parent} that could be a parent"
                ));
            }
            (Some(_), _) if options.is_about_a_new_environment() => {
                verdict.warn(&format!(
                    "W: {branch} is there already: of the push's options, those about a new environment change \
                     nothing. `guise environment info PROPERTY VALUE` does."
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the configuration of a pushed commit is valid.
    fn check_configuration(
        &self,
        project: &ProjectRecord,
        repository: &Repository,
        branch: &str,
        commit: &str,
        verdict: &mut Verdict,
    ) -> Result<(), PlatformError> {
        let tree = CommitTree::of(repository, commit)?;
        let loaded = guise_config::load(&tree, &self.types());
        if let Some(failure) = tree.failure() {
            return Err(failure.into());
        }
        let diagnostics = match &loaded {
            Ok(loaded) => &loaded.warnings,
            Err(diagnostics) => diagnostics,
        };
        verdict
            .output
            .push_str(&guise_config::render(diagnostics, Colour::Never));
        if let (Ok(loaded), Some(environment)) = (&loaded, self.store().environment(&project.id, branch)?) {
            for unfit in self.unfit_services(&environment, &loaded.project.services)? {
                verdict.refuse(&unfit.to_string());
            }
        }
        if loaded.is_err() {
            verdict.warn("");
            verdict.refuse(&format!(
                "the configuration of {branch} is not valid. Nothing was changed: the push is refused."
            ));
        }
        Ok(())
    }

    /// Queues what an accepted push asks for.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn push_received(
        &self,
        project: &ProjectId,
        updates: &[RefUpdate],
        options: &[String],
    ) -> Result<Received, PlatformError> {
        let project = self.project_by_id(project)?;
        // They were read before git took the push.
        let options = PushOptions::read(options).unwrap_or_default();
        let mut received = Received::default();
        for update in updates {
            let Some(branch) = update.branch() else { continue };
            match &update.new {
                Some(commit) => self.branch_pushed(&project, branch, commit, &options, &mut received)?,
                None => self.branch_deleted(&project, branch, &mut received)?,
            }
        }
        self.push_arrived(&project.id);
        Ok(received)
    }

    fn branch_pushed(
        &self,
        project: &ProjectRecord,
        branch: &str,
        commit: &str,
        options: &PushOptions,
        received: &mut Received,
    ) -> Result<(), PlatformError> {
        let becomes = self.becomes(project, branch, options)?;
        let environment = self.environment_for(project, branch, options)?;
        if let Some(queued) = self.queued_push(&environment, commit)? {
            received.activities.push(queued);
            return Ok(());
        }
        let task = match becomes {
            Becomes::Stored => {
                received.output.push_str(&format!(
                    "Environment {branch} is inactive: its code is stored, nothing runs. Activate it with\n  \
                     guise environment activate {branch}\n"
                ));
                return Ok(());
            }
            Becomes::Deployed => Task::Deploy {
                commit: commit.into(),
                reason: Reason::Push,
                strategy: options.strategy,
            },
            Becomes::Started => {
                self.store()
                    .set_status(&project.id, branch, EnvironmentStatus::Active)?;
                let clone_parent =
                    environment.clone_parent_on_create && self.has_parent(&environment, received)?;
                Task::Activate {
                    clone_parent,
                    commit: Some(commit.into()),
                }
            }
        };
        let subject = self.repository(&project.id).subject(commit)?;
        let description = format!("Push to {branch}: {subject}");
        received
            .activities
            .push(self.submit("environment.push", &environment, &description, &task)?);
        Ok(())
    }

    /// The environment of a branch that is gone from git goes too, with all its data (spec 5.2).
    fn branch_deleted(
        &self,
        project: &ProjectRecord,
        branch: &str,
        received: &mut Received,
    ) -> Result<(), PlatformError> {
        let Some(environment) = self.store().environment(&project.id, branch)? else {
            return Ok(());
        };
        if environment.kind == EnvironmentType::Production || self.deletion_of(&environment)?.is_some() {
            return Ok(());
        }
        let data = self.data_of(&environment)?;
        let backups = match self.backups(&environment)?.len() {
            0 => String::new(),
            1 => ", and its backup".into(),
            count => format!(", and its {count} backups"),
        };
        received.output.push_str(&format!(
            "Branch {branch} is deleted, and with it its environment: {data} deleted for good{backups}.\n"
        ));
        let description = format!("Delete {branch}, whose branch was deleted");
        let task = Task::Delete { branch_is_gone: true };
        received
            .activities
            .push(self.submit("environment.delete", &environment, &description, &task)?);
        Ok(())
    }

    /// What an environment has that is lost with it, in words.
    fn data_of(&self, environment: &EnvironmentRecord) -> Result<String, PlatformError> {
        let existing = self.node().volumes()?;
        let volumes = self
            .store()
            .volumes(&environment.project, Some(&environment.name))?;
        let mut owners: Vec<&str> = volumes
            .iter()
            .filter(|(_, volume)| existing.contains(volume))
            .map(|(component, _)| component.strip_prefix("storage--").unwrap_or(component))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        Ok(if owners.is_empty() {
            "it has no data that would be".into()
        } else {
            format!("the data of {} is", owners.join(" and "))
        })
    }

    /// What a push to a branch becomes. A branch that is new gets an environment that runs unless somebody says
    /// otherwise: docs/decisions/pushed-branches.md.
    fn becomes(
        &self,
        project: &ProjectRecord,
        branch: &str,
        options: &PushOptions,
    ) -> Result<Becomes, PlatformError> {
        use EnvironmentStatus::{Active, Inactive};
        let known = self.store().environment(&project.id, branch)?;
        Ok(match known {
            _ if branch == project.default_branch => Becomes::Deployed,
            None if options
                .status
                .map_or(project.push_activates, |status| status == Active) =>
            {
                Becomes::Started
            }
            None => Becomes::Stored,
            Some(known) if known.status == Inactive && options.status == Some(Active) => Becomes::Started,
            Some(known) if known.status == Inactive && self.is_being_activated(&known)? => Becomes::Deployed,
            Some(known) if known.status == Inactive => Becomes::Stored,
            // Its first deployment failed, perhaps before it had its parent's data.
            Some(known) if known.deployment.is_none() => Becomes::Started,
            Some(_) => Becomes::Deployed,
        })
    }

    /// The environment of a branch, made when missing.
    pub(crate) fn environment_for(
        &self,
        project: &ProjectRecord,
        branch: &str,
        options: &PushOptions,
    ) -> Result<EnvironmentRecord, PlatformError> {
        if let Some(known) = self.store().environment(&project.id, branch)? {
            return Ok(known);
        }
        let (kind, parent) = if branch == project.default_branch {
            (EnvironmentType::Production, None)
        } else {
            let parent = options.parent.as_deref().unwrap_or(&project.default_branch);
            (options.kind.unwrap_or(EnvironmentType::Development), Some(parent))
        };
        let made = self
            .store()
            .create_environment(&project.id, branch, kind, parent)?;
        if let Some(title) = &options.title {
            self.set_environment_property(&made, "title", title)?;
        }
        if let Some(clone_parent) = options.clone_parent {
            self.store()
                .set_environment_column(&made, "clone_parent_on_create", Some(&clone_parent))?;
        }
        self.environment(project, branch)
    }

    /// Whether there is a parent whose data could be cloned; tells when there is none.
    fn has_parent(
        &self,
        environment: &EnvironmentRecord,
        received: &mut Received,
    ) -> Result<bool, PlatformError> {
        let Some(parent) = &environment.parent else {
            return Ok(false);
        };
        let is_there = self.store().environment(&environment.project, parent)?.is_some();
        if !is_there {
            received.output.push_str(&format!(
                "W: {} begins without data: {parent} has never been pushed\n",
                environment.name
            ));
        }
        Ok(is_there)
    }
}
