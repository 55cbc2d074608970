//! `guise man`: manual pages.

use crate::error::Error;
use clap::Args;
use std::path::PathBuf;

/// Write manual pages, one for each command
///
/// For this machine: guise man /usr/local/share/man/man1
#[derive(Debug, Args)]
pub struct Man {
    /// The directory to write to, which must exist
    directory: PathBuf,
}

impl Man {
    pub fn run(self) -> Result<u8, Error> {
        let command = crate::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.directory).map_err(|source| Error::Write {
            path: self.directory,
            source,
        })?;
        Ok(0)
    }
}
