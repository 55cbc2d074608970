//! rsync here and rsync in the container, joined by `guise exec`.

use crate::error::Error;
use crate::place::Place;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

/// Which way files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the mount.
    Upload,
    /// Out of the mount.
    Download,
}

/// One copy.
#[derive(Debug)]
pub struct Rsync<'a> {
    /// Which way.
    pub direction: Direction,
    /// The state directory of the daemon, if it is the one of this machine.
    pub state: Option<&'a Path>,
    /// The environment.
    pub place: &'a Place,
    /// The app or worker.
    pub app: &'a str,
    /// The mount, below `/app`.
    pub mount: &'a str,
    /// The local directory.
    pub directory: &'a Path,
    /// Whether what is only on the other side is deleted.
    pub delete: bool,
    /// Patterns that are copied all the same.
    pub include: &'a [String],
    /// Patterns that are not copied.
    pub exclude: &'a [String],
    /// Whether nothing is said.
    pub quiet: bool,
}

impl Rsync<'_> {
    /// What is copied where, in a sentence.
    pub fn describe(&self) -> String {
        let (mount, directory) = (self.mount, self.directory.display());
        match self.direction {
            Direction::Upload => format!("Uploading {directory} to the mount {mount} of {}", self.app),
            Direction::Download => format!("Downloading the mount {mount} of {} to {directory}", self.app),
        }
    }

    /// Copies; answers rsync's exit status.
    pub fn run(&self) -> Result<u8, Error> {
        let failed = |source| Error::LocalProgram {
            program: "rsync",
            package: "rsync",
            source,
        };
        if self.direction == Direction::Download {
            std::fs::create_dir_all(self.directory).map_err(|source| Error::Write {
                path: self.directory.into(),
                source,
            })?;
        }
        let program = std::env::current_exe().map_err(failed)?;
        let status = Command::new("rsync")
            .args(self.arguments(&program))
            .status()
            .map_err(failed)?;
        Ok(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1))
    }

    fn arguments(&self, program: &Path) -> Vec<OsString> {
        // Owners are those of whoever receives, and what a container calls setuid is not so here. Links that lead out
        // of the directory are not made on either side; devices are not made at all.
        let mut arguments: Vec<OsString> = [
            "--recursive",
            "--links",
            "--safe-links",
            "--times",
            "--perms",
            "--chmod=ug-s",
            "--compress",
            "--partial-dir=.rsync-partial",
        ]
        .map(OsString::from)
        .into();
        if !self.quiet {
            arguments.extend(["--human-readable", "--info=progress2,stats1"].map(OsString::from));
        }
        if self.delete {
            arguments.push("--delete".into());
        }
        let patterns = [("--include", self.include), ("--exclude", self.exclude)];
        for (option, patterns) in patterns {
            arguments.extend(
                patterns
                    .iter()
                    .map(|pattern| format!("{option}={pattern}").into()),
            );
        }
        arguments.push("--rsh".into());
        arguments.push(self.transport(program));
        arguments.push("--".into());
        let remote = OsString::from(format!("{}:/app/{}/", self.app, self.mount));
        // The slash at the end means what is in the directory, not the directory (rsync(1)); the leading dot keeps a
        // colon in a local name from being a host.
        let mut local = OsString::from(if self.directory.is_absolute() { "" } else { "./" });
        local.push(self.directory);
        local.push("/");
        match self.direction {
            Direction::Upload => arguments.extend([local, remote]),
            Direction::Download => arguments.extend([remote, local]),
        }
        arguments
    }

    /// The command that takes a container and what shall run in it, as ssh takes a host.
    fn transport(&self, program: &Path) -> OsString {
        let mut command = OsString::new();
        let mut words = vec![program.as_os_str()];
        if let Some(state) = self.state {
            words.extend(["--state".as_ref(), state.as_os_str()]);
        }
        words.extend::<[&OsStr; 6]>([
            "--project".as_ref(),
            self.place.project.as_ref(),
            "--environment".as_ref(),
            self.place.environment.as_ref(),
            "exec".as_ref(),
            "--container".as_ref(),
        ]);
        for word in words {
            command.push("'");
            // Within quotes a doubled quote is one (rsync(1), --rsh).
            command.push(word.to_string_lossy().replace('\'', "''"));
            command.push("' ");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(direction: Direction, directory: &str) -> Vec<String> {
        let rsync = Rsync {
            direction,
            state: Some(Path::new("/var/lib/it's guise")),
            place: &Place {
                project: "shop".into(),
                environment: "feature/a".into(),
            },
            app: "app",
            mount: "web/files",
            directory: Path::new(directory),
            delete: true,
            include: &["*.jpg".into()],
            exclude: &["*".into()],
            quiet: true,
        };
        let arguments = rsync.arguments(Path::new("/usr/bin/guise"));
        arguments
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_transport_is_one_command_whatever_is_in_its_words() {
        let arguments = arguments(Direction::Upload, "files");
        let rsh = arguments.iter().position(|argument| argument == "--rsh").unwrap();
        assert_eq!(
            arguments[rsh + 1],
            "'/usr/bin/guise' '--state' '/var/lib/it''s guise' '--project' 'shop' '--environment' 'feature/a' \
             'exec' '--container' "
        );
    }

    #[test]
    fn the_receiver_comes_last_and_an_include_before_the_excludes() {
        let upload = arguments(Direction::Upload, "a:b");
        assert_eq!(upload[upload.len() - 2..], ["./a:b/", "app:/app/web/files/"]);
        let download = arguments(Direction::Download, "/tmp/x");
        assert_eq!(download[download.len() - 2..], ["app:/app/web/files/", "/tmp/x/"]);
        let position = |wanted: &str| download.iter().position(|argument| argument == wanted).unwrap();
        assert!(position("--include=*.jpg") < position("--exclude=*"));
    }

    #[test]
    fn no_link_leads_out_and_nothing_is_setuid_or_somebody_elses() {
        let arguments = arguments(Direction::Download, "x");
        for wanted in ["--safe-links", "--chmod=ug-s"] {
            assert!(arguments.iter().any(|argument| argument == wanted), "{wanted}");
        }
        for refused in ["--archive", "--owner", "--group", "--devices", "--copy-links"] {
            assert!(!arguments.iter().any(|argument| argument == refused), "{refused}");
        }
    }
}
