//! Starting the daemon when nobody did.

use crate::client::{Client, ClientError};
use crate::progress::Progress;
use guise_api::{Status, paths};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A first start makes the data pool and takes seconds; adopting many containers may, too.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
const TAIL_LINES: usize = 20;

/// Why the daemon could not be started.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LaunchError {
    #[error("cannot write the daemon's log {}: {source}", log.display())]
    Log { log: PathBuf, source: io::Error },
    #[error("cannot start the daemon: {source}")]
    Start { source: io::Error },
    #[error("the daemon ended with {status}; the end of {}:\n\n{tail}", log.display())]
    Died {
        status: ExitStatus,
        log: PathBuf,
        tail: String,
    },
    #[error("the machine was not cleared: the daemon ended with {status}")]
    Teardown { status: ExitStatus },
    #[error("the daemon does not answer after {} s; the end of {}:\n\n{tail}", PATIENCE.as_secs(), log.display())]
    Silent { log: PathBuf, tail: String },
}

/// Makes sure that the daemon of a state directory runs and answers.
pub async fn ensure(client: &Client, state: &Path, quiet: bool) -> Result<(), crate::error::Error> {
    match client.get::<Status>(paths::STATUS).await {
        Err(ClientError::NotRunning { .. }) => {}
        answer => return Ok(answer.map(drop)?),
    }
    let mut progress = Progress::start("Starting the daemon", quiet);
    let started = start(client, state, &mut progress).await;
    progress.done();
    started
}

async fn start(client: &Client, state: &Path, progress: &mut Progress) -> Result<(), crate::error::Error> {
    let log = Log::open(state)?;
    let mut daemon = detached(state, &log)?
        .spawn()
        .map_err(|source| LaunchError::Start { source })?;
    let begun = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        match client.get::<Status>(paths::STATUS).await {
            Err(ClientError::NotRunning { .. }) => {}
            answer => return Ok(answer.map(drop)?),
        }
        if let Ok(Some(status)) = daemon.try_wait() {
            return Err(LaunchError::Died {
                status,
                tail: log.tail(),
                log: log.path,
            }
            .into());
        }
        if begun.elapsed() > PATIENCE {
            return Err(LaunchError::Silent {
                tail: log.tail(),
                log: log.path,
            }
            .into());
        }
        if let Some(line) = log.tail().lines().last() {
            progress.line(line);
        }
    }
}

/// `setsid` comes with every Debian (util-linux is essential). It replaces itself by the daemon, so that the
/// child is the daemon, in a session of its own: closing the terminal does not end it.
fn detached(state: &Path, log: &Log) -> Result<Command, LaunchError> {
    let program = std::env::current_exe().map_err(|source| LaunchError::Start { source })?;
    let stdout = log.handle()?;
    let stderr = log.handle()?;
    let mut command = Command::new("setsid");
    command.arg(program).arg("daemon").arg("--state").arg(state);
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    Ok(command)
}

/// The daemon's log, and where it ended before this start.
struct Log {
    path: PathBuf,
    file: File,
    end: u64,
}

impl Log {
    fn open(state: &Path) -> Result<Self, LaunchError> {
        let path = state.join("guised.log");
        let opened = std::fs::create_dir_all(state)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
            .and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
        match opened {
            Ok((file, end)) => Ok(Self { path, file, end }),
            Err(source) => Err(LaunchError::Log { log: path, source }),
        }
    }

    fn handle(&self) -> Result<File, LaunchError> {
        self.file.try_clone().map_err(|source| LaunchError::Log {
            log: self.path.clone(),
            source,
        })
    }

    /// The last lines since this start.
    fn tail(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.end))?;
            file.read_to_end(&mut text)
        });
        if let Err(source) = read {
            return format!("(cannot be read: {source})");
        }
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_tail_is_of_this_start_only() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("guised.log"), "an earlier start\n").unwrap();
        let log = Log::open(state.path()).unwrap();
        assert_eq!(log.tail(), "");
        for line in 1..=30 {
            writeln!(log.handle().unwrap(), "line {line}").unwrap();
        }
        assert!(log.tail().starts_with("line 11\n"), "{}", log.tail());
        assert!(log.tail().ends_with("line 30"));
    }
}
