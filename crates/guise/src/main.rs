//! The one binary: finds out by its first word which process it is, before any thread or runtime exists.
//!
//! `guise runtime` is run once per container and must start as lean as a program of its own.

#![forbid(unsafe_code)]

use guise_cli::Parts;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let word = |position: usize| args.get(position).and_then(|word| word.to_str());
    let rest = || args.iter().skip(2).cloned().collect::<Vec<_>>();
    match (word(1), word(2)) {
        (Some("runtime"), _) => guise_runtime::run(rest().into_iter()).into(),
        // What asks a running daemon belongs to the command line.
        (Some("daemon"), Some("status" | "stop" | "help" | "--help" | "-h")) => command_line(args),
        (Some("daemon"), _) => ended("daemon", guise_daemon::main(rest())),
        (Some("edge"), Some("restart" | "help" | "--help" | "-h") | None) => command_line(args),
        (Some("gateway"), _) => ended("gateway", guise_gateway::main(rest())),
        (Some("edge"), _) => ended("edge", guise_edge::main(rest())),
        _ => command_line(args),
    }
}

fn command_line(args: Vec<OsString>) -> ExitCode {
    let parts = Parts {
        doctor: guise_daemon::doctor,
        types: |state| guise_daemon::types(state).map_err(|error| format!("{error:#}")),
    };
    guise_cli::run(args, &parts).into()
}

fn ended(process: &str, result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guise {process}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
