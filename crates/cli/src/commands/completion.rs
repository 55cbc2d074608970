//! `guise completion`: what shells ask while somebody types.
//!
//! The script that a shell loads asks this program at each press of the tabulator key, so it knows the names of
//! projects and environments, and never gets out of date.

use crate::alias;
use crate::error::Error;
use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Zsh};
use std::ffi::OsString;
use std::io::{self, Write};

/// The variable by which the script asks.
const VARIABLE: &str = "COMPLETE";

/// Print a completion script for a shell
///
/// For bash: guise completion bash > /etc/bash_completion.d/guise
#[derive(Debug, Args)]
pub struct Completion {
    /// The shell
    shell: Known,
}

/// Shells whose script is looked after.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub fn run(self) -> Result<u8, Error> {
        let shell: &dyn EnvCompleter = match self.shell {
            Known::Bash => &Bash,
            Known::Zsh => &Zsh,
            Known::Fish => &Fish,
        };
        let mut script = Vec::new();
        shell.write_registration(VARIABLE, "guise", "guise", "guise", &mut script)?;
        io::stdout().lock().write_all(&script)?;
        Ok(0)
    }
}

/// Answers a shell's question, if this process was started for one; then the exit code.
pub fn answer(args: &[OsString]) -> Option<u8> {
    let here = std::env::current_dir().ok();
    let factory = || alias::spelled_out(crate::command());
    let answered = CompleteEnv::with_factory(factory)
        .var(VARIABLE)
        .bin("guise")
        .try_complete(args.iter().cloned(), here.as_deref());
    match answered {
        Ok(false) => None,
        Ok(true) => Some(0),
        Err(error) => {
            // A reader that has gone away is no failure.
            let _ = error.print();
            Some(2)
        }
    }
}
