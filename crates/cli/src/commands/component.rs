//! `guise app`, `guise worker`, `guise service`: what an environment consists of.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Tone};
use clap::Subcommand;
use guise_api::{Container, ContainerKind, paths};

/// List an environment's apps
#[derive(Debug, Subcommand)]
pub enum App {
    /// List them
    List,
}

/// List an environment's workers
#[derive(Debug, Subcommand)]
pub enum Worker {
    /// List them
    List,
}

/// List an environment's services
#[derive(Debug, Subcommand)]
pub enum Service {
    /// List them
    List,
}

impl App {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        list(context, ContainerKind::App, "app").await
    }
}

impl Worker {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        list(context, ContainerKind::Worker, "worker").await
    }
}

impl Service {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        list(context, ContainerKind::Service, "service").await
    }
}

async fn list(context: &Context, kind: ContainerKind, word: &str) -> Result<u8, Error> {
    let place = context.environment().await?;
    let of = [
        ("project", Some(place.project.as_str())),
        ("environment", Some(place.environment.as_str())),
    ];
    let mut found: Vec<Container> = context.client.get(&with_query(paths::CONTAINERS, &of)).await?;
    found.retain(|container| container.kind == kind);
    let none = format!("No {word} runs in {}.", place.environment);
    context.output.list(&found, &columns(), &none)?;
    Ok(0)
}

fn columns() -> Vec<Column<Container>> {
    vec![
        Column::new("NAME", |container: &Container| container.name.clone()),
        Column::new("TYPE", |container: &Container| container.image_type.clone()),
        Column::new("STATE", |container: &Container| state(container).into())
            .toned(|container| if container.running { Tone::Good } else { Tone::Bad }),
    ]
}

fn state(container: &Container) -> &'static str {
    if container.running { "running" } else { "stopped" }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn only_what_is_asked_for_is_listed() {
        for (line, expected) in [
            ("apps", "NAME  TYPE   STATE\napp   any:1  running\n"),
            ("service:list --columns name", "NAME\ndb\n"),
            ("workers", ""),
        ] {
            let daemon = FakeDaemon::answering(vec![FakeDaemon::containers()]);
            let (printed, code) = daemon.run(&format!("-p shop -e feature/a {line}"));
            assert_eq!((printed.as_str(), code.unwrap()), (expected, 0));
        }
    }
}
