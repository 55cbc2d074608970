//! Environments sleep when nobody needs them, and wake for the first visitor.
//!
//! One that sleeps has no containers; its data, routes and deployment stay. The edge counts when it was last asked for
//! and tells of visitors; this side decides. Like all that changes an environment, both ways are tasks.

mod after;
mod attention;

pub use after::{SleepAfter, SleepDefaults};
pub(crate) use attention::Attention;
pub use attention::Busy;

use crate::{
    Platform, PlatformError,
    activity::Report,
    deploy::DeployError,
    store::{ActivityRecord, EnvironmentRecord, EnvironmentStatus},
    task::Task,
    task_step::TaskStep,
};
use std::{collections::BTreeMap, convert::Infallible, time::Duration};

/// How often it is looked whether environments are idle, at most and at least.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long an edge that does not answer is left alone.
const EDGE_PAUSE: Duration = Duration::from_secs(1);
const SLEEP: &str = "environment.sleep";
const WAKE: &str = "environment.wake";

impl Platform {
    /// Starts the threads that put idle environments to sleep and wake those that are asked for.
    pub fn keep_sleep(&self) {
        let platform = self.clone();
        let watch = std::thread::spawn(move || platform.put_to_sleep());
        // A second call finds the first one's thread, which serves both.
        let _ = self.shared.sleep_watch.set(watch.thread().clone());
        let platform = self.clone();
        std::thread::spawn(move || platform.wake_for_visitors());
    }

    /// Looks anew when environments are to sleep: a setting was changed, or another one is awake.
    pub(crate) fn reset_sleep_watch(&self) {
        if let Some(watch) = self.shared.sleep_watch.get() {
            watch.unpark();
        }
    }

    fn put_to_sleep(&self) {
        loop {
            let pause = self.look_for_idle().unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot look which environments are idle");
                LOOK.1
            });
            std::thread::park_timeout(pause);
        }
    }

    fn wake_for_visitors(&self) {
        loop {
            let Err(error) = self.attend();
            tracing::warn!(%error, "nobody is woken for a moment");
            std::thread::sleep(EDGE_PAUSE);
        }
    }

    /// After how long an environment sleeps: its own setting, or that of its type.
    pub fn sleep_after(&self, environment: &EnvironmentRecord) -> SleepAfter {
        let own = environment
            .sleep_after
            .as_deref()
            .and_then(|text| text.parse().ok());
        own.unwrap_or_else(|| self.config().sleep.of(environment.kind))
    }

    /// Puts an environment to sleep at once.
    ///
    /// # Errors
    /// [`PlatformError::WrongStatus`] when it does not run.
    pub fn sleep(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.submit_sleep(environment, false)
    }

    fn submit_sleep(
        &self,
        environment: &EnvironmentRecord,
        if_idle: bool,
    ) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "put to sleep")?;
        let description = format!("Put {} to sleep", environment.name);
        self.submit(SLEEP, environment, &description, &Task::Sleep { if_idle })
    }

    /// Wakes an environment.
    ///
    /// # Errors
    /// [`PlatformError::WrongStatus`] when it does not sleep because it was stopped.
    pub fn wake(&self, environment: &EnvironmentRecord) -> Result<ActivityRecord, PlatformError> {
        self.must_be(environment, &[EnvironmentStatus::Active], "woken")?;
        let description = format!("Wake {}", environment.name);
        self.submit(WAKE, environment, &description, &Task::Wake)
    }

    /// Wakes an environment if it sleeps, and keeps it awake as long as the value lives.
    ///
    /// # Errors
    /// [`PlatformError::NotAwake`] when it does not wake.
    pub fn rouse(&self, environment: &EnvironmentRecord) -> Result<Busy, PlatformError> {
        let busy = self.shared.attention.busy(&environment.key());
        if environment.asleep {
            let activity = self.wake(environment)?.id;
            while !self
                .activities()
                .log(&activity, usize::MAX, LOOK.1)
                .is_ok_and(|log| log.ended)
            {}
            let ended = self.store().activity(&activity)?;
            if ended.is_none_or(|ended| ended.success != Some(true)) {
                let environment = environment.name.clone();
                return Err(PlatformError::NotAwake {
                    environment,
                    activity,
                });
            }
        }
        Ok(busy)
    }

    pub(crate) fn run_sleep(
        &self,
        environment: &EnvironmentRecord,
        if_idle: bool,
        report: &Report,
    ) -> Result<(), DeployError> {
        if !environment.asleep {
            let SleepAfter(after) = self.sleep_after(environment);
            let idle = self.idle_of(environment, &self.edge().idle().map_err(PlatformError::from)?);
            if if_idle && after.is_none_or(|after| idle < after) {
                report.line("Somebody has come meanwhile: it stays awake.");
                return Ok(self
                    .edge()
                    .release(&environment.key())
                    .map_err(PlatformError::from)?);
            }
            report.step(&TaskStep::Sleep, || {
                self.edge().sleep(&environment.key(), false)?;
                self.store()
                    .set_environment_column(environment, "asleep", Some(&true))
                    .map_err(PlatformError::from)
            })?;
        }
        Ok(self.close(environment, report)?)
    }

    pub(crate) fn run_wake(
        &self,
        environment: &EnvironmentRecord,
        report: &Report,
    ) -> Result<(), DeployError> {
        let woken = if environment.asleep {
            self.wake_deployed(environment, report)
        } else {
            Ok(())
        };
        if woken.is_err() {
            self.close(environment, report)?;
            report.step(&TaskStep::Sleep, || {
                self.edge()
                    .sleep(&environment.key(), true)
                    .map_err(PlatformError::from)
            })?;
            return woken;
        }
        report.step(&TaskStep::Release, || {
            self.edge()
                .release(&environment.key())
                .map_err(PlatformError::from)
        })?;
        Ok(())
    }

    /// Starts what ran when it was put to sleep. It is the same deployment, in new containers.
    fn wake_deployed(&self, environment: &EnvironmentRecord, report: &Report) -> Result<(), DeployError> {
        let (Some(mut deployed), Some(deployment)) = (self.deployed(environment)?, &environment.deployment)
        else {
            return Ok(());
        };
        report.step(&TaskStep::Hold, || {
            self.edge().hold(&environment.key()).map_err(PlatformError::from)
        })?;
        self.run_again(&mut deployed, environment, report)?;
        report.step(&TaskStep::Wake, || {
            Ok(self.store().woken(environment, deployment, &deployed)?)
        })
    }

    /// After a task that changed what the edge holds: who sleeps still, sleeps, and nobody waits for any other. A task
    /// that guise was stopped in may find nothing left to do where it held requests.
    pub(crate) fn settle_gate(&self, environment: &EnvironmentRecord) {
        let now = self.store().environment(&environment.project, &environment.name);
        let Ok(Some(now)) = now else { return };
        let settled = match now.asleep {
            true => self.edge().sleep(&now.key(), false).map(drop),
            false if now.status == EnvironmentStatus::Active => self.edge().release(&now.key()),
            false => Ok(()),
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "the edge does not know whether an environment sleeps");
        }
    }

    /// How long nobody needed an environment. One that the edge does not know is not idle: nothing is known of it.
    fn idle_of(&self, environment: &EnvironmentRecord, asked: &BTreeMap<String, Duration>) -> Duration {
        let key = environment.key();
        let site = asked.get(&key).copied().unwrap_or(Duration::ZERO);
        site.min(self.shared.attention.idle(&key))
    }

    /// Puts to sleep what has been idle long enough; answers when to look again.
    fn look_for_idle(&self) -> Result<Duration, PlatformError> {
        let (least, most) = LOOK;
        let mut wakeful = self.store().all_environments()?;
        wakeful.retain(|environment| {
            environment.status == EnvironmentStatus::Active
                && !environment.asleep
                && environment.deployment.is_some()
        });
        if wakeful.is_empty() {
            return Ok(most);
        }
        let asked = self.edge().idle()?;
        let busy = self.store().unfinished_activities()?;
        let mut again = most;
        for environment in wakeful {
            let SleepAfter(Some(after)) = self.sleep_after(&environment) else {
                continue;
            };
            let left = after.saturating_sub(self.idle_of(&environment, &asked));
            again = again.min(left);
            if left.is_zero() && !busy.iter().any(|activity| activity.is_of(&environment)) {
                self.submit_sleep(&environment, true)?;
            }
        }
        Ok(again.clamp(least, most))
    }

    /// Waits for visitors, and wakes what they ask for.
    fn attend(&self) -> Result<Infallible, PlatformError> {
        loop {
            let visited = self.edge().visitors()?;
            let busy = self.store().unfinished_activities()?;
            for environment in self.store().all_environments()? {
                let wakes = |activity: &ActivityRecord| activity.kind == WAKE && activity.is_of(&environment);
                if visited.contains(&environment.key()) && !busy.iter().any(wakes) {
                    self.wake(&environment)?;
                }
            }
        }
    }
}
