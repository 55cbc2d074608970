//! How long the parts of an activity took (spec 5.3), from its own times and those of its steps.

use crate::{
    step::Step,
    store::{ActivityRecord, StepRecord},
};
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// Each is `None` until it is over, and for an activity that has no such part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From being asked for to its beginning: others of its environment came first.
    pub wait: Option<Duration>,
    /// Reading the configuration and building images.
    pub build: Option<Duration>,
    /// The steps of plans.
    pub deploy: Option<Duration>,
    /// From its beginning to its end.
    pub execute: Option<Duration>,
}

impl Timings {
    /// Those of an activity with these steps.
    pub fn of(activity: &ActivityRecord, steps: &[StepRecord]) -> Self {
        let started = activity.started_at.as_deref();
        let total = |is_meant: fn(&StepRecord) -> bool| {
            let meant = steps.iter().filter(|step| is_meant(step));
            meant
                .filter_map(|step| between(Some(&step.started_at), step.completed_at.as_deref()))
                .reduce(|total, took| total + took)
        };
        Self {
            wait: between(Some(&activity.created_at), started),
            build: total(|step| step.step["step"] == "build"),
            deploy: total(|step| Step::deserialize(&step.step).is_ok()),
            execute: between(started, activity.completed_at.as_deref()),
        }
    }
}

fn between(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let took = time(to?)?.duration_since(time(from?)?);
    Some(took.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ActivityState, activity_for_tests};
    use serde_json::json;

    fn at(milliseconds: u32) -> String {
        format!(
            "2026-11-24T12:00:{:02}.{:03}Z",
            milliseconds / 1000,
            milliseconds % 1000
        )
    }

    fn step(step: serde_json::Value, from: u32, to: Option<u32>) -> StepRecord {
        StepRecord {
            number: 1,
            step,
            started_at: at(from),
            completed_at: to.map(at),
        }
    }

    #[test]
    fn what_waits_has_no_timings() {
        let waiting = activity_for_tests(ActivityState::Pending);
        assert_eq!(Timings::of(&waiting, &[]), Timings::default());
    }

    #[test]
    fn builds_and_steps_of_plans_are_added_up_apart() {
        let activity = ActivityRecord {
            created_at: at(0),
            started_at: Some(at(250)),
            completed_at: Some(at(5000)),
            ..activity_for_tests(ActivityState::Complete)
        };
        let app = |name| json!({"step": name, "component": "app", "container": "abcdefgh1234"});
        let steps = [
            step(json!({"step": "build", "commit": "c0ffee"}), 300, Some(1300)),
            step(json!({"step": "hold"}), 1300, Some(1301)),
            step(app("restart_app"), 1301, Some(1320)),
            step(json!({"step": "record", "commit": "c0ffee"}), 1320, Some(1340)),
            // It failed.
            step(app("await_app"), 1340, None),
        ];
        let milliseconds = |number| Some(Duration::from_millis(number));
        let timings = Timings {
            wait: milliseconds(250),
            build: milliseconds(1000),
            deploy: milliseconds(20),
            execute: milliseconds(4750),
        };
        assert_eq!(Timings::of(&activity, &steps), timings);
    }
}
