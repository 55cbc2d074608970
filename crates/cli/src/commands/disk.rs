//! `guise disk`: what volumes use, and what is left for them.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Tone};
use clap::Args;
use guise_api::{Disk as Found, Pool, Volume, paths};

/// Show what volumes use and what is left for them
///
/// Those of the project you stand in, or of one environment with -e; of all projects where there is none. What a branch
/// shares with its parent counts for the parent, so a fresh branch uses next to nothing.
#[derive(Debug, Args)]
pub struct Disk {
    /// Those of every project
    #[arg(short, long)]
    all: bool,
}

impl Disk {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let project = if self.all { None } else { context.project_or_all()? };
        let environment = project.as_ref().and_then(|_| context.named_environment());
        let asked = [("project", project.as_deref()), ("environment", environment)];
        let disk: Found = context.client.get(&with_query(paths::DISK, &asked)).await?;
        if context.output.is_json() {
            context.output.record(&disk, &[])?;
            return Ok(0);
        }
        let first = disk.volumes.first().map(|volume| &volume.project);
        let several = disk.volumes.iter().any(|volume| Some(&volume.project) != first);
        context
            .output
            .list(&disk.volumes, &columns(several), "There is no volume.")?;
        context.output.remark(remark(&disk.pool));
        Ok(0)
    }
}

fn columns(several: bool) -> Vec<Column<Volume>> {
    let tone = |volume: &Volume| if volume.nearly_full { Tone::Bad } else { Tone::Even };
    let mut columns = vec![
        Column::new("ENVIRONMENT", |volume: &Volume| volume.environment.clone()),
        Column::new("COMPONENT", |volume: &Volume| volume.component.clone()),
        Column::new("USED", |volume: &Volume| human::bytes(volume.used_bytes)),
        Column::new("LIMIT", |volume: &Volume| {
            volume.limit_bytes.map_or_else(|| "none".into(), human::bytes)
        }),
        Column::new("FULL", full).toned(tone),
    ];
    if several {
        columns.insert(
            0,
            Column::new("PROJECT", |volume: &Volume| volume.project.to_string()),
        );
    }
    columns
}

fn full(volume: &Volume) -> String {
    let Some(limit) = volume.limit_bytes.filter(|limit| *limit > 0) else {
        return String::new();
    };
    let percent = volume.used_bytes.saturating_mul(100) / limit;
    let mark = if volume.nearly_full { ", nearly full" } else { "" };
    format!("{percent} %{mark}")
}

fn remark(pool: &Pool) -> String {
    let mut text = format!(
        "The pool uses {} of {}; the host has {} left.",
        human::bytes(pool.used_bytes),
        human::bytes(pool.total_bytes),
        human::bytes(pool.host_free_bytes)
    );
    if !pool.limits_hold {
        text.push_str("\nThis kernel cannot limit volumes; Linux 6.7 and newer can.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};

    fn volume(component: &str, used_bytes: u64, limit_bytes: Option<u64>) -> Volume {
        Volume {
            project: "abcdefgh12345".parse().unwrap(),
            environment: "main".into(),
            component: component.into(),
            volume: "data-x".parse().unwrap(),
            used_bytes,
            limit_bytes,
            nearly_full: used_bytes > 400_000_000,
        }
    }

    #[test]
    fn a_volume_near_its_limit_is_marked_without_colours_too() {
        let volumes = [
            volume("app", 16_384, None),
            volume("cache", 120_000_000, Some(512_000_000)),
            volume("db", 487_000_000, Some(512_000_000)),
        ];
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &volumes, &columns(false)), @r"
        ENVIRONMENT  COMPONENT  USED    LIMIT   FULL
        main         app        16 kB   none
        main         cache      120 MB  512 MB  23 %
        main         db         487 MB  512 MB  95 %, nearly full
        ");
    }

    #[test]
    fn the_pool_is_told_with_its_host() {
        let mut pool = Pool {
            total_bytes: 20_000_000_000,
            used_bytes: 1_200_000_000,
            host_free_bytes: 71_000_000_000,
            limits_hold: true,
        };
        assert_eq!(
            remark(&pool),
            "The pool uses 1.2 GB of 20 GB; the host has 71 GB left."
        );
        pool.limits_hold = false;
        assert!(remark(&pool).ends_with("Linux 6.7 and newer can."));
    }
}
