//! `guise backup`: the data of an environment as of one instant, and what ran then.

mod create;
mod directory;
mod list;
mod restore;

use crate::commands::activity::Wait;
use crate::commands::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::names;
use crate::place::Place;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Activity, Backup as Found, paths};

/// Make, list and restore backups
#[derive(Debug, Subcommand)]
pub enum Backup {
    Create(create::Create),
    /// List an environment's backups, newest first
    List,
    /// Show a backup
    Get {
        /// Its id [default: the newest]
        #[arg(add = ArgValueCandidates::new(names::backups))]
        id: Option<String>,
    },
    Restore(restore::Restore),
    Export(directory::Export),
    Import(directory::Import),
    /// Delete a backup
    Delete(Delete),
}

// No docstring: clap would print it in place of the verb's.
#[derive(Debug, Args)]
#[allow(missing_docs)]
pub struct Delete {
    /// Its id
    #[arg(add = ArgValueCandidates::new(names::backups))]
    id: String,
    #[command(flatten)]
    wait: Wait,
}

impl Backup {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List => list::list(context).await,
            Self::Get { id } => list::get(context, id).await,
            Self::Restore(restore) => restore.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::Import(import) => import.run(context).await,
            Self::Delete(delete) => delete.run(context).await,
        }?;
        Ok(0)
    }
}

impl Delete {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let found = named(context, &context.project()?, &self.id).await?;
        let question = format!(
            "Deleting backup {} of {} deletes what {} was at {} for good.",
            found.id, found.environment, found.environment, found.created_at
        );
        confirm(context, &question, found.id.as_str())?;
        let path = paths::fill(paths::BACKUP, &[found.project.as_str(), found.id.as_str()]);
        let started: Activity = context.client.delete(&path).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

/// The backup of that id, of any environment of the project.
async fn named(context: &Context, project: &str, id: &str) -> Result<Found, Error> {
    let path = paths::fill(paths::BACKUP, &[project, id]);
    Ok(context.client.get(&path).await?)
}

/// An environment's backups, newest first.
async fn all(context: &Context, place: &Place) -> Result<Vec<Found>, Error> {
    Ok(context.client.get(&place.path(paths::BACKUPS)).await?)
}

/// The backup of that id, or the environment's newest.
async fn named_or_newest(context: &Context, id: Option<String>) -> Result<Found, Error> {
    if let Some(id) = id {
        return named(context, &context.project()?, &id).await;
    }
    let place = context.environment().await?;
    let newest = all(context, &place).await?.into_iter().next();
    newest.ok_or(Error::NoBackup {
        environment: place.environment,
    })
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::fake_daemon::FakeDaemon;

    /// A backup of `feature/a` as JSON.
    pub const BACKUP: &str = r#"{"id":"abcdefgh12345","project":"abcdefgh12345","environment":"feature/a",
        "status":"CREATED","commit_id":"0123456789abcdef","deployment":null,"safe":true,"automated":false,
        "created_at":"2026-11-24T10:00:00Z","expires_at":null,"volumes":[
        {"component":"app","volume":"backup-x-0"},{"component":"db","volume":"backup-x-1"}]}"#;

    #[test]
    fn a_backup_is_made_and_followed() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("pending", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop -e feature/a backup:create --live");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("POST /v1/projects/shop/environments/feature%2Fa/backups HTTP"),
            "{request}"
        );
        assert!(request.contains(r#"{"live":true}"#), "{request}");
    }

    #[test]
    fn the_newest_backup_is_restored_where_one_is_told_after_a_yes() {
        let listed = format!("[{BACKUP}]");
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&listed)]);
        let (_, code) = daemon.run("-p shop -e feature/a backup restore");
        let error = code.unwrap_err();
        assert!(matches!(error, Error::NobodyToAsk { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("replaces the data of app and db in feature/a"),
            "{error}"
        );

        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::json(&listed),
            FakeDaemon::activity("pending", None),
        ]);
        let (printed, code) =
            daemon.run("-p shop -e feature/a backup restore --target stage --no-code --yes -W");
        assert_eq!((printed.as_str(), code.unwrap()), ("abcdefgh12345\n", 0));
        let request = daemon.requests().remove(1);
        assert!(
            request.starts_with("POST /v1/projects/abcdefgh12345/backups/abcdefgh12345/restore HTTP"),
            "{request}"
        );
        assert!(
            request.contains(r#"{"target":"stage","code":false}"#),
            "{request}"
        );
    }

    #[test]
    fn without_a_backup_there_is_nothing_to_restore() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json("[]")]);
        let (_, code) = daemon.run("-p shop -e feature/a backup restore --yes");
        let error = code.unwrap_err();
        assert_eq!(
            (error.exit_code(), error.to_string().as_str()),
            (2, "feature/a has no backup")
        );
    }

    #[test]
    fn a_backup_is_deleted_only_after_a_yes() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(BACKUP)]);
        let (_, code) = daemon.run("-p shop backup delete abcdefgh12345");
        assert!(matches!(code.unwrap_err(), Error::NobodyToAsk { .. }));
        assert_eq!(daemon.requests().len(), 1);
    }
}
