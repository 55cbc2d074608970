//! `guise audit`: who did what.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::Args;
use guise_api::{AuditEntry, paths};

/// Show who did what: activities, sessions, changes of users and keys
///
/// root is whoever uses this command line as the machine's root; guise acts by itself for crons, automated backups and
/// the like.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only what this user did
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// How many entries, the newest first
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Of every project
    #[arg(long)]
    all: bool,
}

impl Audit {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let project = if self.all { None } else { context.project_or_all()? };
        let limit = self.limit.to_string();
        let path = with_query(
            paths::AUDIT,
            &[
                ("project", project.as_deref()),
                ("user", self.user.as_deref()),
                ("limit", Some(&limit)),
            ],
        );
        let entries: Vec<AuditEntry> = context.client.get(&path).await?;
        context
            .output
            .list(&entries, &columns(), "Nobody has done anything yet.")?;
        Ok(0)
    }
}

fn columns() -> Vec<Column<AuditEntry>> {
    vec![
        Column::new("AT", |entry: &AuditEntry| entry.at.clone()),
        Column::new("USER", |entry: &AuditEntry| {
            entry.user.clone().unwrap_or_else(|| "guise".into())
        }),
        Column::new("ACTION", |entry: &AuditEntry| entry.action.clone()),
        Column::new("ENVIRONMENT", |entry: &AuditEntry| {
            entry.environment.clone().unwrap_or_default()
        }),
        Column::new("DETAIL", |entry: &AuditEntry| entry.detail.clone()),
    ]
}
