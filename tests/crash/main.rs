//! The crash test: the daemon is killed at every step of everything it does, and must go on from there.
//!
//! Which steps there are, the journal of an undisturbed run says. For each of them the daemon is killed before the
//! step's effect, in the middle of it, and after it but before the journal says so; it is started again, goes on with
//! the activity by itself, and then everything must be as after the undisturbed run: pages, rows, files, and each
//! mount, loop device, link, cgroup, firewall element, volume and directory.
//!
//! Root only. Of each kind of activity a few steps are tried; all of them when `GUISE_TEST_ALL` is set. Arguments are
//! words: an operation is tried when its name contains one of them.

#![forbid(unsafe_code)]

mod inventory;
mod journal;
mod operations;
mod site;
mod trial;

use anyhow::{Context, Result};
use journeys::{Guise, Marked, program_beside};
use std::{net::Ipv4Addr, path::PathBuf, process::ExitCode, time::Instant};
use trial::Trial;

const MARKED: Marked = Marked {
    name: "guise-crash",
    link_prefix: "gy",
    network: Ipv4Addr::new(169, 254, 208, 0),
    id_base: 0x3c00_0000,
    pool_bytes: 2_000_000_000,
};

fn main() -> ExitCode {
    if !is_root() {
        println!("the daemon is not killed: it makes containers, which needs root");
        return if std::env::var_os("GUISE_TEST_MUST_RUN").is_some() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            println!("{failed} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("the daemon cannot be killed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers how many operations failed.
fn run() -> Result<usize> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let all = std::env::var_os("GUISE_TEST_ALL").is_some();
    let guise = Guise::prepare(&program()?, &MARKED)?;
    guise.start()?;
    let begun = Instant::now();
    let trial = Trial::begin(&guise, all)?;
    let (mut failed, mut kills) = (0, 0);
    for pair in operations::PAIRS {
        if !words.is_empty() && !words.iter().any(|word| pair.sentence.contains(word.as_str())) {
            continue;
        }
        println!("{}", pair.sentence);
        let began = Instant::now();
        match trial.run(pair) {
            Ok(count) => {
                println!("    {count} kills in {:.1} s", began.elapsed().as_secs_f64());
                kills += count;
            }
            Err(error) => {
                println!("    FAILED: {error:#}");
                failed += 1;
                // The next ones are tried with a daemon all the same.
                if guise.daemon_pid().is_err() {
                    guise.start()?;
                }
            }
        }
    }
    println!("{kills} kills in {:.0} s", begun.elapsed().as_secs_f64());
    if failed > 0 {
        println!("---- the daemon's log\n{}", log_end(&guise));
    }
    drop(trial);
    guise.close()?;
    Ok(failed)
}

fn log_end(guise: &Guise) -> String {
    const LINES: usize = 60;
    let log = std::fs::read_to_string(guise.state().join("guised.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// The program to try: `GUISE_PROGRAM`, or the one of the same build as this test.
fn program() -> Result<PathBuf> {
    match std::env::var_os("GUISE_PROGRAM") {
        Some(program) => Ok(program.into()),
        None => program_beside().context("there is nothing to kill"),
    }
}

/// Whether this process may do everything: user 0 in `/proc/self/status`.
fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}
