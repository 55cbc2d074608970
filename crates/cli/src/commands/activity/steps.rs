//! `guise activity get --steps`: what an activity did, and how long each step took.

use crate::{context::Context, error::Error, human, output::Column};
use guise_api::{ActivityStep as Step, paths};
use guise_model::ActivityId;
use jiff::Timestamp;

/// Lists the steps of an activity's last run.
pub async fn list(context: &Context, id: &ActivityId) -> Result<(), Error> {
    let path = paths::fill(paths::ACTIVITY_STEPS, &[id.as_str()]);
    let steps: Vec<Step> = context.client.get(&path).await?;
    let begun = steps.first().map(|step| step.started_at.clone());
    context.output.list(
        &steps,
        &columns(begun.unwrap_or_default()),
        "It has had no step yet.",
    )
}

/// `begun`: when the first one began.
fn columns(begun: String) -> Vec<Column<Step>> {
    vec![
        Column::new("STEP", |step: &Step| step.name.replace('_', " ")),
        Column::new("OF", |step: &Step| about(step)),
        Column::new("AFTER", move |step: &Step| between(&begun, &step.started_at)),
        Column::new("TOOK", |step: &Step| match &step.completed_at {
            Some(completed_at) => between(&step.started_at, completed_at),
            None => "not done".into(),
        }),
    ]
}

/// Commits are as long as eight letters tell apart.
fn about(step: &Step) -> String {
    let about = step.about.clone().unwrap_or_default();
    let is_commit = about.len() == 40 && about.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { about[..8].into() } else { about }
}

fn between(from: &str, to: &str) -> String {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    match (time(from), time(to)) {
        (Some(from), Some(to)) => human::duration(to.duration_since(from).as_secs_f64()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};

    #[test]
    fn steps_are_listed_with_their_beginning_and_duration() {
        let step = |number, name: &str, about: Option<&str>, from: &str, to: Option<&str>| Step {
            number,
            name: name.into(),
            about: about.map(String::from),
            started_at: format!("2026-11-24T12:00:{from}Z"),
            completed_at: to.map(|to| format!("2026-11-24T12:00:{to}Z")),
        };
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let steps = [
            step(1, "build", Some(commit), "00.000", Some("12.400")),
            step(2, "hold", None, "12.401", Some("12.403")),
            step(3, "swap_app", Some("app"), "12.403", None),
        ];
        let columns = columns(steps[0].started_at.clone());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &steps, &columns), @r"
        STEP      OF        AFTER    TOOK
        build     01234567  0.000 s  12.4 s
        hold                12.4 s   0.002 s
        swap app  app       12.4 s   not done
        ");
    }
}
