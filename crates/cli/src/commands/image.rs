//! `guise image`: base images from recipes, app images from pushes.

use super::activity;
use crate::context::Context;
use crate::error::Error;
use crate::follow;
use crate::human;
use crate::output::{Column, Tone};
use crate::progress::Progress;
use clap::Subcommand;
use guise_api::{Activity, ActivityResult, BuildImage, Image as Found, ImageKind, Pruned, paths};
use jiff::Timestamp;
use std::str::FromStr;

/// List, build and remove images
#[derive(Debug, Subcommand)]
pub enum Image {
    /// List the images that are there and those that could be built
    List,
    /// Build base images from their recipes
    Build {
        /// What to build: python, or python:3.13
        #[arg(value_name = "RECIPE[:VERSION]", required_unless_present = "all")]
        images: Vec<Wanted>,
        /// Everything that is not there yet
        #[arg(long, conflicts_with = "images")]
        all: bool,
        /// Build anew what is there, to pick up updates
        #[arg(long)]
        refresh: bool,
    },
    /// Remove images that nobody uses, and what is too much in the cache
    ///
    /// Images stay that a container, a backup or a deployment uses that one can go back to, and those of today's recipes.
    Prune {
        /// Also what would have to be built again: unused images of today's recipes, and all of the cache
        #[arg(long)]
        all: bool,
    },
}

impl Image {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::List => list(context).await,
            Self::Build {
                images,
                all: false,
                refresh,
            } => build(context, images, refresh).await,
            Self::Build {
                all: true, refresh, ..
            } => build(context, missing(context, refresh).await?, refresh).await,
            Self::Prune { all } => prune(context, all).await,
        }?;
        Ok(0)
    }
}

/// A recipe, and its version if it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    recipe: String,
    version: Option<String>,
}

impl FromStr for Wanted {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (recipe, version) = match text.split_once(':') {
            Some((recipe, version)) => (recipe, Some(version)),
            None => (text, None),
        };
        if recipe.is_empty() || version == Some("") {
            return Err("write RECIPE or RECIPE:VERSION");
        }
        Ok(Self {
            recipe: recipe.into(),
            version: version.map(str::to_owned),
        })
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let images: Vec<Found> = context.client.get(paths::IMAGES).await?;
    context.output.list(
        &images,
        &columns(Timestamp::now()),
        "There is no image and no recipe.",
    )
}

fn columns(now: Timestamp) -> Vec<Column<Found>> {
    vec![
        Column::new("NAME", |image: &Found| image.name.clone()),
        Column::new("KIND", |image: &Found| kind(image.kind).into()),
        Column::new("DIGEST", |image: &Found| {
            image
                .digest
                .as_ref()
                .map_or_else(|| "not built".into(), |digest| digest.short().into())
        })
        .toned(|image| {
            if image.digest.is_some() {
                Tone::Even
            } else {
                Tone::Faint
            }
        }),
        Column::new("SIZE", |image: &Found| {
            image
                .digest
                .as_ref()
                .map(|_| human::bytes(image.bytes))
                .unwrap_or_default()
        }),
        Column::new("AGE", move |image: &Found| {
            image
                .created_at
                .as_ref()
                .map(|time| human::age(time, now))
                .unwrap_or_default()
        }),
        Column::new("USED BY", |image: &Found| match image.used_by {
            0 => String::new(),
            1 => "1 container".into(),
            several => format!("{several} containers"),
        }),
    ]
}

fn kind(kind: ImageKind) -> &'static str {
    match kind {
        ImageKind::Base => "base",
        ImageKind::App => "app",
    }
}

/// The base images that are not built; all of them when they are to be refreshed.
async fn missing(context: &Context, refresh: bool) -> Result<Vec<Wanted>, Error> {
    let images: Vec<Found> = context.client.get(paths::IMAGES).await?;
    let missing: Vec<Wanted> = images
        .iter()
        .filter(|image| image.kind == ImageKind::Base && (refresh || image.digest.is_none()))
        .filter_map(|image| image.name.parse().ok())
        .collect();
    if missing.is_empty() {
        context.output.remark("Every image is there.");
    }
    Ok(missing)
}

/// One after the other: each build keeps all processors busy.
async fn build(context: &Context, images: Vec<Wanted>, refresh: bool) -> Result<(), Error> {
    for image in images {
        let wanted = BuildImage {
            recipe: image.recipe,
            version: image.version,
            refresh,
        };
        let started: Activity = context.client.post(paths::IMAGES, &wanted).await?;
        follow_build(context, started).await?;
    }
    Ok(())
}

async fn follow_build(context: &Context, started: Activity) -> Result<(), Error> {
    let mut progress = Progress::start(&started.description, context.output.quiet());
    let ended = follow::activity_log(&context.client, &started.id, true, |line| {
        progress.line(&line.text);
        Ok(())
    })
    .await;
    match &ended {
        Ok(Some(activity)) if activity.result == Some(ActivityResult::Success) => progress.done(),
        _ => progress.failed(),
    }
    activity::outcome(ended?.unwrap_or(started.clone()))?;
    context.output.remark(format!("{}: done", started.description));
    Ok(())
}

async fn prune(context: &Context, all: bool) -> Result<(), Error> {
    let path = format!("{}?all={all}", paths::PRUNE_IMAGES);
    let pruned: Pruned = context.client.post(&path, &()).await?;
    let images = match pruned.images {
        1 => "1 image".into(),
        several => format!("{several} images"),
    };
    context.output.remark(format!(
        "Removed {images} that nobody used, and {} of the cache, which has {} now.",
        human::bytes(pruned.removed_bytes),
        human::bytes(pruned.kept_bytes),
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};
    use guise_model::ImageDigest;

    #[test]
    fn an_image_is_named_by_recipe_and_version() {
        let wanted = |recipe: &str, version: Option<&str>| Wanted {
            recipe: recipe.into(),
            version: version.map(str::to_owned),
        };
        assert_eq!("python".parse(), Ok(wanted("python", None)));
        assert_eq!("python:3.13".parse(), Ok(wanted("python", Some("3.13"))));
        assert!("python:".parse::<Wanted>().is_err() && ":3".parse::<Wanted>().is_err());
    }

    #[test]
    fn images_that_are_not_built_are_listed_too() {
        let digest = ImageDigest::new("3f".repeat(32)).unwrap();
        let image = |kind, name: &str, digest: Option<&ImageDigest>, used_by| Found {
            kind,
            name: name.into(),
            digest: digest.cloned(),
            bytes: 96_000_000,
            created_at: digest.map(|_| "2026-11-24T10:00:00Z".into()),
            used_by,
        };
        let images = [
            image(ImageKind::Base, "python:3.13", Some(&digest), 2),
            image(ImageKind::Base, "nodejs:20", None, 0),
            image(ImageKind::App, "app", Some(&digest), 1),
        ];
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &images, &columns), @r"
        NAME         KIND  DIGEST        SIZE   AGE  USED BY
        python:3.13  base  3f3f3f3f3f3f  96 MB  2 h  2 containers
        nodejs:20    base  not built
        app          app   3f3f3f3f3f3f  96 MB  2 h  1 container
        ");
    }
}
