//! `cargo xtask bench build`: what a build costs that has been done before, and what packing costs.

use crate::{
    bench::{MARKED, Row, print},
    options::Options,
    programs::{become_root, build_guise, cargo, run},
};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Push, Repository};
use std::time::Instant;

const APP: &str = r#"name: app
type: "nodejs:22"
web:
    locations:
        /: {root: public, index: [index.html]}
"#;

/// Tools that many projects build with: what is fetched for them is most of what a build takes.
const PACKAGES: &str = r#"{
    "name": "app", "private": true,
    "dependencies": {"express": "^5", "typescript": "^5", "webpack": "^5", "eslint": "^9", "prettier": "^3"}
}"#;

/// Pushes a tree with many packages in several ways and prints a table; then packs what came of it.
pub fn build(options: &Options) -> Result<()> {
    become_root("make containers")?;
    let guise = Guise::prepare(&build_guise(true)?, &MARKED)?;
    guise.start()?;
    let tree = begin(&guise)?;
    let mut rows = Vec::new();
    let mut row = |name, samples: Vec<f64>| {
        println!("Measured: {name}");
        let unit = "s";
        rows.push(Row { name, samples, unit });
    };
    row("first push", vec![push(&tree, "main", "main", "Installing")?]);
    let (mut other, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=options.repetitions {
        other.push(push(
            &tree,
            "main",
            &format!("other-{n}"),
            "Reusing existing build",
        )?);
        change(&tree, n)?;
        warm.push(push(&tree, "main", "main", "Installing")?);
        change(&tree, options.repetitions + n)?;
        guise.run(tree.root(), &["project", "clear-build-cache"])?.ok()?;
        cold.push(push(&tree, "main", "main", "Installing")?);
    }
    row("the same tree on another branch", other);
    row("another tree, with a warm cache", warm);
    row("another tree, with an empty cache", cold);
    print(&rows);
    packing(&guise, &tree)
}

fn begin(guise: &Guise) -> Result<Repository> {
    let tree = Repository::create(&guise.directory().join("build"))?;
    tree.write(".platform.app.yaml", APP)?;
    tree.write("package.json", PACKAGES)?;
    tree.write("public/index.html", "0")?;
    tree.commit("Begin")?;
    let project = guise.json(tree.root(), &["project", "create", "--title", "build"])?;
    let git_url = project["git_url"].as_str().context("a project has no git URL")?;
    tree.git(&["remote", "add", "guise", git_url])?;
    // The base image is not what is measured.
    guise.run(tree.root(), &["image", "build", "nodejs:22"])?.ok()?;
    Ok(tree)
}

fn change(tree: &Repository, n: usize) -> Result<()> {
    tree.write("public/index.html", &n.to_string())?;
    tree.commit("Change the page")
}

/// From `git push` to its end, of which `word` must be said.
fn push(tree: &Repository, from: &str, to: &str, word: &str) -> Result<f64> {
    let begun = Instant::now();
    let push = Push::of(tree.push_of(&["guise", &format!("{from}:refs/heads/{to}")]))?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(
        push.accepted && push.output.contains(word),
        "{word:?} is not said:\n{}",
        push.output
    );
    Ok(took)
}

/// Packs the app's image as it is mounted.
fn packing(guise: &Guise, tree: &Repository) -> Result<()> {
    let images = guise.json(tree.root(), &["image", "list"])?;
    let images = images.as_array().context("`guise image list` prints no list")?;
    let app = images.iter().find(|image| image["kind"] == "app");
    let digest = app
        .and_then(|app| app["digest"].as_str())
        .context("no app image")?;
    let mounted = guise.state().join("images/mounts").join(digest);
    println!();
    run(cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "guise-image",
            "--example",
            "freeze",
            "--",
        ])
        .arg(mounted))
}
