//! `guise completion`: completion scripts for shells.

use crate::error::Error;
use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};
use std::io::{self, Write};

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
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        // Generated whole first: `generate` panics when its writer fails.
        let mut script = Vec::new();
        generate(shell, &mut crate::command(), "guise", &mut script);
        io::stdout().lock().write_all(&script)?;
        Ok(0)
    }
}
