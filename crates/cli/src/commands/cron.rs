//! `guise cron`: commands that apps run by themselves.

use crate::commands::activity;
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Tone};
use clap::Subcommand;
use guise_api::{Cron as Found, paths};
use jiff::Timestamp;

/// List what an environment runs by itself, and when
#[derive(Debug, Subcommand)]
pub enum Cron {
    /// List an environment's crons: when they are due, and how their last run went
    List,
}

impl Cron {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List => list(context).await,
        }?;
        Ok(0)
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::CRONS);
    let crons: Vec<Found> = context.client.get(&path).await?;
    context
        .output
        .list(&crons, &columns(Timestamp::now()), "There is no cron.")
}

fn columns(now: Timestamp) -> Vec<Column<Found>> {
    vec![
        Column::new("NAME", |cron: &Found| cron.name.clone()),
        Column::new("APP", |cron: &Found| cron.app.clone()),
        Column::new("SCHEDULE", schedule),
        Column::new("NEXT RUN", move |cron: &Found| next(cron, now)),
        Column::new("LAST RUN", move |cron: &Found| {
            let last = cron.last_run.as_ref();
            last.map_or_else(
                || "never".into(),
                |last| format!("{} ago", human::age(&last.created_at, now)),
            )
        }),
        Column::new("RESULT", |cron: &Found| {
            cron.last_run.as_ref().map(activity::state).unwrap_or_default()
        })
        .toned(|cron| cron.last_run.as_ref().map_or(Tone::Even, activity::tone)),
    ]
}

/// UTC goes without saying.
fn schedule(cron: &Found) -> String {
    match cron.timezone.as_str() {
        "UTC" => cron.spec.clone(),
        zone => format!("{} ({zone})", cron.spec),
    }
}

fn next(cron: &Found, now: Timestamp) -> String {
    match &cron.next_run {
        _ if cron.paused => "paused".into(),
        Some(next) => next.parse::<Timestamp>().map_or_else(
            |_| next.clone(),
            |then| format!("in {}", human::seconds(then.as_second() - now.as_second())),
        ),
        None => "never".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_daemon::FakeDaemon;
    use crate::output::{Format, tests::*};

    const CLEAN: &str = r#"{"name":"clean","app":"app","spec":"H/15 * * * *","timezone":"UTC","command":"make clean",
        "paused":false,"next_run":"2026-11-24T12:08:00Z","last_run":{"id":"abcdefgh12345",
        "type":"environment.cron","project":"abcdefgh12345","environments":["main"],
        "description":"Cron clean of app in main","state":"complete","result":"failure","completion_percent":0,
        "created_at":"2026-11-24T11:53:00Z","started_at":null,"completed_at":null}}"#;

    #[test]
    fn crons_are_listed_with_their_next_and_last_run() {
        let clean: Found = serde_json::from_str(CLEAN).unwrap();
        let report = Found {
            name: "report".into(),
            spec: "0 6 * * mon".into(),
            timezone: "Europe/Paris".into(),
            next_run: None,
            last_run: None,
            ..clean.clone()
        };
        let paused = Found {
            name: "paused".into(),
            paused: true,
            ..clean.clone()
        };
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        let crons = [clean, report, paused];
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(100)), &crons, &columns), @r"
        NAME    APP  SCHEDULE                    NEXT RUN  LAST RUN   RESULT
        clean   app  H/15 * * * *                in 8 min  7 min ago  failure
        report  app  0 6 * * mon (Europe/Paris)  never     never
        paused  app  H/15 * * * *                paused    7 min ago  failure
        ");
    }

    #[test]
    fn the_crons_of_the_environment_are_asked_for() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&format!("[{CLEAN}]"))]);
        let (printed, code) = daemon.run("-p shop -e feature/a cron:list");
        assert_eq!(code.unwrap(), 0);
        assert!(
            printed.contains("clean") && printed.contains("failure"),
            "{printed}"
        );
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("GET /v1/projects/shop/environments/feature%2Fa/crons HTTP"),
            "{request}"
        );
    }
}
