//! The person's terminal: its size and its raw mode.

use std::io::{self, IsTerminal};

/// Whether a person sits at both ends: standard input and output are terminals.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Size of the terminal in columns and rows; 80 by 24 when it does not say.
pub fn size() -> (u16, u16) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
        _ => (80, 24),
    }
}

/// Raw mode, for as long as this lives: also while a panic unwinds the settings come back.
#[must_use]
pub struct RawMode(());

impl RawMode {
    /// Every key goes to the program, unchanged, at once.
    pub fn enter() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode().map(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}
