//! `cargo xtask bench push`: how long a push takes, and what guise itself weighs.

use crate::{
    bench_swap,
    options::Options,
    programs::{become_root, build_guise, repository},
};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use journeys::{Guise, Marked, Push, Repository, http, write_plain_site};
use std::{
    fs,
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

/// The guise that is measured.
pub const MARKED: Marked = Marked {
    name: "guise-bench",
    link_prefix: "gb",
    network: Ipv4Addr::new(169, 254, 192, 0),
    id_base: 0x4000_0000,
    pool_bytes: 10_000_000_000,
};

const PATIENCE: Duration = Duration::from_secs(300);
/// Between two pushes, as with people: runit waits a second before it restarts what it started within the last one.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the daemon is left alone before it is weighed.
const REST: Duration = Duration::from_secs(5);

/// A row of the table.
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// How often, and what came out.
    pub samples: Vec<f64>,
    /// In what.
    pub unit: &'static str,
}

/// Measures on a guise of its own, with the release build, and prints a table.
pub fn push(options: &Options) -> Result<()> {
    become_root("make containers")?;
    let guise = Guise::prepare(&build_guise(true)?, &MARKED)?;
    guise.start()?;
    let repetitions = 1..=options.repetitions;
    println!("Pushing once, so that base images are built and the page cache is warm");
    first_push(&guise, "warm", guestbook, "Guest book")?;

    let mut rows = Vec::new();
    let mut row = |name, unit, samples: Result<Vec<f64>>| -> Result<()> {
        println!("Measured: {name}");
        rows.push(Row {
            name,
            unit,
            samples: samples?,
        });
        Ok(())
    };
    let firsts = repetitions
        .clone()
        .map(|n| first_push(&guise, &format!("plain-{n}"), write_plain_site, "first"));
    row("first push, no packages, no service", "s", firsts.collect())?;
    let firsts = repetitions
        .clone()
        .map(|n| first_push(&guise, &format!("guestbook-{n}"), guestbook, "Guest book"));
    row("first push, guestbook (pip, MariaDB)", "s", firsts.collect())?;

    let plain = Repository::at(&guise.directory().join("plain-1"));
    let changes = repetitions
        .clone()
        .map(|n| code_only_push(&guise, &plain, &format!("change {n}")));
    let changes: Vec<CodeOnly> = changes.collect::<Result<_>>()?;
    let of_all = |part: fn(&CodeOnly) -> f64| Ok(changes.iter().map(part).collect());
    row("code-only push, no build hook", "s", of_all(|push| push.seconds))?;
    row(
        "of which from the finished image to the first answer",
        "ms",
        of_all(|push| push.swap.milliseconds),
    )?;
    row(
        "of which without waiting for the app to listen",
        "ms",
        of_all(|push| push.swap.own_milliseconds()),
    )?;
    row(
        "no-change push",
        "s",
        repetitions.clone().map(|_| no_change_push(&plain)).collect(),
    )?;

    thread::sleep(REST);
    for (name, process) in [
        ("memory of guised, idle (PSS)", "pid"),
        ("memory of the edge, idle (PSS)", "edge_pid"),
    ] {
        let pid = guise.status()?[process]
            .as_u64()
            .context("the daemon does not name its processes")?;
        row(name, "MB", Ok(vec![megabytes(pid)?]))?;
    }
    print(&rows);
    Ok(())
}

/// Writes the guestbook's files.
pub fn guestbook(repository: &Repository) -> Result<()> {
    let example = crate::programs::repository().join("examples/guestbook");
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(example.join("."))
        .arg(repository.root())
        .status()?;
    ensure!(status.success(), "cannot copy {}", example.display());
    Ok(())
}

/// From `git push` of a new project to the first page that says `text`.
fn first_push(guise: &Guise, name: &str, write: fn(&Repository) -> Result<()>, text: &str) -> Result<f64> {
    let tree = Repository::create(&guise.directory().join(name))?;
    write(&tree)?;
    tree.commit("Begin")?;
    let project = guise.json(tree.root(), &["project", "create", "--title", name])?;
    let git_url = project["git_url"].as_str().context("a project has no git URL")?;
    tree.git(&["remote", "add", "guise", git_url])?;
    let begun = Instant::now();
    accepted(Push::of(tree.push_command())?)?;
    let url = guise.url(tree.root())?;
    http::get_when(&url, PATIENCE, |page| {
        page.status == 200 && page.text().contains(text)
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

/// A push that changes nothing but code.
struct CodeOnly {
    /// From `git push` to the first answer that has the change.
    seconds: f64,
    swap: bench_swap::Swap,
}

/// Pushes a changed page that is asked for all the while.
fn code_only_push(guise: &Guise, tree: &Repository, text: &str) -> Result<CodeOnly> {
    thread::sleep(PAUSE);
    tree.write("page.txt", text)?;
    tree.commit("Change the page")?;
    let url = guise.url(tree.root())?;
    let begun = Instant::now();
    let (seconds, answered) = thread::scope(|scope| {
        let changed = scope.spawn(|| {
            http::get_when(&url, PATIENCE, |page| page.status == 200 && page.text() == text)?;
            anyhow::Ok((begun.elapsed().as_secs_f64(), Timestamp::now()))
        });
        accepted(Push::of(tree.push_command())?)?;
        changed.join().ok().context("the visitor panicked")?
    })?;
    let steps = guise.json(tree.root(), &["activity", "get", "--steps"])?;
    let swap = bench_swap::Swap::of(&steps, answered)?;
    Ok(CodeOnly { seconds, swap })
}

/// From `git push` of a commit with the same tree to its end.
fn no_change_push(tree: &Repository) -> Result<f64> {
    tree.commit("Change nothing")?;
    let begun = Instant::now();
    let push = Push::of(tree.push_command())?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(
        push.output.contains("Nothing to do"),
        "something was done:\n{}",
        push.output
    );
    Ok(took)
}

fn accepted(push: Push) -> Result<()> {
    ensure!(push.accepted, "the push is refused:\n{}", push.output);
    Ok(())
}

/// Resident memory of a process, pages that it shares counted in part (proc_pid_smaps(5)).
pub fn megabytes(pid: u64) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let pss = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .context("smaps_rollup has no Pss")?;
    let kilobytes: f64 = pss.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    println!("\n| measured | median | least | most | of |");
    println!("| --- | --- | --- | --- | --- |");
    for Row { name, samples, unit } in rows {
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
            continue;
        };
        let median = sorted[sorted.len() / 2];
        println!(
            "| {name} | {median:.2} {unit} | {least:.2} {unit} | {most:.2} {unit} | {} |",
            sorted.len()
        );
    }
    println!("\n{}", machine());
}

/// The machine in one line: kernel, processors, memory, commit.
pub fn machine() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let commit = Repository::at(&repository())
        .git(&["rev-parse", "--short", "HEAD"])
        .unwrap_or_default();
    format!(
        "Linux {}, {processors} processors, {} GB, commit {commit}",
        kernel.trim(),
        memory.unwrap_or_default() / 1_000_000
    )
}
