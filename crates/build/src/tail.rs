//! The last lines of an output: what a person wants to see beside a failure.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES: usize = 20;

/// What the kernel's two ways to be full look like in a program's output: `ENOSPC` and `EDQUOT`.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// The last lines of an output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    /// Takes the next line.
    pub fn push(&mut self, line: &str) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// Whether one of the lines says that a disk is full.
    pub fn says_full(&self) -> bool {
        self.lines
            .iter()
            .any(|line| FULL.iter().any(|words| line.contains(words)))
    }

    /// The lines, the oldest first.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        (0..50).for_each(|number| tail.push(&number.to_string()));
        let lines = tail.into_lines();
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[LINES - 1].as_str()),
            (LINES, "30", "49")
        );
    }

    #[test]
    fn a_full_disk_is_recognised() {
        let mut tail = Tail::default();
        tail.push("OSError: [Errno 28] No space left on device: '/app/x'");
        assert!(tail.says_full());
    }
}
