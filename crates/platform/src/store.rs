//! Everything that guise remembers: one SQLite database.
//!
//! Write-ahead log with full sync: what a call here has returned from survives a power cut. Each file below
//! holds the statements of one table or two.

mod activities;
mod allowances;
mod audit;
mod backups;
mod crons;
mod deployments;
mod environments;
mod exchange;
mod ownership;
mod projects;
mod sealed;
mod steps;
mod tokens;
mod users;
mod variables;
mod webhooks;

#[cfg(test)]
pub(crate) use activities::tests::activity as activity_for_tests;
pub use activities::{ActivityRecord, ActivityState};
pub use audit::AuditRecord;
#[cfg(test)]
pub(crate) use backups::tests::backup as backup_for_tests;
pub use backups::{BackupRecord, BackupStatus, BackupVolume};
pub use deployments::{BuildRecord, DeploymentRecord};
pub use environments::{EnvironmentRecord, EnvironmentStatus, EnvironmentType};
pub use projects::ProjectRecord;
pub use steps::StepRecord;
pub use tokens::TokenRecord;
pub use users::{SshKeyRecord, UserRecord};
pub use variables::VariableRecord;
#[cfg(test)]
pub(crate) use variables::tests::variable as variable_for_tests;
pub use webhooks::{Delivery, WebhookRecord};

use crate::seal::{Seal, SealError};
use guise_model::ActivityId;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Numbered changes of the schema; the database's `user_version` says how many it has had.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/1.sql"),
    include_str!("../migrations/2.sql"),
    include_str!("../migrations/3.sql"),
    include_str!("../migrations/4.sql"),
    include_str!("../migrations/5.sql"),
    include_str!("../migrations/6.sql"),
    include_str!("../migrations/7.sql"),
    include_str!("../migrations/8.sql"),
    include_str!("../migrations/9.sql"),
    include_str!("../migrations/10.sql"),
    include_str!("../migrations/11.sql"),
    include_str!("../migrations/12.sql"),
    include_str!("../migrations/13.sql"),
    include_str!("../migrations/14.sql"),
];

/// The database.
pub struct Store {
    connection: Mutex<Connection>,
    seal: Seal,
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("cannot open the database {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The database was written by a newer guise.
    #[error(
        "the database {path} has version {found}, this guise knows versions up to {known}: run a newer guise"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// Something sealed cannot be opened, or nothing be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(#[from] rusqlite::Error),
    /// A stored value cannot be read back.
    #[error("the database holds a {what} that cannot be read: {reason}")]
    Unreadable {
        /// Kind of value.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// An activity cannot get from its state into another one.
    #[error("the activity {activity} is {}, so it cannot become {}", .from.as_str(), .to.as_str())]
    Transition {
        /// The activity.
        activity: ActivityId,
        /// Its state.
        from: ActivityState,
        /// The other one.
        to: ActivityState,
    },
    /// The instance has no address left.
    #[error(
        "all {capacity} container addresses of this guise are taken: delete environments or give it a larger address pool"
    )]
    NoSlot {
        /// How many there are.
        capacity: u32,
    },
}

impl Store {
    /// Opens the database, makes it if missing, brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::TooNew`], or a failed migration (which leaves the old schema).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let seal = Seal::open(&path.with_file_name("secrets.key"))?;
        let connection = Connection::open(path).map_err(|source| StoreError::Open {
            path: path.into(),
            source,
        })?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let found = found as usize;
        if found > MIGRATIONS.len() {
            return Err(StoreError::TooNew {
                path: path.into(),
                found,
                known: MIGRATIONS.len(),
            });
        }
        for (number, migration) in MIGRATIONS.iter().enumerate().skip(found) {
            let version = number + 1;
            connection.execute_batch(&format!(
                "BEGIN;\n{migration}\nPRAGMA user_version = {version};\nCOMMIT;"
            ))?;
        }
        Ok(Self {
            connection: Mutex::new(connection),
            seal,
        })
    }

    /// The connection. A panic while it was held leaves SQLite consistent (its transaction is rolled back), so a
    /// poisoned lock is used on.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stored text that is not what its column holds.
fn unreadable(reason: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, reason)
}

/// The present moment as RFC 3339 in UTC with milliseconds, as stored and shown everywhere.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Milliseconds since 1970 in the same form.
pub fn time(unix_ms: u64) -> String {
    let milliseconds = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_guise_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guise.db");
        drop(Store::open(&path).unwrap());
        drop(Store::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::TooNew { found: 99, .. })
        ));
    }
}
