//! `cargo xtask bench images`: what base images weigh and how long they take to build, from nothing.

use crate::{
    bench::{MARKED, machine},
    options::Options,
    programs::{become_root, build_guise},
};
use anyhow::{Context, Result};
use journeys::Guise;
use serde_json::Value;
use std::{fs, time::Instant};

/// Builds every version of every recipe once, those whose name contains the filter, and prints a table.
pub fn images(options: &Options) -> Result<()> {
    become_root("build images")?;
    let guise = Guise::prepare(&build_guise(false)?, &MARKED)?;
    let cache = guise.directory().join("cache");
    let settings = guise.state().join("config.toml");
    // A cache of its own, in which nothing is: each image is built, and each of Debian's packages downloaded once.
    let own_cache = format!("image_cache = {:?}\n", cache.display().to_string());
    fs::write(&settings, own_cache + &fs::read_to_string(&settings)?)?;
    guise.start()?;
    println!("| image | size | built in |\n| --- | --- | --- |");
    for name in names(&guise)? {
        if options.filter.as_ref().is_none_or(|word| name.contains(word)) {
            println!("{}", build(&guise, &name)?);
        }
    }
    println!("\n{}", machine());
    Ok(())
}

fn names(guise: &Guise) -> Result<Vec<String>> {
    let images = list(guise)?;
    let names = images.iter().filter_map(|image| image["name"].as_str());
    Ok(names.map(String::from).collect())
}

fn list(guise: &Guise) -> Result<Vec<Value>> {
    let images = guise.json(guise.directory(), &["image", "list"])?;
    images
        .as_array()
        .cloned()
        .context("`guise image list` prints no list")
}

fn build(guise: &Guise, name: &str) -> Result<String> {
    let begun = Instant::now();
    let ran = guise.run(guise.directory(), &["image", "build", name])?;
    let took = begun.elapsed().as_secs_f64();
    if ran.code != Some(0) {
        let why = ran.stderr.lines().chain(ran.stdout.lines());
        let why = why.map(str::trim).find(|line| line.starts_with("E:"));
        return Ok(format!("| {name} | | {} |", why.unwrap_or("not built")));
    }
    let images = list(guise)?;
    let image = images
        .iter()
        .find(|image| image["name"] == name && image["digest"].is_string());
    Ok(match image {
        Some(image) => {
            let megabytes = image["bytes"].as_f64().unwrap_or_default() / 1e6;
            format!("| {name} | {megabytes:.0} MB | {took:.0} s |")
        }
        // Recipes that differ only in what is rendered share an image, which has the name of one of them.
        None => format!("| {name} | shared | |"),
    })
}
