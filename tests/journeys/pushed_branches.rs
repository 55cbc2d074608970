//! Branches that git makes and deletes, and a push of which nobody tells.

use crate::site::{Site, says};
use anyhow::{Result, ensure};
use journeys::{Guise, Push, http};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// git's own side of a push, without the hooks that tell guised.
const WITHOUT_HOOKS: &str = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack";

pub fn run_and_go(guise: &Guise) -> Result<()> {
    let site = Site::write(guise, "pushed-branches")?;
    let mount = "disk: 128\nmounts:\n    data: { source: local, source_path: data }\nweb:\n";
    site.repository.replace(".platform.app.yaml", "web:\n", mount)?;
    site.repository.commit("Keep files")?;
    guise.run(site.repository.root(), &["up"])?.ok()?;
    site.repository.write("page.txt", "feature")?;
    site.repository.commit("Begin a feature")?;
    let push = |arguments: &[&str]| Push::of(site.repository.push_of(arguments));

    let unknown = push(&["-o", "environment.colour=red", "guise", "HEAD:refs/heads/feature"])?;
    ensure!(!unknown.accepted, "an unknown option is accepted");
    says(&unknown, &["environment.colour", "environment.status"])?;
    let stored = push(&[
        "-o",
        "environment.status=inactive",
        "guise",
        "HEAD:refs/heads/stored",
    ])?;
    says(&stored, &["nothing runs"])?;
    ensure!(site.status_of("stored")? == "inactive");

    let made = push(&["guise", "HEAD:refs/heads/feature"])?;
    says(&made, &["Cloned", "is served by application"])?;
    let of_feature = site.url_of("feature")?;
    ensure!(http::get(&of_feature)?.text() == "feature");
    site.serves("first")?;

    let production = push(&["guise", ":refs/heads/main"])?;
    ensure!(!production.accepted, "production's branch is deleted");
    says(&production, &["production", "cannot be deleted"])?;
    let deleted = push(&["guise", ":refs/heads/feature"])?;
    says(&deleted, &["the data of app is deleted for good"])?;
    ensure!(site.status_of("feature")? == "null", "it is still there");
    ensure!(http::get(&of_feature)?.status == 404);
    site.serves("first")
}

pub fn nobody_tells(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "nobody-tells")?;
    site.repository.write("page.txt", "second")?;
    site.repository.commit("Change the page")?;
    guise.kill_daemon()?;
    let refused = Push::of(site.repository.push_command())?;
    ensure!(!refused.accepted, "a push is accepted without a daemon");
    says(&refused, &["refused", "when the daemon runs"])?;
    for branch in ["main", "other"] {
        let branch = format!("HEAD:refs/heads/{branch}");
        let taken = Push::of(site.repository.push_of(&[WITHOUT_HOOKS, "guise", &branch]))?;
        ensure!(taken.accepted, "git refuses it:\n{}", taken.output);
    }
    guise.start()?;
    let is_second = |response: &http::Response| response.text() == "second";
    http::get_when(&guise.url(site.repository.root())?, PATIENCE, is_second)?;
    let pushes = ["activity", "list", "--type", "environment.push"];
    let pushes = || guise.json(site.repository.root(), &pushes);
    let count = pushes()?.as_array().map(Vec::len);
    ensure!(count == Some(3), "there are {count:?} pushes");
    // What is known is not deployed again.
    guise.kill_daemon()?;
    guise.start()?;
    ensure!(pushes()?.as_array().map(Vec::len) == count);
    http::get_when(&site.url_of("other")?, PATIENCE, is_second).map(drop)
}

impl Site<'_> {
    fn url_of(&self, environment: &str) -> Result<String> {
        let words = ["--environment", environment, "url", "--primary"];
        let printed = self.guise.run(self.repository.root(), &words)?.ok()?;
        Ok(printed.trim().into())
    }

    /// The status of an environment; `null` when there is none.
    fn status_of(&self, environment: &str) -> Result<String> {
        let listed = self
            .guise
            .json(self.repository.root(), &["environment", "list"])?;
        let mut environments = listed.as_array().into_iter().flatten();
        let found = environments.find(|known| known["name"] == environment);
        let status = found.map(|known| known["status"].clone()).unwrap_or_default();
        Ok(status.as_str().unwrap_or("null").into())
    }
}
