//! The machine's disk: a state directory with settings, and the base image that the site needs.

use crate::vm::machine;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where every guise of this machine keeps its base images.
const CACHE: &str = "/var/cache/guise/images";
const RECIPE: &str = "python";
const VERSION: &str = "3.13";
/// The machine's network has no way out, so that it could not build an image.
const SETTINGS: &str = "image_cache = \"/var/tmp/cache\"\npool_bytes = 1000000000\n";

/// Makes it at `path`; `content` is a directory for what is put on it.
///
/// # Errors
/// When the base image was not built here yet.
pub fn make(path: &Path, content: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(content);
    let (state, cache) = (content.join("state"), content.join("cache"));
    fs::create_dir_all(&state)?;
    fs::create_dir_all(&cache)?;
    fs::write(state.join("config.toml"), SETTINGS)?;
    let descriptions = descriptions()?;
    ensure!(
        !descriptions.is_empty(),
        "{CACHE} has no {RECIPE}:{VERSION}: run the journeys first, which build it (cargo xtask test --filter guestbook)"
    );
    for description in descriptions {
        let image = description.with_extension("squashfs");
        for file in [description, image] {
            let name = file.file_name().context("a file has a name")?;
            fs::copy(&file, cache.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    machine::make_disk(path, Some(content))?;
    Ok(fs::remove_dir_all(content)?)
}

/// The descriptions of the images of the recipe's version, whatever state the recipe was in.
fn descriptions() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(CACHE).with_context(|| format!("cannot list {CACHE}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let is_wanted = |path: &PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        let described: Value = serde_json::from_slice(&text).unwrap_or_default();
        described["recipe"] == RECIPE && described["version"] == VERSION
    };
    Ok(paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(is_wanted)
        .collect())
}
