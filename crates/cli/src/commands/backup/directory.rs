//! `guise backup export` and `guise backup import`.

use super::named_or_newest;
use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Activity, BackupDirectory, paths};
use std::path::{Path, PathBuf};

/// Write a backup to a directory, to keep it elsewhere
///
/// The directory holds the code as a git bundle, the data of each component as a btrfs stream, and a manifest with
/// their checksums. It is there once it is complete.
#[derive(Debug, Args)]
pub struct Export {
    /// The directory; it must not exist yet
    directory: PathBuf,
    /// The backup [default: the environment's newest]
    id: Option<String>,
    #[command(flatten)]
    wait: Wait,
}

/// Make a backup from a directory that was exported here or on another machine
///
/// Checks it against its checksums first. An environment that does not exist is made, inactive: restoring the backup
/// builds and starts it.
#[derive(Debug, Args)]
pub struct Import {
    /// The directory
    directory: PathBuf,
    #[command(flatten)]
    wait: Wait,
}

impl Export {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let backup = named_or_newest(context, self.id).await?;
        let path = paths::fill(paths::EXPORT, &[backup.project.as_str(), backup.id.as_str()]);
        let started: Activity = context.client.post(&path, &absolute(&self.directory)?).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

impl Import {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let path = context.environment().await?.path(paths::IMPORT);
        let started: Activity = context.client.post(&path, &absolute(&self.directory)?).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

/// The daemon runs in another directory.
fn absolute(directory: &Path) -> Result<BackupDirectory, Error> {
    let absolute = std::path::absolute(directory).map_err(|source| Error::Read {
        path: directory.into(),
        source,
    })?;
    let directory = absolute.to_string_lossy().into_owned();
    Ok(BackupDirectory { directory })
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn a_directory_is_named_as_the_daemon_sees_it() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::activity("pending", None)]);
        let (_, code) = daemon.run("-p shop -e feature/a backup import here -W");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        let here = std::env::current_dir().unwrap().join("here");
        assert!(
            request.contains(&format!(r#"{{"directory":"{}"}}"#, here.display())),
            "{request}"
        );
    }
}
