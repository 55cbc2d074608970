//! `guise backup create`.

use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Activity, CreateBackup, paths};

/// Back up all data of an environment as of one instant
///
/// Requests wait for the moment that it takes, so that none is half done in the backup.
#[derive(Debug, Args)]
pub struct Create {
    /// Let requests go on meanwhile
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Create {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let path = context.environment().await?.path(paths::BACKUPS);
        let wanted = CreateBackup { live: self.live };
        let started: Activity = context.client.post(&path, &wanted).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}
