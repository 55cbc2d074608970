//! `guise environment`: the environments of a project.

mod branch;
mod checkout;
mod http_access;
mod lifecycle;
mod loss;
mod push;
mod redeploy;
mod synchronize;
mod tree;

use crate::commands::property::Property;
use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;
use guise_api::{Environment as Found, EnvironmentStatus, EnvironmentType, paths};
use lifecycle::Target;

/// Branch, list and change environments
#[derive(Debug, Subcommand)]
pub enum Environment {
    List(tree::List),
    /// Show an environment, or one property of it, or set one: title, type, parent, restrict_robots, enable_smtp, sleep_after,
    /// deployment_strategy
    Info(Property),
    Branch(branch::Branch),
    Push(push::Push),
    Checkout(checkout::Checkout),
    /// Start an inactive environment, with a clone of its parent's data
    Activate(Target),
    /// Stop an environment and delete its data; its branch stays
    Deactivate(Target),
    /// Delete an environment with its data and its branch
    Delete(Target),
    /// Stop an environment; its data stays
    Pause(Target),
    /// Start a paused environment
    Resume(Target),
    /// Stop an environment until somebody asks for it
    Sleep(Target),
    /// Start an environment that sleeps
    Wake(Target),
    /// Merge an environment's branch into its parent's, and deploy the parent
    Merge(Target),
    #[command(visible_alias = "httpaccess")]
    HttpAccess(http_access::HttpAccess),
    Redeploy(redeploy::Redeploy),
    #[command(visible_alias = "sync")]
    Synchronize(synchronize::Synchronize),
}

impl Environment {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Info(property) => info(context, property).await,
            Self::Branch(branch) => branch.run(context).await,
            Self::Push(push) => return push.run(context).await,
            Self::Checkout(checkout) => checkout.run(context).await,
            Self::Activate(target) => lifecycle::activate(context, target).await,
            Self::Deactivate(target) => lifecycle::deactivate(context, target).await,
            Self::Delete(target) => lifecycle::delete(context, target).await,
            Self::Pause(target) => lifecycle::ask(context, target, paths::PAUSE).await,
            Self::Resume(target) => lifecycle::ask(context, target, paths::RESUME).await,
            Self::Sleep(target) => lifecycle::ask(context, target, paths::SLEEP).await,
            Self::Wake(target) => lifecycle::ask(context, target, paths::WAKE).await,
            Self::Merge(target) => lifecycle::ask(context, target, paths::MERGE).await,
            Self::HttpAccess(access) => access.run(context).await,
            Self::Redeploy(redeploy) => redeploy.run(context).await,
            Self::Synchronize(synchronize) => synchronize.run(context).await,
        }?;
        Ok(0)
    }
}

async fn info(context: &Context, property: Property) -> Result<(), Error> {
    let path = context.environment().await?.path(paths::ENVIRONMENT);
    if let Some(wanted) = property.to_set() {
        return property.set(context, &path, &wanted).await;
    }
    let environment: Found = context.client.get(&path).await?;
    let mut fields = vec![
        ("name", environment.name.clone()),
        ("title", environment.title.clone()),
        ("machine name", environment.machine_name.clone()),
        ("project", environment.project.to_string()),
        ("type", kind(environment.kind).into()),
        ("status", status(&environment).into()),
        (
            "parent",
            environment.parent.clone().unwrap_or_else(|| "none".into()),
        ),
        (
            "commit",
            environment.head_commit.clone().unwrap_or_else(|| "none".into()),
        ),
        (
            "deployed",
            environment.deployed_at.clone().unwrap_or_else(|| "never".into()),
        ),
        ("restrict robots", environment.restrict_robots.to_string()),
        ("enable smtp", environment.enable_smtp.to_string()),
        ("sleep after", environment.sleep_after.clone()),
        ("deployment strategy", environment.deployment_strategy.clone()),
    ];
    for route in &environment.routes {
        fields.push(("route", format!("{} → {}", route.url, route.to)));
    }
    property.show(context, &environment, &fields)
}

fn kind(kind: EnvironmentType) -> &'static str {
    match kind {
        EnvironmentType::Production => "production",
        EnvironmentType::Staging => "staging",
        EnvironmentType::Development => "development",
    }
}

fn status(environment: &Found) -> &'static str {
    match environment.status {
        EnvironmentStatus::Active if environment.asleep => "asleep",
        EnvironmentStatus::Active => "active",
        EnvironmentStatus::Inactive => "inactive",
        EnvironmentStatus::Paused => "paused",
        EnvironmentStatus::Dirty => "in progress",
        EnvironmentStatus::Deleting => "deleting",
    }
}
