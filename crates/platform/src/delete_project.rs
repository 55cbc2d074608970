//! Deleting a project with all that it has. An activity like others, but of a project and not of one environment:
//! nothing else changes the project meanwhile, and it is the one record of the project that stays.

use crate::{
    Platform, PlatformError,
    activity::{Job, Report},
    cron::is_cron,
    store::{ActivityRecord, ActivityState, ProjectRecord},
    task_step::TaskStep,
};
use guise_model::ProjectId;
use std::{
    fs, io,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

const KIND: &str = "project.delete";
/// How often it is looked whether what began at the same moment has ended.
const LOOK: Duration = Duration::from_millis(50);

impl Platform {
    /// Deletes a project: its containers, its data, its repository, its records.
    ///
    /// # Errors
    /// [`PlatformError::Busy`] while an activity other than a cron changes it.
    pub fn delete_project(&self, project: &ProjectRecord) -> Result<ActivityRecord, PlatformError> {
        let unfinished = self.unfinished_of(&project.id)?;
        if let Some(activity) = unfinished.iter().find(|activity| !is_cron(activity)) {
            return Err(PlatformError::Busy {
                project: project.title.clone(),
                activity: activity.id.to_string(),
            });
        }
        Ok(self.activities().submit(
            project.id.as_str(),
            KIND,
            Some((&project.id, None)),
            &format!("Delete project {}", project.title),
            serde_json::json!({}),
            self.deletion(project.clone()),
        )?)
    }

    /// Whether a project is to be deleted, which all else makes way for.
    pub(crate) fn is_being_deleted(&self, project: &ProjectId) -> Result<bool, PlatformError> {
        Ok(self.unfinished_of(project)?.iter().any(is_deletion))
    }

    /// Goes on with a deletion that guise was stopped in. Answers whether the activity is one.
    pub(crate) fn resume_deletion(&self, activity: &ActivityRecord) -> Result<bool, PlatformError> {
        if !is_deletion(activity) {
            return Ok(false);
        }
        let project = activity.project.as_ref();
        match project.map(|id| self.store().project(id)).transpose()?.flatten() {
            Some(project) => {
                let queue = project.id.clone();
                self.activities()
                    .resume(queue.as_str(), activity, self.deletion(project));
            }
            // It is done; only nobody has said so.
            None => self
                .store()
                .end_activity(&activity.id, ActivityState::Complete, true)?,
        }
        Ok(true)
    }

    fn deletion(&self, project: ProjectRecord) -> Job {
        let platform = self.clone();
        Box::new(move |report| {
            // A poisoned lock guards no value.
            let upkeep = &platform.shared.upkeep;
            let _images_stay = upkeep.images.read().unwrap_or_else(PoisonError::into_inner);
            upkeep.stale.store(true, Ordering::Relaxed);
            match platform.run_delete_project(&project, report) {
                Ok(()) => report.line(&format!("Deleted {} ({}).", project.title, project.id)),
                Err(ref error) => {
                    report.line(&format!("E: {error}"));
                    report.line("E: deleting it again goes on from here.");
                    return false;
                }
            }
            true
        })
    }

    fn run_delete_project(&self, project: &ProjectRecord, report: &Report) -> Result<(), PlatformError> {
        let id = &project.id;
        let environments = self.store().environments(id)?;
        let _no_cron_starts: Vec<_> = environments
            .iter()
            .map(|environment| self.hold_crons(environment))
            .collect();
        self.cancel_crons(&self.unfinished_of(id)?)?;
        self.await_others(id)?;
        for environment in &environments {
            self.stop(environment, report)?;
            self.delete_data(environment, report)?;
            self.remove_backups_of(environment, report)?;
        }
        self.delete_other_volumes(id, report)?;
        report.line("Deleting the repository");
        report.step(&TaskStep::DeleteRepository, || self.delete_repository(id))?;
        report.step(&TaskStep::Forget, || Ok(self.store().delete_project(id)?))
    }

    /// Waits for what began in the moment in which this was asked for; what begins later gives up by itself.
    fn await_others(&self, project: &ProjectId) -> Result<(), PlatformError> {
        let is_under_way = |activity: &ActivityRecord| {
            activity.state == ActivityState::InProgress && !is_deletion(activity) && !is_cron(activity)
        };
        while self.unfinished_of(project)?.iter().any(is_under_way) {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Deletes what belongs to no environment: what builds have kept, backups of environments that are gone.
    fn delete_other_volumes(&self, project: &ProjectId, report: &Report) -> Result<(), PlatformError> {
        let existing = self.node().volumes()?;
        for (component, volume) in &self.store().volumes(project, None)? {
            if existing.contains(volume) {
                report.step(&TaskStep::DeleteVolume { component, volume }, || {
                    self.node().volume_delete(volume).map_err(PlatformError::from)
                })?;
            }
        }
        for backup in self.store().backups(Some(project), None)? {
            let id = &backup.id;
            report.step(&TaskStep::DeleteBackup { backup: id }, || {
                self.remove_backup(&backup)
            })?;
        }
        // Before anybody forgets whose they were: a power cut brings back what was deleted just now.
        Ok(self.node().write_volumes_back()?)
    }

    fn delete_repository(&self, project: &ProjectId) -> Result<(), PlatformError> {
        let directory = self.project_directory(project);
        match fs::remove_dir_all(&directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PlatformError::File {
                operation: "remove",
                path: directory,
                source,
            }),
            _ => Ok(()),
        }
    }

    fn unfinished_of(&self, project: &ProjectId) -> Result<Vec<ActivityRecord>, PlatformError> {
        let mut unfinished = self.store().unfinished_activities()?;
        unfinished.retain(|activity| activity.project.as_ref() == Some(project));
        Ok(unfinished)
    }
}

fn is_deletion(activity: &ActivityRecord) -> bool {
    activity.kind == KIND
}
