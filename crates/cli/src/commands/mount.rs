//! `guise mount`: the files that an app keeps, listed and copied either way.
//!
//! rsync copies them, as on Platform.sh: the one on the other side runs in the app's container as the app's own user,
//! started through `guise exec`. So nothing on the host follows a path of the container's, and what is uploaded belongs
//! to the user it must belong to.

mod choice;
mod rsync;

use super::confirm;
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use crate::place::Place;
use choice::Choice;
use clap::{Args, Subcommand};
use guise_api::{App, paths};
use rsync::{Direction, Rsync};
use serde::Serialize;
use std::path::PathBuf;

/// List, upload and download the files in mounts
#[derive(Debug, Subcommand)]
pub enum Mount {
    /// List the mounts of an app
    List(Whose),
    /// Copy a local directory into a mount
    Upload(Copy),
    /// Copy a mount into a local directory
    Download(Copy),
}

/// The app meant.
#[derive(Debug, Args)]
pub struct Whose {
    /// The app, or a worker as app--worker [default: the first app]
    #[arg(short = 'A', long)]
    app: Option<String>,
}

/// What is copied.
#[derive(Debug, Args)]
pub struct Copy {
    /// The mount [default: the only one]
    #[arg(short, long, conflicts_with = "all")]
    mount: Option<String>,
    /// All mounts, each from or to a directory of its own name
    #[arg(long)]
    all: bool,
    /// The directory to upload from [default: the mount's name]
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    source: Option<PathBuf>,
    /// The directory to download to [default: the mount's name]
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
    /// Delete what is only on the other side
    #[arg(long)]
    delete: bool,
    /// Copy these all the same (a pattern of rsync); may be given again
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Do not copy these (a pattern of rsync); may be given again
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    #[command(flatten)]
    whose: Whose,
}

impl Mount {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List(whose) => list(context, &whose).await.map(|()| 0),
            Self::Upload(copy) => copy.run(context, Direction::Upload).await,
            Self::Download(copy) => copy.run(context, Direction::Download).await,
        }
    }
}

/// A mount as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    path: String,
    source: String,
    source_path: String,
}

async fn list(context: &Context, whose: &Whose) -> Result<(), Error> {
    let place = context.environment().await?;
    let app = fetch(context, &place, whose).await?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mounts: Vec<Listed> = app
        .mounts
        .iter()
        .map(|(path, mount)| Listed {
            path: path.trim_matches('/').into(),
            source: text(&mount["source"]),
            source_path: text(&mount["source_path"]),
        })
        .collect();
    let columns = [
        Column::new("MOUNT", |mount: &Listed| mount.path.clone()),
        Column::new("SOURCE", |mount: &Listed| mount.source.clone()),
        Column::new("SOURCE PATH", |mount: &Listed| mount.source_path.clone()),
    ];
    let none = format!(
        "{} has no mount: what it writes ends with its container.",
        app.name
    );
    context.output.list(&mounts, &columns, &none)
}

async fn fetch(context: &Context, place: &Place, whose: &Whose) -> Result<App, Error> {
    let path = with_query(&place.path(paths::APP), &[("container", whose.app.as_deref())]);
    Ok(context.client.get(&path).await?)
}

impl Copy {
    async fn run(self, context: &Context, direction: Direction) -> Result<u8, Error> {
        let place = context.environment().await?;
        let app = fetch(context, &place, &self.whose).await?;
        let choice = Choice {
            mount: self.mount,
            all: self.all,
            directory: match direction {
                Direction::Upload => self.source,
                Direction::Download => self.target,
            },
        };
        let copies = choice.copies(&app)?;
        if self.delete {
            confirm_deletion(context, direction, &copies)?;
        }
        for (mount, directory) in copies {
            let rsync = Rsync {
                direction,
                state: context.local_state(),
                place: &place,
                app: &app.name,
                mount: &mount,
                directory: &directory,
                delete: self.delete,
                include: &self.include,
                exclude: &self.exclude,
                quiet: context.output.quiet(),
            };
            context.output.remark(rsync.describe());
            let status = rsync.run()?;
            if status != 0 {
                return Ok(status);
            }
        }
        Ok(0)
    }
}

fn confirm_deletion(
    context: &Context,
    direction: Direction,
    copies: &[(String, PathBuf)],
) -> Result<(), Error> {
    let names = copies.iter().map(|(mount, directory)| match direction {
        Direction::Upload => format!("the mount {mount}"),
        Direction::Download => directory.display().to_string(),
    });
    let names = names.collect::<Vec<_>>().join(", ");
    let question = format!("What is only in {names} will be deleted for good.");
    confirm(context, &question, "yes")
}
