//! Crons: commands that an app runs by itself at given times (spec 1.10).
//!
//! A thread looks at each minute which are due and queues an activity for each; the activities of one app's crons
//! have a queue of their own, so one runs at a time. [`gate`] keeps them and changes of the environment apart.

mod clock;
pub(crate) mod gate;
mod output;
mod run;
mod timetable;

use crate::{
    Platform, PlatformError,
    activity::{Job, Report},
    desired::{Crons, Life},
    step::Step,
    store::{ActivityRecord, ActivityState, EnvironmentRecord, EnvironmentStatus, EnvironmentType},
};
use gate::{Changing, Place, Waiting};
use guise_config::{Cron, CronSpec};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fs, time::Duration};
use timetable::Timetable;

/// The type of their activities (spec 5.3).
const KIND: &str = "environment.cron";
/// How many runs of a cron are kept, with their logs.
const KEPT_RUNS: u32 = 100;
/// What killing a run takes beyond its own time to stop.
const KILL_GRACE: Duration = Duration::from_secs(15);

/// What crons are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CronLimits {
    /// Least time between two starts of the same cron, in minutes. One that is due more often is left out.
    pub minimum_minutes: u32,
    /// Days after its last deployment when crons of an environment pause that is not production.
    pub pause_after_days: u32,
}

impl Default for CronLimits {
    fn default() -> Self {
        Self {
            minimum_minutes: 1,
            pause_after_days: 14,
        }
    }
}

/// A cron as people look at it.
#[derive(Debug, Clone)]
pub struct CronView {
    /// The app it runs in.
    pub app: String,
    /// Its configuration.
    pub cron: Cron,
    /// The time zone of its specification.
    pub timezone: String,
    /// When it is due next; `None` while it is paused, and for a day that never comes.
    pub next: Option<Timestamp>,
    /// Whether it is paused.
    pub paused: bool,
    /// Its last run, which may be under way.
    pub last: Option<ActivityRecord>,
}

/// Which cron an activity runs, as its recorded parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    app: String,
    cron: String,
}

impl Platform {
    /// The crons of what an environment runs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn crons(&self, environment: &EnvironmentRecord) -> Result<Vec<CronView>, PlatformError> {
        let now = Timestamp::now();
        let paused = !runs_crons(environment, self.config().crons.pause_after_days, now);
        let mut views = Vec::new();
        for (app, crons) in self.deployed_crons(environment)? {
            for cron in crons.jobs {
                let zone = crons.timezone.as_deref();
                let timetable = timetable(environment, &app, &cron, zone);
                let last = self.store().last_cron_run(environment, &app, &cron.name)?;
                views.push(CronView {
                    timezone: zone.unwrap_or("UTC").into(),
                    next: timetable
                        .filter(|_| !paused)
                        .and_then(|timetable| timetable.next(now)),
                    app: app.clone(),
                    cron,
                    paused,
                    last,
                });
            }
        }
        Ok(views)
    }

    /// The crons of what an environment runs, by app.
    fn deployed_crons(&self, environment: &EnvironmentRecord) -> Result<Vec<(String, Crons)>, PlatformError> {
        let deployed = self.deployed(environment)?;
        let components = deployed.into_iter().flat_map(|desired| desired.components);
        let crons = components.filter_map(|component| match component.life {
            Life::App { crons, .. } => Some((component.name, crons)),
            Life::Worker | Life::Service { .. } => None,
        });
        Ok(crons.collect())
    }

    /// Queues a run, unless one of the same cron waits already.
    fn submit_cron(
        &self,
        environment: &EnvironmentRecord,
        app: &str,
        cron: &str,
    ) -> Result<(), PlatformError> {
        let place = place(environment, app);
        let Some(waiting) = self.shared.crons.line_up(place, cron) else {
            return Ok(());
        };
        self.forget_old_runs(environment, app, cron)?;
        let run = Run {
            app: app.into(),
            cron: cron.into(),
        };
        let description = format!("Cron {cron} of {app} in {}", environment.name);
        let target = Some((&environment.project, Some(environment.name.as_str())));
        let (queue, parameters) = (queue(environment, app), serde_json::json!(run));
        let job = self.cron_job(environment.clone(), run, waiting);
        self.activities()
            .submit(&queue, KIND, target, &description, parameters, job)?;
        Ok(())
    }

    fn cron_job(&self, environment: EnvironmentRecord, run: Run, waiting: Waiting) -> Job {
        let platform = self.clone();
        Box::new(
            move |report| match platform.run_cron(&environment, &run, waiting, report) {
                Ok(success) => success,
                Err(error) => {
                    report.line(&format!("E: {error}"));
                    false
                }
            },
        )
    }

    /// Goes on with a run that a stopped daemon left unfinished: one that had not begun is run, one that had is ended.
    /// Answers whether the activity is a cron's.
    pub(crate) fn resume_cron(&self, activity: &ActivityRecord) -> Result<bool, PlatformError> {
        if !is_cron(activity) {
            return Ok(false);
        }
        let Some((environment, run)) = self.run_of(activity)? else {
            return Ok(false);
        };
        let queue = queue(&environment, &run.app);
        let waiting = self
            .shared
            .crons
            .line_up(place(&environment, &run.app), &run.cron);
        let job = match (activity.state, waiting) {
            (ActivityState::Pending, Some(waiting)) => self.cron_job(environment, run, waiting),
            _ => {
                let platform = self.clone();
                let job: Job = Box::new(move |report| {
                    platform.end_left_cron(&environment, &run, report);
                    false
                });
                job
            }
        };
        self.activities().resume(&queue, activity, job);
        Ok(true)
    }

    /// Removes the activities of a cron's runs beyond the last ones: one that is run each minute makes half a million a year.
    fn forget_old_runs(
        &self,
        environment: &EnvironmentRecord,
        app: &str,
        cron: &str,
    ) -> Result<(), PlatformError> {
        let forgotten = self.store().forget_cron_runs(environment, app, cron, KEPT_RUNS)?;
        for activity in forgotten {
            let log = self.config().state.join(format!("activities/{activity}.log"));
            if let Err(error) = fs::remove_file(&log) {
                tracing::debug!(%error, log = %log.display(), "an old log is not removed");
            }
        }
        Ok(())
    }

    /// No cron of an environment starts as long as the value lives.
    pub(crate) fn hold_crons(&self, environment: &EnvironmentRecord) -> Changing {
        self.shared.crons.change(&environment.key())
    }

    /// Cancels those of activities that are runs of crons, and waits for their end.
    pub(crate) fn cancel_crons(&self, activities: &[ActivityRecord]) -> Result<(), PlatformError> {
        for activity in activities.iter().filter(|activity| is_cron(activity)) {
            self.activities().cancel(&activity.id)?;
            let Some((environment, run)) = self.run_of(activity)? else {
                continue;
            };
            let (place, gate) = (place(&environment, &run.app), &self.shared.crons);
            if let Some(running) = gate.running(&place) {
                gate.await_end(&place, &activity.id, 2 * running.shutdown + KILL_GRACE);
            }
        }
        Ok(())
    }

    /// Which cron of which environment an activity runs.
    fn run_of(&self, activity: &ActivityRecord) -> Result<Option<(EnvironmentRecord, Run)>, PlatformError> {
        let run = serde_json::from_value(activity.parameters.clone()).ok();
        let environment = match (&activity.project, &activity.environment) {
            (Some(project), Some(name)) => self.store().environment(project, name)?,
            _ => None,
        };
        Ok(environment.zip(run))
    }

    /// Before steps disturb apps: waits for the crons that run in them.
    pub(crate) fn end_crons_disturbed_by(
        &self,
        steps: &[Step],
        environment: &EnvironmentRecord,
        report: &Report,
    ) {
        let disturbed: BTreeSet<&str> = steps
            .iter()
            .filter_map(|step| match step {
                Step::RemoveContainer { component, .. } | Step::SwapApp { component, .. } => {
                    Some(component.as_str())
                }
                _ => None,
            })
            .collect();
        for app in disturbed {
            self.end_cron(environment, app, report);
        }
    }

    /// Waits for the cron that runs in an app, if one does. It may take as long to end by itself as it may take to
    /// stop; then it is stopped. None follows while the environment is being changed.
    pub(crate) fn end_cron(&self, environment: &EnvironmentRecord, app: &str, report: &Report) {
        let (place, gate) = (place(environment, app), &self.shared.crons);
        let Some(running) = gate.running(&place) else {
            return;
        };
        let (cron, patience) = (&running.cron, running.shutdown);
        report.line(&format!(
            "Waiting for cron {cron} of {app} to end, {} s at most",
            patience.as_secs()
        ));
        if gate.await_end(&place, &running.activity, patience) {
            return;
        }
        report.line(&format!(
            "W: stopping cron {cron} of {app}: guise activity log {}",
            running.activity
        ));
        if let Err(error) = self.activities().cancel(&running.activity) {
            report.line(&format!("W: it is not stopped: {error}"));
        }
        gate.await_end(&place, &running.activity, 2 * patience + KILL_GRACE);
    }
}

/// Whether an activity is a cron's run.
pub(crate) fn is_cron(activity: &ActivityRecord) -> bool {
    activity.kind == KIND
}

fn place(environment: &EnvironmentRecord, app: &str) -> Place {
    Place {
        environment: environment.key(),
        app: app.into(),
    }
}

fn queue(environment: &EnvironmentRecord, app: &str) -> String {
    format!("cron {} {app}", environment.key())
}

/// Crons run where an environment is active and awake. Without a deployment for long, only production's do (spec 1.10).
fn runs_crons(environment: &EnvironmentRecord, pause_after_days: u32, now: Timestamp) -> bool {
    let patience = SignedDuration::from_hours(24 * i64::from(pause_after_days));
    environment.status == EnvironmentStatus::Active
        && !environment.asleep
        && (environment.kind == EnvironmentType::Production || deployed_within(environment, patience, now))
}

fn deployed_within(environment: &EnvironmentRecord, time: SignedDuration, now: Timestamp) -> bool {
    let deployed = environment.deployed_at.as_deref();
    let deployed: Option<Timestamp> = deployed.and_then(|time| time.parse().ok());
    deployed.is_some_and(|deployed| now.duration_since(deployed) < time)
}

/// When a cron is due; `None` when its specification, which an older guise took, is none. A time zone that this
/// machine does not know is UTC.
fn timetable(
    environment: &EnvironmentRecord,
    app: &str,
    cron: &Cron,
    zone: Option<&str>,
) -> Option<Timetable> {
    let spec = CronSpec::parse(&cron.spec).ok()?;
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok());
    let identity = format!("{}/{app}/{}", environment.key(), cron.name);
    Some(Timetable::new(&spec, &identity, zone.unwrap_or(TimeZone::UTC)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn crons_pause_a_while_after_the_last_deployment_but_for_productions() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let mut environment = store
            .create_environment(&project, "main", EnvironmentType::Production, None)
            .unwrap();
        environment.status = EnvironmentStatus::Active;
        environment.deployed_at = Some("2026-01-01T00:00:00Z".into());
        let runs =
            |environment: &EnvironmentRecord, now: &str| runs_crons(environment, 14, now.parse().unwrap());
        assert!(runs(&environment, "2026-02-01T00:00:00Z"));
        environment.kind = EnvironmentType::Development;
        assert!(runs(&environment, "2026-01-14T23:59:59Z"));
        assert!(!runs(&environment, "2026-01-15T00:00:00Z"));
        environment.kind = EnvironmentType::Production;
        environment.asleep = true;
        assert!(!runs(&environment, "2026-01-01T00:00:01Z"));
    }
}
