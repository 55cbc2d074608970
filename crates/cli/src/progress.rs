//! Signs of life while something takes its time, on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::Duration;

/// How many of the last lines are kept, to be shown when it fails.
const KEPT: usize = 20;

/// One line that moves on a terminal; otherwise every line as it comes.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    last: VecDeque<String>,
}

impl Progress {
    /// Starts; `what` stands there until the first [`Progress::line`].
    pub fn start(what: &str, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() && !quiet {
            eprintln!("{what}");
        }
        Self {
            bar,
            quiet,
            last: VecDeque::new(),
        }
    }

    /// Says what goes on now.
    pub fn line(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        } else if !self.quiet {
            eprintln!("  {text}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
    }

    /// Ends; the moving line disappears.
    pub fn done(self) {
        self.clear();
    }

    /// Ends; the last lines are shown if they have not been.
    pub fn failed(self) {
        self.clear();
        if self.bar.is_some() || self.quiet {
            for line in &self.last {
                eprintln!("  {line}");
            }
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
