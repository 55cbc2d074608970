//! `guise backup restore`.

use super::named_or_newest;
use crate::commands::activity::Wait;
use crate::commands::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::names;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Activity, Backup, RestoreBackup, paths};

/// Restore a backup: its data, and the code that ran with it
///
/// Git is not changed: the next push deploys what is pushed. Should the restored environment not come up, it goes
/// back to what it ran before, with the data it had.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup [default: the environment's newest]
    #[arg(add = ArgValueCandidates::new(names::backups))]
    id: Option<String>,
    /// The environment to restore to; one that does not exist becomes a branch [default: the backup's own]
    #[arg(long, value_name = "BRANCH")]
    target: Option<String>,
    /// Only the data; the code stays as it is
    #[arg(long)]
    no_code: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Restore {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let backup = named_or_newest(context, self.id).await?;
        let target = self.target.as_deref().unwrap_or(&backup.environment);
        let question = format!(
            "Restoring backup {} replaces {} in {target} by what it was at {}.",
            backup.id,
            data(&backup),
            backup.created_at
        );
        confirm(context, &question, target)?;
        let wanted = RestoreBackup {
            target: self.target,
            code: !self.no_code,
        };
        let path = paths::fill(paths::RESTORE, &[backup.project.as_str(), backup.id.as_str()]);
        let started: Activity = context.client.post(&path, &wanted).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

/// Whose data a backup has, in words.
fn data(backup: &Backup) -> String {
    let names: Vec<&str> = backup
        .volumes
        .iter()
        .map(|kept| kept.component.as_str())
        .collect();
    match names.as_slice() {
        [] => "no data".into(),
        [only] => format!("the data of {only}"),
        [first @ .., last] => format!("the data of {} and {last}", first.join(", ")),
    }
}
