//! The daemon's journal, read from its database beside it: which steps an activity had.

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags, params};
use std::path::Path;

/// A step as it was journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub number: u32,
    /// `create_container`
    pub name: String,
    /// How long it took, in milliseconds; `None` when its end is not journaled.
    pub milliseconds: Option<u32>,
}

pub struct Journal {
    database: Connection,
}

/// An activity's end.
#[derive(Debug)]
pub struct Activity {
    pub id: String,
    pub kind: String,
    /// Whether it succeeded; `None` while it has not ended.
    pub success: Option<bool>,
}

impl Journal {
    pub fn open(state: &Path) -> Result<Self> {
        let path = state.join("guise.db");
        let database = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .with_context(|| format!("cannot open {}", path.display()))?;
        database.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Self { database })
    }

    /// The activity that was asked for last.
    pub fn newest(&self) -> Result<Activity> {
        let newest = "SELECT id, type, result FROM activities ORDER BY rowid DESC LIMIT 1";
        let activity = self.database.query_row(newest, [], |row| {
            let result: Option<String> = row.get(2)?;
            Ok(Activity {
                id: row.get(0)?,
                kind: row.get(1)?,
                success: result.map(|result| result == "success"),
            })
        });
        activity.context("there is no activity")
    }

    /// How many activities wait or run.
    pub fn unfinished(&self) -> Result<u32> {
        let count = "SELECT count(*) FROM activities WHERE state IN ('pending', 'in_progress')";
        Ok(self.database.query_row(count, [], |row| row.get(0))?)
    }

    /// An activity's steps, in order.
    pub fn steps(&self, activity: &str) -> Result<Vec<Step>> {
        let mut statement = self.database.prepare(
            "SELECT number, step ->> 'step',
                    (julianday(completed_at) - julianday(started_at)) * 86400000
             FROM steps WHERE activity = ? ORDER BY number",
        )?;
        let steps = statement.query_map(params![activity], |row| {
            let milliseconds: Option<f64> = row.get(2)?;
            Ok(Step {
                number: row.get(0)?,
                name: row.get(1)?,
                milliseconds: milliseconds.map(|elapsed| elapsed.round() as u32),
            })
        })?;
        Ok(steps.collect::<rusqlite::Result<_>>()?)
    }

    /// Rows of two columns: what is to be replaced by what.
    pub fn pairs(&self, query: &str) -> Result<Vec<(String, String)>> {
        let mut statement = self.database.prepare(query)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
