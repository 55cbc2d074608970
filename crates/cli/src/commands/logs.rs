//! `guise logs`: the log files of an environment's containers.

use crate::client::{boolean, with_query};
use crate::context::Context;
use crate::error::Error;
use crate::follow;
use crate::names;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use guise_api::{LogLine, paths};

/// Print the logs of an environment's containers
#[derive(Debug, Args)]
pub struct Logs {
    /// Go on printing as lines arrive
    #[arg(short, long, visible_alias = "tail")]
    follow: bool,
    /// Only this app, worker or service
    #[arg(short, long, visible_short_alias = 'A', visible_alias = "app", add = ArgValueCandidates::new(names::containers))]
    container: Option<String>,
    /// Which log: app, access, error, cron, deploy, post-deploy [default: the container's main one]
    #[arg(value_name = "LOG")]
    name: Option<String>,
    /// The same as an option
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    log: Option<String>,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: u32,
}

impl Logs {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let lines = self.lines.to_string();
        let path = with_query(
            &place.path(paths::LOGS),
            &[
                ("container", self.container.as_deref()),
                ("log", self.log.or(self.name).as_deref()),
                ("follow", boolean(self.follow)),
                ("lines", Some(&lines)),
            ],
        );
        let several = self.container.is_none();
        follow::container_log(&context.client, &path, |line| {
            context.output.line(written(line, several))
        })
        .await?;
        Ok(0)
    }
}

/// A line, behind the name of its container where there may be several.
fn written(line: &LogLine, several: bool) -> String {
    match &line.source {
        Some(source) if several => format!("{source} | {}", line.text),
        _ => line.text.clone(),
    }
}
