//! What a person sees of mmdebstrap's and apt's output: stages and counts, not two thousand lines.

use std::time::{Duration, Instant};

/// At most this often, so that a count does not become a flood.
const INTERVAL: Duration = Duration::from_millis(1500);

/// Follows the output of a base image's installation.
pub(crate) struct Progress<'a> {
    say: &'a mut dyn FnMut(&str),
    last: Instant,
    fetched: u32,
    unpacked: u32,
    set_up: u32,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(say: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            say,
            last: Instant::now(),
            fetched: 0,
            unpacked: 0,
            set_up: 0,
        }
    }

    /// A stage of our own.
    pub(crate) fn stage(&mut self, text: &str) {
        self.last = Instant::now();
        (self.say)(text);
    }

    /// A line of the program.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(stage) = stage(line) {
            return self.stage(stage);
        }
        if let Some(needed) = line.strip_prefix("Need to get ") {
            let size = needed.split(" of archives").next().unwrap_or(needed);
            return self.stage(&format!("Downloading {size} of packages"));
        }
        let counted = if line.starts_with("Get:") {
            self.fetched += 1;
            true
        } else if line.starts_with("Unpacking ") {
            self.unpacked += 1;
            true
        } else if line.starts_with("Setting up ") {
            self.set_up += 1;
            true
        } else {
            false
        };
        if counted && self.last.elapsed() >= INTERVAL {
            let (fetched, unpacked, set_up) = (self.fetched, self.unpacked, self.set_up);
            let text = match (unpacked, set_up) {
                (0, _) => format!("{fetched} files downloaded"),
                (_, 0) => format!("{unpacked} packages unpacked"),
                _ => format!("{unpacked} packages unpacked, {set_up} set up"),
            };
            self.stage(&text);
        }
    }
}

fn stage(line: &str) -> Option<&'static str> {
    match line.strip_prefix("I: ")? {
        "running apt-get update..." => Some("Fetching the lists of packages"),
        "extracting archives..." => Some("Unpacking the essential packages"),
        "installing essential packages..." => Some("Installing the essential packages"),
        "installing remaining packages inside the chroot..." => Some("Installing the other packages"),
        "cleaning package lists and apt cache..." => Some("Removing what only the installation needed"),
        other if other.starts_with("running --customize-hook") => Some("Preparing"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_said_and_single_packages_are_not() {
        let mut said = Vec::new();
        let mut say = |line: &str| said.push(line.to_string());
        let mut progress = Progress::new(&mut say);
        for line in [
            "I: running apt-get update...",
            "Get:1 http://x y",
            "Unpacking dash (1) ...",
            "Need to get 12.3 MB of archives.",
        ] {
            progress.line(line);
        }
        assert_eq!(
            said,
            [
                "Fetching the lists of packages",
                "Downloading 12.3 MB of packages"
            ]
        );
    }
}
