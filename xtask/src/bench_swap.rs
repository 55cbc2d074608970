//! A deployment of code only, from the finished image on: by the journal of its activity.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// How long it took.
pub struct Swap {
    /// From the moment in which the image was finished to the first answer of the new code.
    pub milliseconds: f64,
    /// For how long of that the app was waited for until it listened.
    pub start_milliseconds: f64,
}

impl Swap {
    /// That of an activity with these steps, whose new code `answered` first then.
    ///
    /// # Errors
    /// When it built nothing, or waited for no app.
    pub fn of(steps: &Value, answered: Timestamp) -> Result<Self> {
        let finished = time(steps, "build", "completed_at")?;
        let listened = time(steps, "await_app", "completed_at")?;
        let started = time(steps, "await_app", "started_at")?;
        Ok(Self {
            milliseconds: milliseconds(finished, answered),
            start_milliseconds: milliseconds(started, listened),
        })
    }

    /// What guise itself took.
    pub fn own_milliseconds(&self) -> f64 {
        self.milliseconds - self.start_milliseconds
    }
}

fn time(steps: &Value, name: &str, moment: &str) -> Result<Timestamp> {
    let mut steps = steps
        .as_array()
        .context("an activity has no list of steps")?
        .iter();
    let step = steps.find(|step| step["name"] == name);
    let text = step.and_then(|step| step[moment].as_str());
    Ok(text
        .with_context(|| format!("the step {name} has no {moment}"))?
        .parse()?)
}

fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_guise_takes_is_what_is_not_the_apps_own_start() {
        let step = |name: &str, from: &str, to: &str| {
            let at = |second: &str| format!("2026-11-24T12:00:{second}Z");
            json!({"name": name, "started_at": at(from), "completed_at": at(to)})
        };
        let steps = json!([
            step("build", "00.000", "01.500"),
            step("swap_app", "01.500", "01.520"),
            step("await_app", "01.540", "01.600"),
        ]);
        let answered: Timestamp = "2026-11-24T12:00:01.620Z".parse().unwrap();
        let swap = Swap::of(&steps, answered).unwrap();
        let rounded = |milliseconds: f64| milliseconds.round() as u32;
        assert_eq!(rounded(swap.milliseconds), 120);
        assert_eq!(rounded(swap.own_milliseconds()), 60);
    }
}
