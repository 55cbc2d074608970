//! `guise operation` and `guise source-operation`: commands of the project that people start.

use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::{Args, Subcommand};
use guise_api::{
    Activity, Operation as Found, RunOperation, RunSourceOperation, SourceOperation as FoundSource, paths,
};
use std::collections::BTreeMap;

/// List and run what a project defines under `operations`
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// List an environment's runtime operations
    List,
    Run(Run),
}

/// Run an operation in the container of its app, or of one of its workers
#[derive(Debug, Args)]
pub struct Run {
    /// Its name
    name: String,
    /// The app it belongs to [default: the only one that has it]
    #[arg(short = 'A', long, value_name = "APP")]
    app: Option<String>,
    /// Run it in the app's worker of that name
    #[arg(long, value_name = "WORKER")]
    worker: Option<String>,
    #[command(flatten)]
    wait: Wait,
}

/// List and run what a project defines under `source.operations`
#[derive(Debug, Subcommand)]
pub enum SourceOperation {
    /// List the source operations of an environment's last commit
    List,
    Run(RunSource),
}

/// Run an operation on the code of an environment, and deploy what it commits
#[derive(Debug, Args)]
pub struct RunSource {
    /// Its name
    name: String,
    /// A variable for this run, as often as needed
    #[arg(long = "variable", value_name = "env:NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,
    #[command(flatten)]
    wait: Wait,
}

impl Operation {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List => list(context).await,
            Self::Run(run) => run.run(context).await,
        }?;
        Ok(0)
    }
}

impl Run {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let path = context.environment().await?.path(paths::OPERATIONS);
        let wanted = RunOperation {
            operation: self.name,
            app: self.app,
            worker: self.worker,
        };
        let started: Activity = context.client.post(&path, &wanted).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

impl SourceOperation {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List => list_source(context).await,
            Self::Run(run) => run.run(context).await,
        }?;
        Ok(0)
    }
}

impl RunSource {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let path = context.environment().await?.path(paths::SOURCE_OPERATIONS);
        let wanted = RunSourceOperation {
            operation: self.name,
            variables: BTreeMap::from_iter(self.variables),
        };
        let started: Activity = context.client.post(&path, &wanted).await?;
        self.wait.follow(context, &started).await.map(drop)
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::OPERATIONS);
    let operations: Vec<Found> = context.client.get(&path).await?;
    let columns = [
        Column::new("NAME", |operation: &Found| operation.name.clone()),
        Column::new("APP", |operation: &Found| operation.app.clone()),
        Column::new("COMMAND", |operation: &Found| first_line(&operation.command)),
        Column::new("ROLE", |operation: &Found| operation.role.clone()),
    ];
    let none = "There is no runtime operation.";
    context.output.list(&operations, &columns, none)
}

async fn list_source(context: &Context) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::SOURCE_OPERATIONS);
    let operations: Vec<FoundSource> = context.client.get(&path).await?;
    let columns = [
        Column::new("NAME", |operation: &FoundSource| operation.name.clone()),
        Column::new("APP", |operation: &FoundSource| operation.app.clone()),
        Column::new("COMMAND", |operation: &FoundSource| {
            first_line(&operation.command)
        }),
    ];
    let none = "There is no source operation.";
    context.output.list(&operations, &columns, none)
}

fn first_line(command: &str) -> String {
    command.trim().lines().next().unwrap_or_default().to_owned()
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if name.starts_with("env:") => Ok((name.into(), value.into())),
        _ => Err("write env:NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn an_operation_is_asked_for_where_it_was_told() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::activity("pending", None)]);
        let (printed, code) = daemon.run("-p shop -e main operation:run clear --worker queue -W");
        assert_eq!((printed.as_str(), code.unwrap()), ("abcdefgh12345\n", 0));
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("POST /v1/projects/shop/environments/main/operations HTTP"),
            "{request}"
        );
        let body = r#"{"operation":"clear","app":null,"worker":"queue"}"#;
        assert!(request.contains(body), "{request}");
    }

    #[test]
    fn a_source_operation_is_followed_with_its_variables() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::activity("pending", None),
            FakeDaemon::log("complete", Some("success")),
        ]);
        let (_, code) = daemon.run("-p shop -e main source-operation:run update --variable env:TO=a=b");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        assert!(
            request.contains(r#"{"operation":"update","variables":{"env:TO":"a=b"}}"#),
            "{request}"
        );
    }
}
