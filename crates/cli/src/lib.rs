//! The command line: a client of the daemon's HTTP API.
//!
//! Knows the API's types and paths, the git repository one stands in, and how people like to read things. A few
//! words need no daemon: `validate` reads configuration files, `doctor` asks a function that the binary gives.
//! Never touches a container, an image or the daemon's state itself: what the API does not offer cannot be done
//! here.
//!
//! A command is read in two stages: [`arguments`] holds what was typed, [`place`] resolves which project and
//! environment it means. One file per group of commands stands below [`commands`].

#![forbid(unsafe_code)]

mod alias;
mod arguments;
mod client;
mod commands;
mod context;
mod error;
mod events;
#[cfg(test)]
mod fake_daemon;
mod follow;
mod frames;
mod git;
mod human;
mod launch;
mod login;
mod names;
mod output;
mod place;
mod progress;
mod remote;
mod ssh_address;
mod terminal;

pub use commands::Parts;

use arguments::Arguments;
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// The command line as clap sees it, for completion scripts and the reference in `docs/cli.md`.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command that `args` (with the program's name in front) stand for; answers the exit code that
/// `docs/cli.md` lists.
///
/// `parts` is what the command line cannot know by itself. Call this from a process without threads: the tokio
/// runtime is made here.
pub fn run(args: impl IntoIterator<Item = OsString>, parts: &Parts) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = commands::completion::answer(&args) {
        return code;
    }
    let typed = alias::expand(&command(), args);
    let arguments = match command().try_get_matches_from(typed) {
        Ok(matches) => Arguments::from_arg_matches(&matches),
        Err(error) => Err(error),
    };
    match arguments {
        Ok(arguments) => commands::run(arguments, parts),
        Err(error) => {
            // A reader that has gone away (`guise --help | head -1`) is no failure.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}
