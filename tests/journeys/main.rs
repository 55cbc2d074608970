//! The journeys: what a person does with guise, through the command line, git and HTTP, and what they must see.
//!
//! Root only. One after the other, on one guise, which must leave nothing on the machine in the end. Arguments
//! are words: a journey is walked when its sentence contains one of them. The guestbook's journeys build on each
//! other and count as one, so that it is built once.

#![forbid(unsafe_code)]

mod acme;
mod app_settings;
mod backups;
mod bad_input;
mod changes;
mod crons;
mod dead_edge;
mod echo_site;
mod front_door;
mod full_volume;
mod gateway;
mod guestbook;
mod held;
mod interrupted;
mod languages;
mod load;
mod multi_app;
mod php;
mod pushed_branches;
mod services;
mod site;
mod sleep;
mod together;
mod variables;

use anyhow::{Context, Result};
use journeys::{Guise, Marked, program_beside};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

const MARKED: Marked = Marked {
    name: "guise-test",
    link_prefix: "gt",
    network: Ipv4Addr::new(169, 254, 128, 0),
    id_base: 0x3000_0000,
    pool_bytes: 4_000_000_000,
};

type Journey = (&'static str, fn(&Guise) -> Result<()>);

/// What people do, as sentences, in the order in which it is walked.
const JOURNEYS: &[Journey] = &[
    ("the guestbook goes its whole way", guestbook::goes_its_whole_way),
    (
        "a push that is not YAML is refused where it is wrong",
        bad_input::not_yaml,
    ),
    (
        "an unknown key is refused with its position",
        bad_input::unknown_key,
    ),
    (
        "a key that is not supported yet is refused by name",
        bad_input::not_supported_yet,
    ),
    (
        "an unknown version is refused with those that exist",
        bad_input::unknown_version,
    ),
    (
        "a build hook that fails leaves the site as it was",
        bad_input::failing_build_hook,
    ),
    (
        "a start command that exits leaves the old deployment serving",
        bad_input::start_command_exits,
    ),
    (
        "a file name with a newline and links out of the tree do no harm",
        bad_input::strange_names,
    ),
    (
        "a full disk during a build is said and harms nothing",
        bad_input::full_disk,
    ),
    (
        "a full volume harms only its owner, who is told",
        full_volume::harms_only_its_owner,
    ),
    (
        "a killed daemon is not missed, and adopts what it finds",
        interrupted::killed_daemon,
    ),
    (
        "a Ctrl-C during a push leaves a site that serves and can be pushed to",
        interrupted::ctrl_c,
    ),
    (
        "a pushed branch runs, and goes when git deletes it",
        pushed_branches::run_and_go,
    ),
    (
        "a push that git took and nobody told of is deployed",
        pushed_branches::nobody_tells,
    ),
    (
        "two pushes at once to one branch end with one of them",
        together::two_pushes,
    ),
    (
        "each change disturbs what it must and nothing else",
        changes::each_disturbs_what_it_must,
    ),
    (
        "no request is lost while the site is deployed again and again",
        load::no_request_is_lost,
    ),
    (
        "a site opens and closes its front door, and the edge is replaced under load",
        front_door::opens_and_closes,
    ),
    (
        "https is served as soon as the daemon has an address for it",
        front_door::speaks_tls,
    ),
    (
        "requests wait while data is replaced or backed up, and none fails",
        held::while_data_is_replaced,
    ),
    (
        "an edge that dies while requests wait lets nobody in too soon",
        dead_edge::while_data_is_replaced,
    ),
    (
        "a public authority certifies hosts, and again before it is too late",
        acme::certifies,
    ),
    (
        "an idle environment sleeps and wakes for its visitors",
        sleep::sleeps_and_wakes,
    ),
    (
        "people come over SSH and get what is theirs",
        gateway::people_get_what_is_theirs,
    ),
    (
        "services keep what they should, and nothing takes over what it cannot read",
        services::keep_what_they_should,
    ),
    (
        "hosts, mounts, sizes and time zones of an app are what is said of them",
        app_settings::hold_inside,
    ),
    (
        "a cron runs in time and makes way for a deployment",
        crons::run_in_time,
    ),
    (
        "a project of several apps is built and operated",
        multi_app::is_built_and_operated,
    ),
    (
        "the examples of all languages keep what they are given",
        languages::keep_what_they_are_given,
    ),
    (
        "variables arrive as published libraries read them",
        variables::arrive_as_published,
    ),
    (
        "a backup is restored with and without its code, in a copy, and from outside",
        backups::are_restored_anywhere,
    ),
    ("code goes back at once and data stays", backups::code_goes_back),
    ("a deleted project leaves nothing", together::deleted_project),
];

fn main() -> ExitCode {
    if !is_root() {
        println!("the journeys are not walked: they make containers, which needs root");
        return if std::env::var_os("GUISE_TEST_MUST_RUN").is_some() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    match walk() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            println!("{failed} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("the journeys cannot be walked: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers how many failed.
fn walk() -> Result<usize> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted =
        |sentence: &str| words.is_empty() || words.iter().any(|word| sentence.contains(word.as_str()));
    let chosen: Vec<&Journey> = JOURNEYS.iter().filter(|(sentence, _)| wanted(sentence)).collect();
    if chosen.is_empty() {
        println!("no journey has any of these words: {}", words.join(" "));
        return Ok(0);
    }
    let guise = Guise::prepare(&program()?, &MARKED)?;
    guise.start()?;
    let mut failed = chosen.iter().filter(|journey| !passes(&guise, journey)).count();
    if failed > 0 {
        println!("---- the daemon's log\n{}", log_end(&guise));
    }
    println!("a guise that was torn down leaves nothing on the machine");
    if let Err(error) = guise.close() {
        println!("    FAILED: {error:#}");
        failed += 1;
    }
    Ok(failed)
}

fn passes(guise: &Guise, (sentence, journey): &Journey) -> bool {
    println!("{sentence}");
    let begun = Instant::now();
    match journey(guise) {
        Ok(()) => {
            println!("    ok, {:.1} s", begun.elapsed().as_secs_f64());
            true
        }
        Err(error) => {
            println!(
                "    FAILED after {:.1} s: {error:#}",
                begun.elapsed().as_secs_f64()
            );
            false
        }
    }
}

/// The program to try: `GUISE_PROGRAM`, or the one of the same build as this test, brought up to date.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("GUISE_PROGRAM") {
        return Ok(program.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "guise"])
        .status()?;
    anyhow::ensure!(built.success(), "guise does not build");
    program_beside()
}

fn log_end(guise: &Guise) -> String {
    const LINES: usize = 60;
    let log = std::fs::read_to_string(guise.state().join("guised.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Whether this process may do everything: user 0 in `/proc/self/status`.
fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// The repository's directory of examples.
fn example(name: &str) -> Result<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    path.canonicalize()
        .with_context(|| format!("there is no example {name}"))
}
