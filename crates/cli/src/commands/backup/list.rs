//! `guise backup list` and `guise backup get`.

use super::{all, named_or_newest};
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Tone};
use guise_api::{Backup, BackupStatus};
use jiff::Timestamp;

pub async fn list(context: &Context) -> Result<(), Error> {
    let place = context.environment().await?;
    let backups = all(context, &place).await?;
    context.output.list(
        &backups,
        &columns(Timestamp::now()),
        "There is no backup yet: `guise backup create` makes one.",
    )
}

pub async fn get(context: &Context, id: Option<String>) -> Result<(), Error> {
    let backup = named_or_newest(context, id).await?;
    let kept = |time: &Option<String>| time.clone().unwrap_or_else(|| "kept until deleted".into());
    let mut fields = vec![
        ("id", backup.id.to_string()),
        ("environment", backup.environment.clone()),
        ("status", status(backup.status).into()),
        ("commit", backup.commit_id.clone()),
        ("created", backup.created_at.clone()),
        ("expires", kept(&backup.expires_at)),
        ("safe", yes_or_no(backup.safe).into()),
        ("automated", yes_or_no(backup.automated).into()),
    ];
    for kept in &backup.volumes {
        fields.push(("data", format!("{} → {}", kept.component, kept.volume)));
    }
    Ok(context.output.record(&backup, &fields)?)
}

fn columns(now: Timestamp) -> Vec<Column<Backup>> {
    vec![
        Column::new("ID", |backup: &Backup| backup.id.to_string()),
        Column::new("AGE", move |backup: &Backup| human::age(&backup.created_at, now)),
        Column::new("STATUS", |backup: &Backup| status(backup.status).into()).toned(tone),
        Column::new("COMMIT", |backup: &Backup| {
            backup.commit_id.chars().take(8).collect()
        }),
        Column::new("SAFE", |backup: &Backup| yes_or_no(backup.safe).into()),
        Column::new("MADE BY", |backup: &Backup| {
            let who = if backup.automated { "schedule" } else { "somebody" };
            who.into()
        }),
        Column::new("EXPIRES", move |backup: &Backup| {
            backup
                .expires_at
                .as_deref()
                .map_or_else(|| "never".into(), |expires| format!("in {}", until(expires, now)))
        }),
    ]
}

/// How far away a time is that lies ahead.
fn until(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map_or_else(
        |_| time.to_owned(),
        |then| human::seconds(then.as_second() - now.as_second()),
    )
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn status(status: BackupStatus) -> &'static str {
    match status {
        BackupStatus::Creating => "in the making",
        BackupStatus::Created => "complete",
        BackupStatus::Deleting => "deleting",
    }
}

fn tone(backup: &Backup) -> Tone {
    match backup.status {
        BackupStatus::Created => Tone::Good,
        BackupStatus::Creating | BackupStatus::Deleting => Tone::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::BACKUP;
    use super::*;
    use crate::output::{Format, tests::*};

    #[test]
    fn backups_are_listed_with_what_becomes_of_them() {
        let kept: Backup = serde_json::from_str(BACKUP).unwrap();
        let automated = Backup {
            automated: true,
            safe: false,
            expires_at: Some("2026-12-01T12:00:00Z".into()),
            ..kept.clone()
        };
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &[automated, kept], &columns), @r"
        ID             AGE  STATUS    COMMIT    SAFE  MADE BY   EXPIRES
        abcdefgh12345  2 h  complete  01234567  no    schedule  in 7 d
        abcdefgh12345  2 h  complete  01234567  yes   somebody  never
        ");
    }
}
