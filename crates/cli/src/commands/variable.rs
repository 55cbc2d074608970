//! `guise variable`: what builds and apps are given besides their configuration.

mod listed;
mod set;

use super::activity::Wait;
use super::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use clap::{Args, Subcommand, ValueEnum};
use guise_api::{Changed, Variable as Found, paths};
use set::Settings;

/// List, show, make, change and delete variables
#[derive(Debug, Subcommand)]
pub enum Variable {
    /// List the variables of the project and the environment
    List {
        /// Only those of this level
        #[arg(short, long, value_enum)]
        level: Option<Level>,
    },
    /// Show a variable, or one property of it
    Get {
        #[command(flatten)]
        which: Which,
        /// Print only this property
        #[arg(short = 'P', long)]
        property: Option<String>,
    },
    /// Make a variable
    ///
    /// One of an environment is applied at once: the environment is deployed again. One of the project is applied by
    /// each environment's next deployment.
    Create {
        #[command(flatten)]
        which: Which,
        /// Change the variable if there is one already
        #[arg(short, long)]
        update: bool,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        wait: Wait,
    },
    /// Change a variable: what is not named stays
    Update {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete a variable
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        wait: Wait,
    },
}

/// Whose a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// All environments of the project see it
    #[value(alias = "p")]
    Project,
    /// One environment sees it, and its children
    #[value(alias = "e")]
    Environment,
}

/// The variable meant.
#[derive(Debug, Args)]
pub struct Which {
    /// Its name with its prefix: env:COLOUR
    #[arg(required_unless_present = "named")]
    name: Option<String>,
    /// Its name
    #[arg(long = "name", id = "named", value_name = "NAME", conflicts_with = "name")]
    named: Option<String>,
    /// A prefix to put before its name: env
    #[arg(long)]
    prefix: Option<String>,
    /// Whose it is [default: the environment's if it has one, else the project's]
    #[arg(short, long, value_enum)]
    level: Option<Level>,
}

impl Variable {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        match self {
            Self::List { level } => listed::list(context, &place, level).await,
            Self::Get { which, property } => {
                let found = which.find(context, &place).await?;
                listed::show(context, &found, property.as_deref())
            }
            Self::Create {
                which,
                update,
                settings,
                wait,
            } => create(context, &place, which, update, settings, wait).await,
            Self::Update {
                which,
                settings,
                wait,
            } => {
                let found = which.find(context, &place).await?;
                let path = path_of(&place, level_of(&found), &found.name);
                let changed: Changed = context.client.patch(&path, &settings.read()?).await?;
                wait.follow_change(context, &changed).await
            }
            Self::Delete { which, wait } => {
                let found = which.find(context, &place).await?;
                let question = format!("Deleting {} deletes its value for good.", found.name);
                confirm(context, &question, &found.name)?;
                let path = path_of(&place, level_of(&found), &found.name);
                let changed: Changed = context.client.delete(&path).await?;
                wait.follow_change(context, &changed).await
            }
        }?;
        Ok(0)
    }
}

async fn create(
    context: &Context,
    place: &Place,
    which: Which,
    update: bool,
    settings: Settings,
    wait: Wait,
) -> Result<(), Error> {
    let name = which.full_name();
    let Some(level) = which.level else {
        return Err(Error::NoLevel { name });
    };
    if !settings.has_value() {
        return Err(Error::NoValue { name });
    }
    let exists = update
        && own(context, place, level)
            .await?
            .iter()
            .any(|known| known.name == name);
    let (path, wanted) = (path_of(place, level, &name), settings.read()?);
    let changed: Changed = if exists {
        context.client.patch(&path, &wanted).await?
    } else {
        context.client.post(&path, &wanted).await?
    };
    if level == Level::Project {
        context
            .output
            .remark("Environments see it from their next deployment on: guise redeploy");
    }
    wait.follow_change(context, &changed).await
}

impl Which {
    fn full_name(&self) -> String {
        let name = self
            .name
            .as_ref()
            .or(self.named.as_ref())
            .cloned()
            .unwrap_or_default();
        match &self.prefix {
            Some(prefix) if prefix != "none" => {
                let prefix = prefix.trim_end_matches(':');
                format!("{prefix}:{}", name.trim_start_matches(&format!("{prefix}:")))
            }
            _ => name,
        }
    }

    /// The variable of the level named; else the environment's, else the project's.
    async fn find(&self, context: &Context, place: &Place) -> Result<Found, Error> {
        let name = self.full_name();
        let levels = match self.level {
            Some(level) => vec![level],
            None => vec![Level::Environment, Level::Project],
        };
        for level in levels {
            let variables = own(context, place, level).await?;
            if let Some(found) = variables.into_iter().find(|variable| variable.name == name) {
                return Ok(found);
            }
        }
        Err(Error::NoVariable { name })
    }
}

/// The variables that are set at a level itself, not inherited.
async fn own(context: &Context, place: &Place, level: Level) -> Result<Vec<Found>, Error> {
    let mut variables = fetch(context, place, level).await?;
    variables.retain(|variable| {
        let environment = variable.environment.as_deref();
        environment.is_none_or(|environment| environment == place.environment)
    });
    Ok(variables)
}

async fn fetch(context: &Context, place: &Place, level: Level) -> Result<Vec<Found>, Error> {
    let path = match level {
        Level::Project => paths::fill(paths::PROJECT_VARIABLES, &[&place.project]),
        Level::Environment => place.path(paths::VARIABLES),
    };
    Ok(context.client.get(&path).await?)
}

fn level_of(variable: &Found) -> Level {
    match variable.environment {
        Some(_) => Level::Environment,
        None => Level::Project,
    }
}

fn path_of(place: &Place, level: Level, name: &str) -> String {
    match level {
        Level::Project => paths::fill(paths::PROJECT_VARIABLE, &[&place.project, name]),
        Level::Environment => paths::fill(paths::VARIABLE, &[&place.project, &place.environment, name]),
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    const DONE: &str = r#"{"activity":null}"#;

    #[test]
    fn a_variable_is_made_with_what_was_named_only() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(DONE)]);
        let line = "-p shop -e main variable:create COLOUR --prefix env: --level environment --value blue \
                    --visible-build true --sensitive";
        let (_, code) = daemon.run(line);
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        let path = "POST /v1/projects/shop/environments/main/variables/env%3ACOLOUR HTTP";
        assert!(request.starts_with(path), "{request}");
        let body = r#"{"value":"blue","is_sensitive":true,"visible_build":true}"#;
        assert!(request.ends_with(body), "{request}");
    }

    #[test]
    fn a_new_variable_needs_a_level_and_a_value() {
        for line in ["--value 1", "--level project"] {
            let daemon = FakeDaemon::answering(vec![]);
            let (_, code) = daemon.run(&format!("-p shop -e main variable create env:A {line}"));
            assert_eq!(code.unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn without_a_level_the_environments_own_goes_before_the_projects() {
        let of = |environment: &str| {
            format!(
                r#"[{{"name":"a","environment":{environment},"value":"1","is_json":false,"is_sensitive":false,
                "visible_build":true,"visible_runtime":true,"is_inheritable":true,"is_enabled":true,
                "application_scope":[],"created_at":"","updated_at":""}}]"#
            )
        };
        // What the parent has is not the environment's to delete.
        let inherited = FakeDaemon::json(&of("\"main\""));
        let daemon = FakeDaemon::answering(vec![
            inherited,
            FakeDaemon::json(&of("null")),
            FakeDaemon::json(DONE),
        ]);
        let (_, code) = daemon.run("-p shop -e feature variable delete a --yes");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(2);
        assert!(
            request.starts_with("DELETE /v1/projects/shop/variables/a HTTP"),
            "{request}"
        );
    }
}
