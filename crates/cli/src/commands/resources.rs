//! `guise resources`: processors and memory of apps, workers and services.

use super::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::{Args, Subcommand, ValueEnum};
use guise_api::{Changed, Resources as Found, ResourcesLevel, SetResources, paths};
use guise_model::Allowance;

/// Show and set how much processor time and memory apps, workers and services may use
///
/// By itself a container has what its `size` stands for: see docs/decisions/sizes.md. What is set here goes before that.
#[derive(Debug, Subcommand)]
pub enum Resources {
    /// Show what each app, worker and service may use
    #[command(visible_alias = "list")]
    Get,
    /// Set what one may use: what is not named stays
    ///
    /// Set for an environment, it is applied at once: the environment is deployed again. Set for the project, it is
    /// applied by each environment's next deployment.
    Set {
        /// The app, worker (app--worker) or service
        name: String,
        #[command(flatten)]
        figures: Figures,
        /// For this environment or for all of the project
        #[arg(short, long, value_enum, default_value = "environment")]
        level: Level,
        #[command(flatten)]
        wait: Wait,
    },
    /// Take back what was set for one: its size counts again
    Reset {
        /// The app, worker (app--worker) or service
        name: String,
        /// For this environment or for all of the project
        #[arg(short, long, value_enum, default_value = "environment")]
        level: Level,
        #[command(flatten)]
        wait: Wait,
    },
}

/// How much.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Figures {
    /// Processors
    #[arg(long, value_name = "NUMBER")]
    cpu: Option<f64>,
    /// Memory, in MB
    #[arg(long, value_name = "MB")]
    memory: Option<u64>,
}

/// For which environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// All environments of the project
    #[value(alias = "p")]
    Project,
    /// One environment
    #[value(alias = "e")]
    Environment,
}

impl Resources {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Get => get(context).await,
            Self::Set {
                name,
                figures,
                level,
                wait,
            } => {
                let wanted = Allowance::new(figures.cpu, figures.memory)?;
                set(context, &name, level, Some(wanted), wait).await
            }
            Self::Reset { name, level, wait } => set(context, &name, level, None, wait).await,
        }?;
        Ok(0)
    }
}

async fn get(context: &Context) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::RESOURCES);
    let found: Vec<Found> = context.client.get(&path).await?;
    let none = "There is nothing yet that would use any: git push guise";
    context.output.list(&found, &columns(), none)
}

async fn set(
    context: &Context,
    name: &str,
    level: Level,
    allowance: Option<Allowance>,
    wait: Wait,
) -> Result<(), Error> {
    let place = context.environment().await?;
    let path = paths::fill(paths::RESOURCE, &[&place.project, &place.environment, name]);
    let level = match level {
        Level::Project => ResourcesLevel::Project,
        Level::Environment => ResourcesLevel::Environment,
    };
    let changed: Changed = context
        .client
        .patch(&path, &SetResources { level, allowance })
        .await?;
    if changed.activity.is_none() {
        context
            .output
            .remark("It counts from the next deployment on: guise redeploy");
    }
    wait.follow_change(context, &changed).await
}

fn columns() -> Vec<Column<Found>> {
    let number = |figure: Option<String>| figure.unwrap_or_else(|| "-".into());
    vec![
        Column::new("NAME", |found: &Found| found.name.clone()),
        Column::new("CPU", move |found: &Found| {
            number(found.cpu.map(|cpu| cpu.to_string()))
        }),
        Column::new("MEMORY", move |found: &Found| {
            number(found.memory.map(|memory| format!("{memory} MB")))
        }),
        Column::new("SET FOR THE PROJECT", |found: &Found| words(found.project)),
        Column::new("SET FOR THE ENVIRONMENT", |found: &Found| {
            words(found.environment)
        }),
    ]
}

fn words(allowance: Option<Allowance>) -> String {
    let allowance = allowance.unwrap_or_default();
    let cpu = allowance.cpu().map(|cpu| format!("cpu {cpu}"));
    let memory = allowance.memory_mb().map(|memory| format!("memory {memory} MB"));
    let said: Vec<String> = cpu.into_iter().chain(memory).collect();
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_daemon::FakeDaemon;
    use crate::output::{Format, tests::*};

    #[test]
    fn each_container_is_shown_with_who_says_so() {
        let app = Found {
            name: "app".into(),
            cpu: Some(0.5),
            memory: Some(512),
            project: Some(Allowance::new(None, Some(512)).unwrap()),
            environment: Some(Allowance::new(Some(0.5), None).unwrap()),
        };
        let gone = Found {
            name: "old".into(),
            cpu: None,
            memory: None,
            environment: None,
            ..app.clone()
        };
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(100)), &[app, gone], &columns()), @r"
        NAME  CPU  MEMORY  SET FOR THE PROJECT  SET FOR THE ENVIRONMENT
        app   0.5  512 MB  memory 512 MB        cpu 0.5
        old   -    -       memory 512 MB
        ");
    }

    #[test]
    fn what_is_set_is_sent_and_a_figure_that_cannot_be_is_refused_before() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(r#"{"activity":null}"#)]);
        let (_, code) = daemon.run("-p shop -e main resources:set app--mail --memory 512 --level project");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        let path = "PATCH /v1/projects/shop/environments/main/resources/app--mail HTTP";
        assert!(request.starts_with(path), "{request}");
        let body = r#"{"level":"project","allowance":{"memory":512}}"#;
        assert!(request.ends_with(body), "{request}");

        let (_, code) = FakeDaemon::answering(vec![]).run("-p shop -e main resources set app --cpu 0");
        let error = code.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("processors"), "{error}");
    }
}
