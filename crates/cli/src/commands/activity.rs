//! `guise activity`: what was asked for, and how it went.

mod steps;

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::follow;
use crate::human;
use crate::names;
use crate::output::{Column, Tone};
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Activity as Found, ActivityResult, ActivityState, Changed, paths};
use guise_model::ActivityId;
use jiff::Timestamp;

/// List, follow and cancel activities
#[derive(Debug, Subcommand)]
pub enum Activity {
    /// List activities, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 10)]
        limit: u32,
        /// Those of every project
        #[arg(long)]
        all: bool,
        /// Only those of this type: environment.push
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
    },
    /// Show an activity
    Get {
        /// Its id [default: the newest]
        #[arg(add = ArgValueCandidates::new(names::activities))]
        id: Option<ActivityId>,
        /// Show its steps and how long each took
        #[arg(long)]
        steps: bool,
    },
    /// Print an activity's log, and follow it while it runs
    Log {
        /// Its id [default: the newest]
        #[arg(add = ArgValueCandidates::new(names::activities))]
        id: Option<ActivityId>,
        /// Print what there is and stop
        #[arg(long)]
        no_follow: bool,
    },
    /// Cancel an activity
    Cancel {
        /// Its id [default: the newest]
        #[arg(add = ArgValueCandidates::new(names::activities))]
        id: Option<ActivityId>,
    },
}

impl Activity {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List { limit, all, types } => list(context, limit, all, &types).await,
            Self::Get { id, steps: false } => get(context, id).await,
            Self::Get { id, steps: true } => {
                let id = newest_unless(context, id).await?;
                steps::list(context, &id).await
            }
            Self::Log { id, no_follow } => log(context, id, !no_follow).await,
            Self::Cancel { id } => cancel(context, id).await,
        }?;
        Ok(0)
    }
}

/// Whether to wait for the end of what a command sets off.
#[derive(Debug, Args)]
pub struct Wait {
    /// Return at once: print the activity's id, do not follow its log
    #[arg(short = 'W', long, overrides_with = "wait")]
    no_wait: bool,
    /// Follow it to its end, as is done anyway
    #[arg(long, hide = true)]
    wait: bool,
}

impl Wait {
    /// Follows an activity, unless nobody wants to wait for it; answers whether it has ended.
    pub async fn follow(self, context: &Context, activity: &Found) -> Result<bool, Error> {
        if self.no_wait {
            context.output.line(&activity.id)?;
        } else {
            follow(context, activity).await?;
        }
        Ok(!self.no_wait)
    }

    /// Follows the deployment that applies a changed setting, if there is one.
    pub async fn follow_change(self, context: &Context, changed: &Changed) -> Result<(), Error> {
        match &changed.activity {
            Some(activity) => self.follow(context, activity).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Shows an activity's log until it ends; an error when it does not succeed. Ctrl-C leaves the log, not the
/// activity.
pub async fn follow(context: &Context, activity: &Found) -> Result<(), Error> {
    let ended = follow::activity_log(&context.client, &activity.id, true, |line| {
        context.output.remark(&line.text);
        Ok(())
    });
    tokio::select! {
        ended = ended => ended?.map_or(Ok(()), outcome),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(Error::Input)?;
            Err(Error::LeftRunning(Box::new(activity.clone())))
        }
    }
}

/// An error when an activity did not succeed.
pub fn outcome(activity: Found) -> Result<(), Error> {
    match (activity.state, activity.result) {
        (ActivityState::Cancelled, _) => Err(Error::Cancelled(Box::new(activity))),
        (_, Some(ActivityResult::Failure)) => Err(Error::Failed(Box::new(activity))),
        _ => Ok(()),
    }
}

async fn list(context: &Context, limit: u32, all: bool, types: &[String]) -> Result<(), Error> {
    let activities = fetch(context, limit, all, types).await?;
    context.output.list(
        &activities,
        &columns(Timestamp::now()),
        "There is no activity yet.",
    )
}

async fn fetch(context: &Context, limit: u32, all: bool, types: &[String]) -> Result<Vec<Found>, Error> {
    let project = if all { None } else { context.project_or_all()? };
    let limit = limit.to_string();
    let types = (!types.is_empty()).then(|| types.join(","));
    let path = with_query(
        paths::ACTIVITIES,
        &[
            ("project", project.as_deref()),
            ("environment", context.named_environment().filter(|_| !all)),
            ("type", types.as_deref()),
            ("limit", Some(&limit)),
        ],
    );
    Ok(context.client.get(&path).await?)
}

async fn newest_unless(context: &Context, id: Option<ActivityId>) -> Result<ActivityId, Error> {
    match id {
        Some(id) => Ok(id),
        None => fetch(context, 1, false, &[])
            .await?
            .into_iter()
            .next()
            .map(|activity| activity.id)
            .ok_or(Error::NoActivity),
    }
}

fn columns(now: Timestamp) -> Vec<Column<Found>> {
    vec![
        Column::new("ID", |activity: &Found| activity.id.to_string()),
        Column::new("AGE", move |activity: &Found| {
            human::age(&activity.created_at, now)
        }),
        Column::new("STATE", |activity: &Found| state(activity)).toned(tone),
        Column::new("TOOK", |activity: &Found| duration(activity)),
        Column::new("ENVIRONMENT", |activity: &Found| activity.environments.join(" ")),
        Column::new("DESCRIPTION", |activity: &Found| activity.description.clone()),
    ]
}

/// How far an activity is, in a word.
pub fn state(activity: &Found) -> String {
    match (activity.state, activity.result) {
        (ActivityState::Pending, _) => "pending".into(),
        (ActivityState::Scheduled, _) => "scheduled".into(),
        (ActivityState::Staged, _) => "staged".into(),
        (ActivityState::InProgress, _) => format!("{} %", activity.completion_percent),
        (ActivityState::Cancelled, _) => "cancelled".into(),
        (ActivityState::Complete, Some(ActivityResult::Failure)) => "failure".into(),
        (ActivityState::Complete, _) => "success".into(),
    }
}

/// What that word means.
pub fn tone(activity: &Found) -> Tone {
    match (activity.state, activity.result) {
        (ActivityState::Pending | ActivityState::InProgress, _) => Tone::Busy,
        (ActivityState::Cancelled | ActivityState::Scheduled | ActivityState::Staged, _) => Tone::Faint,
        (ActivityState::Complete, Some(ActivityResult::Failure)) => Tone::Bad,
        (ActivityState::Complete, _) => Tone::Good,
    }
}

fn duration(activity: &Found) -> String {
    let time = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok();
    match (time(&activity.started_at), time(&activity.completed_at)) {
        (Some(start), Some(end)) => human::seconds(end.as_second() - start.as_second()),
        _ => String::new(),
    }
}

async fn get(context: &Context, id: Option<ActivityId>) -> Result<(), Error> {
    let id = newest_unless(context, id).await?;
    let activity: Found = context
        .client
        .get(&paths::fill(paths::ACTIVITY, &[id.as_str()]))
        .await?;
    show(context, &activity)
}

fn show(context: &Context, activity: &Found) -> Result<(), Error> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "not yet".into());
    let mut fields = vec![
        ("id", activity.id.to_string()),
        ("type", activity.kind.clone()),
        ("description", activity.description.clone()),
        (
            "project",
            activity
                .project
                .as_ref()
                .map_or_else(|| "none".into(), ToString::to_string),
        ),
        ("environments", activity.environments.join(" ")),
        ("state", state(activity)),
        ("created", activity.created_at.clone()),
        ("started", or_none(&activity.started_at)),
        ("completed", or_none(&activity.completed_at)),
    ];
    if let Some(cancelled_at) = &activity.cancelled_at {
        fields.push(("cancelled", cancelled_at.clone()));
    }
    let timings = &activity.timings;
    let parts = [
        ("wait", timings.wait),
        ("build", timings.build),
        ("deploy", timings.deploy),
        ("execute", timings.execute),
    ];
    let took = parts
        .into_iter()
        .filter_map(|(part, took)| took.map(|took| (part, human::duration(took))));
    fields.extend(took);
    Ok(context.output.record(activity, &fields)?)
}

async fn log(context: &Context, id: Option<ActivityId>, wait: bool) -> Result<(), Error> {
    let id = newest_unless(context, id).await?;
    let ended =
        follow::activity_log(&context.client, &id, wait, |line| context.output.line(&line.text)).await?;
    ended.map_or(Ok(()), outcome)
}

async fn cancel(context: &Context, id: Option<ActivityId>) -> Result<(), Error> {
    let id = newest_unless(context, id).await?;
    let activity: Found = context
        .client
        .ask(&paths::fill(paths::ACTIVITY_CANCEL, &[id.as_str()]))
        .await?;
    show(context, &activity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};

    fn activity(state: ActivityState, result: Option<ActivityResult>) -> Found {
        Found {
            id: ActivityId::new("abcdefgh12345").unwrap(),
            kind: "environment.push".into(),
            project: None,
            environments: vec!["main".into()],
            description: "Push of 01234567 to main".into(),
            state,
            result,
            completion_percent: 40,
            created_at: "2026-11-24T11:55:00Z".into(),
            started_at: Some("2026-11-24T11:55:00Z".into()),
            completed_at: result.map(|_| "2026-11-24T11:55:41Z".into()),
            cancelled_at: None,
            timings: guise_api::Timings::default(),
        }
    }

    #[test]
    fn activities_are_listed_with_state_and_duration() {
        let activities = [
            activity(ActivityState::InProgress, None),
            activity(ActivityState::Complete, Some(ActivityResult::Success)),
            activity(ActivityState::Complete, Some(ActivityResult::Failure)),
        ];
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &activities, &columns), @r"
        ID             AGE    STATE    TOOK  ENVIRONMENT  DESCRIPTION
        abcdefgh12345  5 min  40 %           main         Push of 01234567 to main
        abcdefgh12345  5 min  success  41 s  main         Push of 01234567 to main
        abcdefgh12345  5 min  failure  41 s  main         Push of 01234567 to main
        ");
    }

    #[test]
    fn a_failed_activity_is_exit_code_1() {
        let failed = outcome(activity(ActivityState::Complete, Some(ActivityResult::Failure))).unwrap_err();
        assert_eq!(failed.exit_code(), 1);
        let cancelled = outcome(activity(ActivityState::Cancelled, None)).unwrap_err();
        assert_eq!(cancelled.exit_code(), 1);
        outcome(activity(ActivityState::Complete, Some(ActivityResult::Success))).unwrap();
    }
    #[test]
    fn one_that_is_left_running_is_exit_code_130_and_can_be_found_again() {
        let left = Error::LeftRunning(Box::new(activity(ActivityState::InProgress, None)));
        assert_eq!(left.exit_code(), 130);
        assert_eq!(left.hints()[0], "to follow it: guise activity log abcdefgh12345");
    }
}
