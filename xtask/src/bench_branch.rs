//! `cargo xtask bench branch`: from the command to the first good answer of a new environment with databases.

use crate::{
    bench::{MARKED, Row, guestbook, print},
    options::Options,
    programs::{become_root, build_guise},
};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, http};
use std::{
    io::{BufRead, BufReader, pipe},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the guest book says of its one guest, which each branch must say too.
const GUEST: &str = "Ada was here";

/// A line that guise said, and when.
type Said = (f64, String);

/// Branches an environment again and again and prints a table, and how the last time went.
pub fn branch(options: &Options) -> Result<()> {
    become_root("make containers")?;
    let guise = Guise::prepare(&build_guise(true)?, &MARKED)?;
    guise.start()?;
    println!("Deploying the guest book with MariaDB and Redis");
    let tree = deploy(&guise)?;
    let (mut totals, mut clones, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=options.repetitions {
        let (total, said) = branch_once(&guise, &tree, &format!("branch-{n}"))?;
        totals.push(total);
        clones.push(time_before(&said, "Cloned")? * 1000.0);
        last = said;
    }
    println!("\nThe last one:");
    for (at, line) in last {
        println!("  {at:>6.3} s  {line}");
    }
    print(&[
        row("branch with MariaDB and Redis, to the first answer", "s", totals),
        row("of which its data", "ms", clones),
    ]);
    Ok(())
}

fn row(name: &'static str, unit: &'static str, samples: Vec<f64>) -> Row {
    Row { name, samples, unit }
}

fn deploy(guise: &Guise) -> Result<Repository> {
    let tree = Repository::create(&guise.directory().join("guestbook"))?;
    guestbook(&tree)?;
    tree.append(".platform/services.yaml", "\ncache:\n    type: redis:8\n")?;
    tree.replace(
        ".platform.app.yaml",
        "    database: \"db:mysql\"",
        "    database: \"db:mysql\"\n    cache: \"cache:redis\"",
    )?;
    tree.commit("Begin")?;
    guise.run(tree.root(), &["up"])?.ok()?;
    let entry = [("author", None, &b"Ada"[..]), ("message", None, GUEST.as_bytes())];
    let answer = http::post_form(&guise.url(tree.root())?, &entry)?;
    ensure!(answer.status == 303, "signing is answered by {}", answer.status);
    Ok(tree)
}

/// From the command to the first answer with the parent's data, and what guise said meanwhile.
fn branch_once(guise: &Guise, tree: &Repository, name: &str) -> Result<(f64, Vec<Said>)> {
    let (reader, writer) = pipe()?;
    let begun = Instant::now();
    let mut command = guise.command(tree.root(), &["environment", "branch", name, "main"]);
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // It holds the pipe's other end, which would never close.
    drop(command);
    let lines = BufReader::new(reader).lines();
    let said: Vec<Said> = lines
        .map(|line| Ok((begun.elapsed().as_secs_f64(), line?)))
        .collect::<Result<_>>()?;
    ensure!(child.wait()?.success(), "the branch failed: {said:#?}");
    let url = guise
        .run(tree.root(), &["--environment", name, "url", "--primary"])?
        .ok()?;
    http::get_when(url.trim(), PATIENCE, |page| {
        page.status == 200 && page.text().contains(GUEST)
    })?;
    Ok((begun.elapsed().as_secs_f64(), said))
}

/// How long the line that begins with `word` took, in seconds.
fn time_before(said: &[Said], word: &str) -> Result<f64> {
    let at = said
        .iter()
        .position(|(_, line)| line.trim_start().starts_with(word));
    let at = at.with_context(|| format!("nothing begins with {word}: {said:#?}"))?;
    Ok(said[at].0 - at.checked_sub(1).map_or(0.0, |before| said[before].0))
}
