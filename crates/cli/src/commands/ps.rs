//! `guise ps`: containers, from the inside and from the outside.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Output, Tone};
use clap::Args;
use guise_api::{Container, ContainerKind, Lie, ProcessView, paths};
use jiff::Timestamp;

/// List containers: what their inside believes and what is so
///
/// Those of the environment you stand in; of all projects where there is none.
#[derive(Debug, Args)]
pub struct Ps {
    /// Show every process and every lie
    #[arg(short, long)]
    verbose: bool,
    /// Those of every project
    #[arg(short, long)]
    all: bool,
}

impl Ps {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let containers = self.fetch(context).await?;
        if self.verbose && context.output.is_table() {
            verbose(&context.output, &containers)?;
        } else {
            let several = containers
                .windows(2)
                .any(|pair| pair[0].environment != pair[1].environment);
            context.output.list(
                &containers,
                &columns(Timestamp::now(), several),
                "No container runs.",
            )?;
        }
        Ok(0)
    }

    async fn fetch(&self, context: &Context) -> Result<Vec<Container>, Error> {
        let project = if self.all { None } else { context.project_or_all()? };
        let environment = match &project {
            Some(_) => Some(context.environment().await?.environment),
            None => None,
        };
        let path = with_query(
            paths::CONTAINERS,
            &[
                ("project", project.as_deref()),
                ("environment", environment.as_deref()),
            ],
        );
        Ok(context.client.get(&path).await?)
    }
}

fn columns(now: Timestamp, several: bool) -> Vec<Column<Container>> {
    let mut columns = vec![
        Column::new("NAME", |container: &Container| container.name.clone()),
        Column::new("TYPE", |container: &Container| container.image_type.clone()),
        Column::new("STATE", |container: &Container| state(container).into())
            .toned(|container| if container.running { Tone::Good } else { Tone::Bad }),
        Column::new("PID 1 IS", |container: &Container| {
            container.pid.map(|pid| pid.to_string()).unwrap_or_default()
        }),
        Column::new("ROOT IS", |container: &Container| outside(container, "root user")),
        Column::new("MEMORY", |container: &Container| memory(container)),
        Column::new("AGE", move |container: &Container| {
            human::age(&container.created_at, now)
        }),
    ];
    if several {
        columns.insert(
            0,
            Column::new("ENVIRONMENT", |container: &Container| {
                container.environment.clone()
            }),
        );
    }
    columns
}

/// Each container with its lies and its processes.
fn verbose(output: &Output, containers: &[Container]) -> Result<(), Error> {
    if containers.is_empty() {
        output.remark("No container runs.");
    }
    for (position, container) in containers.iter().enumerate() {
        if position > 0 {
            output.line("")?;
        }
        output.line(format!(
            "{} {} ({}) of {}, {}, container {}",
            kind(container.kind),
            container.name,
            container.image_type,
            container.environment,
            state(container),
            container.id,
        ))?;
        output.list(&container.lies, &lie_columns(), "It is told no lie.")?;
        output.line("")?;
        output.list(&container.processes, &process_columns(), "It has no process.")?;
    }
    Ok(())
}

fn lie_columns() -> Vec<Column<Lie>> {
    vec![
        Column::new("LIE", |lie: &Lie| lie.about.clone()),
        Column::new("INSIDE", |lie: &Lie| lie.inside.clone()),
        Column::new("OUTSIDE", |lie: &Lie| lie.outside.clone()),
    ]
}

/// Processes from both sides.
pub fn process_columns() -> Vec<Column<ProcessView>> {
    vec![
        Column::new("PID", |process: &ProcessView| process.inside_pid.to_string()),
        Column::new("PARENT", |process: &ProcessView| {
            process.inside_parent.to_string()
        }),
        Column::new("USER", |process: &ProcessView| process.inside_user.clone()),
        Column::new("PID IS", |process: &ProcessView| process.host_pid.to_string()),
        Column::new("USER IS", |process: &ProcessView| process.host_uid.to_string()),
        Column::new("MEMORY", |process: &ProcessView| human::bytes(process.rss_bytes)),
        Column::new("COMMAND", |process: &ProcessView| command(process)),
    ]
}

/// runsvdir keeps its log in its own arguments, as dots while there is nothing to say (runsvdir(8)).
fn command(process: &ProcessView) -> String {
    process
        .command
        .trim_end_matches('.')
        .trim_end_matches(" log: ")
        .to_owned()
}

fn kind(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::App => "app",
        ContainerKind::Worker => "worker",
        ContainerKind::Service => "service",
    }
}

fn state(container: &Container) -> &'static str {
    if container.running { "running" } else { "stopped" }
}

fn memory(container: &Container) -> String {
    format!(
        "{} of {}",
        human::bytes(container.memory_bytes),
        human::bytes(container.memory_limit_bytes)
    )
}

fn outside(container: &Container, about: &str) -> String {
    container
        .lies
        .iter()
        .find(|lie| lie.about == about)
        .map(|lie| lie.outside.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};
    use guise_model::{ContainerId, ProjectId};

    fn container() -> Container {
        Container {
            id: ContainerId::new("k3f9x2m4q8za").unwrap(),
            project: ProjectId::new("abcdefgh12345").unwrap(),
            environment: "main".into(),
            name: "app".into(),
            kind: ContainerKind::App,
            image_type: "python:3.13".into(),
            running: true,
            pid: Some(48211),
            memory_bytes: 85_000_000,
            memory_limit_bytes: 512_000_000,
            created_at: "2026-11-24T11:56:00Z".into(),
            lies: vec![
                Lie {
                    about: "hostname".into(),
                    inside: "app.0".into(),
                    outside: "devbox".into(),
                },
                Lie {
                    about: "root user".into(),
                    inside: "0".into(),
                    outside: "536936448".into(),
                },
            ],
            processes: vec![ProcessView {
                inside_pid: 1,
                host_pid: 48211,
                inside_parent: 0,
                inside_user: "web".into(),
                host_uid: 536_946_448,
                rss_bytes: 1_900_000,
                command: "runsvdir -P /run/service log: .....".into(),
            }],
        }
    }

    #[test]
    fn containers_fit_eighty_columns() {
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap(), false);
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &[container()], &columns), @r"
        NAME  TYPE         STATE    PID 1 IS  ROOT IS    MEMORY           AGE
        app   python:3.13  running  48211     536936448  85 MB of 512 MB  4 min
        ");
    }

    #[test]
    fn lies_and_processes_are_shown_from_both_sides() {
        let output = output(Format::Table, Some(80));
        insta::assert_snapshot!(rendered(&output, &container().lies, &lie_columns()), @r"
        LIE        INSIDE  OUTSIDE
        hostname   app.0   devbox
        root user  0       536936448
        ");
        insta::assert_snapshot!(rendered(&output, &container().processes, &process_columns()), @r"
        PID  PARENT  USER  PID IS  USER IS    MEMORY  COMMAND
        1    0       web   48211   536946448  1.9 MB  runsvdir -P /run/service
        ");
    }
}
