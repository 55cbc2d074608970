//! `guise db`: an app's database, through the client that the database's own image has.

mod dialect;
mod dump;
mod endpoint;

use super::exec::{self, Program};
use crate::context::Context;
use crate::error::Error;
use clap::{Args, Subcommand};
use dialect::Query;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

/// Query, import and dump databases
#[derive(Debug, Subcommand)]
pub enum Db {
    Sql(Sql),
    Dump(dump::Dump),
    /// Talk to an app's Redis or Valkey
    #[command(visible_alias = "redis")]
    RedisCli(RedisCli),
}

/// The database meant.
#[derive(Debug, Args)]
struct Database {
    /// The app's relationship to the database [default: the only one]
    #[arg(short, long, value_name = "NAME")]
    relationship: Option<String>,
    /// The app [default: the first]
    #[arg(short = 'A', long)]
    app: Option<String>,
}

/// Run a query, read statements from standard input, or talk to the database
///
/// With a query it is run and its result printed. Without one, and with a file or a pipe at standard input, its
/// statements are run as they arrive: `guise sql < dump.sql` imports a dump. Else the database's own client opens.
#[derive(Debug, Args)]
pub struct Sql {
    /// Statements to run
    query: Option<String>,
    /// Print values only, separated by tabs
    #[arg(long)]
    raw: bool,
    /// The schema or database [default: that of the relationship]
    #[arg(long)]
    schema: Option<String>,
    #[command(flatten)]
    database: Database,
}

/// A command of Redis.
#[derive(Debug, Args)]
pub struct RedisCli {
    #[command(flatten)]
    database: Database,
    /// Command and arguments [default: an interactive client]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Db {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Sql(sql) => sql.run(context).await,
            Self::Dump(dump) => dump.run(context).await,
            Self::RedisCli(redis) => redis.run(context).await,
        }
    }
}

impl Sql {
    async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let (endpoint, dialect) = endpoint::database(context, &place, &self.database).await?;
        let query = Query {
            statements: self.query,
            raw: self.raw,
            schema: self.schema.or_else(|| endpoint.path.clone()),
            person: io::stdin().is_terminal(),
        };
        let program = Program {
            argv: dialect.sql(&endpoint, &query),
            env: dialect.env(&endpoint),
            container: Some(endpoint.service),
        };
        if query.statements.is_some() {
            // A query reads nothing: in a loop of a shell it must not swallow what the loop reads.
            exec::pipe(context, &place, program, io::empty(), &mut io::stdout()).await
        } else {
            exec::attach(context, &place, program).await
        }
    }
}

impl RedisCli {
    async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let endpoint = endpoint::redis(context, &place, &self.database).await?;
        let mut argv = vec!["redis-cli".to_owned()];
        if !self.command.is_empty() {
            // Answers an exit status for a command that failed.
            argv.push("-e".into());
        }
        argv.extend(self.command);
        let program = Program {
            container: Some(endpoint.service),
            argv,
            env: BTreeMap::new(),
        };
        exec::attach(context, &place, program).await
    }
}
