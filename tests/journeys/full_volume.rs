//! A volume that is full: whose it is notices and is told, everybody else goes on.

use crate::site::{Site, says};
use anyhow::{Context, Result, ensure};
use journeys::Guise;
use serde_json::Value;

const MOUNT: &str = "name: app\ndisk: 128\nmounts:\n    kept: {source: local, source_path: kept}\n";
/// Writes into the mount until it is refused, and says how.
const FILL: &str = "dd if=/dev/urandom of=/app/kept/full bs=1M count=400 2>&1; sync";

pub fn harms_only_its_owner(guise: &Guise) -> Result<()> {
    let (full, other) = (deploy(guise, "full")?, deploy(guise, "beside-full")?);
    let said = inside(&full, FILL)?;
    ensure!(
        said.contains("quota exceeded") || said.contains("No space left"),
        "400 MB fit into 128 MB: {said}"
    );
    ensure!(
        is_nearly_full(&full)?,
        "`guise disk` does not say that it is full"
    );
    ensure!(
        !is_nearly_full(&other)?,
        "the other site's volume is full as well"
    );
    inside(&other, "echo word >/app/kept/word").context("beside a full volume")?;
    full.serves("first")?;

    full.repository.write("page.txt", "second")?;
    let push = full.repository.push("Change the page")?;
    ensure!(push.accepted, "the push is refused:\n{}", push.output);
    says(&push, &["W: the volume of app is", "raise `disk` and push"])?;
    full.serves("second").context("with a full volume")?;

    full.repository
        .replace(".platform.app.yaml", "disk: 128", "disk: 256")?;
    let push = full.repository.push("Raise the limit")?;
    says(&push, &["Limiting the volume of app to 2"])?;
    inside(&full, "echo word >/app/kept/word").context("after `disk` was raised")?;
    ensure!(!is_nearly_full(&full)?, "a raised limit changes nothing");
    for site in [full, other] {
        guise
            .run(site.repository.root(), &["--yes", "project", "delete"])?
            .ok()?;
    }
    Ok(())
}

fn deploy<'a>(guise: &'a Guise, name: &str) -> Result<Site<'a>> {
    let site = Site::write(guise, name)?;
    site.repository
        .replace(".platform.app.yaml", "name: app\n", MOUNT)?;
    site.repository.commit("Keep something")?;
    guise.run(site.repository.root(), &["up"])?.ok()?;
    Ok(site)
}

fn inside(site: &Site<'_>, script: &str) -> Result<String> {
    let words = ["exec", "-c", "app", "--", "sh", "-c", script];
    site.guise.run(site.repository.root(), &words)?.ok()
}

fn is_nearly_full(site: &Site<'_>) -> Result<bool> {
    let disk = site.guise.json(site.repository.root(), &["disk"])?;
    let volumes = disk["volumes"]
        .as_array()
        .context("`guise disk` lists no volumes")?;
    Ok(volumes
        .iter()
        .any(|volume| volume["nearly_full"] == Value::Bool(true)))
}
