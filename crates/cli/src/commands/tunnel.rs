//! `guise tunnel`: an app's relationships on ports of this machine.

mod open;
mod record;

use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::{Args, Subcommand};
use open::Wanted;
use record::{Record, Records};

/// Reach an app's databases and other services from this machine
///
/// Each relationship gets a port on 127.0.0.1, from 30000 on, that leads through the SSH gateway into the app's network. A
/// tunnel stays open in the background until it is closed.
#[derive(Debug, Subcommand)]
pub enum Tunnel {
    /// Open tunnels to all relationships of an app
    Open(Of),
    /// Open a tunnel to one relationship
    Single {
        /// The relationship [default: the only one]
        #[arg(short, long)]
        relationship: Option<String>,
        /// The local port [default: the first free one from 30000 on]
        #[arg(long)]
        port: Option<u16>,
        #[command(flatten)]
        of: Of,
    },
    /// List open tunnels
    List,
    /// Show where relationships are, as URLs; --encode prints PLATFORM_RELATIONSHIPS for a program here
    Info {
        /// Print what PLATFORM_RELATIONSHIPS would be here
        #[arg(long)]
        encode: bool,
        #[command(flatten)]
        of: Of,
    },
    /// Close tunnels
    Close {
        /// Those of all projects and environments
        #[arg(long)]
        all: bool,
    },
}

/// Whose relationships.
#[derive(Debug, Args)]
pub struct Of {
    /// The app [default: the first]
    #[arg(short = 'A', long)]
    app: Option<String>,
}

impl Tunnel {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let records = Records::open()?;
        match self {
            Self::Open(of) => open::open(context, &records, of.app, Wanted::All).await?,
            Self::Single {
                relationship,
                port,
                of,
            } => {
                let wanted = Wanted::One { relationship, port };
                open::open(context, &records, of.app, wanted).await?;
            }
            Self::List => {
                let none = "No tunnel is open: guise tunnel open";
                context.output.list(&records.list()?, &columns(), none)?;
            }
            Self::Info { encode, of } => open::info(context, &records, of.app, encode).await?,
            Self::Close { all } => close(context, &records, all).await?,
        }
        Ok(0)
    }
}

async fn close(context: &Context, records: &Records, all: bool) -> Result<(), Error> {
    let mut open = records.list()?;
    if !all {
        let place = open::place(context).await?;
        open.retain(|record| record.is_of(&place));
    }
    for record in &open {
        records.close(record)?;
        context.output.remark(format!(
            "Closed the tunnel from port {} to {}.",
            record.port, record.relationship
        ));
    }
    if open.is_empty() {
        context.output.remark("No tunnel was open.");
    }
    Ok(())
}

fn columns() -> Vec<Column<Record>> {
    vec![
        Column::new("PORT", |record: &Record| record.port.to_string()),
        Column::new("PROJECT", |record: &Record| record.project.clone()),
        Column::new("ENVIRONMENT", |record: &Record| record.environment.clone()),
        Column::new("APP", |record: &Record| record.app.clone()),
        Column::new("RELATIONSHIP", |record: &Record| record.relationship.clone()),
        Column::new("URL", |record: &Record| record.url.clone()),
    ]
}
