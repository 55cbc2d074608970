//! The container runtime, as a program: this process has many threads and must not fork itself.

use guise_model::ContainerId;
use serde::Deserialize;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The runtime program and where it keeps its state.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    program: PathBuf,
    arguments: Vec<String>,
    root: PathBuf,
}

/// A verb of the runtime that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The program itself cannot be started.
    #[error("cannot start the container runtime {}: {source}", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime refused.
    #[error("the container runtime cannot {verb} container {id}: {message}")]
    Refused {
        /// What it was asked to do.
        verb: &'static str,
        /// With which container.
        id: ContainerId,
        /// What it said.
        message: String,
    },
    /// The runtime did not say which process is the container's PID 1.
    #[error("the container runtime left no process id in {}: {source}", .path.display())]
    PidFile {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The runtime's own containers cannot be listed.
    #[error("cannot list {}: {source}", .root.display())]
    List {
        /// The runtime's state directory.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Runtime {
    /// The runtime `program arguments…`, with its state in `root`.
    pub fn new(program: PathBuf, arguments: Vec<String>, root: PathBuf) -> Self {
        Self {
            program,
            arguments,
            root,
        }
    }

    /// Makes a container from the bundle `bundle` up to the point where its PID 1 only waits to be started.
    /// PID 1's output goes to `output`. Returns PID 1's number on the host.
    pub fn create(
        &self,
        id: &ContainerId,
        bundle: &Path,
        output: Stdio,
        errors: Stdio,
    ) -> Result<u32, RuntimeError> {
        let log = Log::new(bundle.join("create.log"));
        let pid_file = bundle.join("pid");
        let mut command = self.command(Some(&log));
        command
            .arg("create")
            .arg("--bundle")
            .arg(bundle)
            .arg("--pid-file")
            .arg(&pid_file)
            .arg(id.as_str());
        let status = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status();
        if !status.map_err(|source| self.spawn_error(source))?.success() {
            let message = log.message().unwrap_or_else(|| "it does not say why".into());
            return Err(RuntimeError::Refused {
                verb: "create",
                id: id.clone(),
                message,
            });
        }
        let number =
            fs::read_to_string(&pid_file).and_then(|text| text.trim().parse().map_err(io::Error::other));
        number.map_err(|source| RuntimeError::PidFile {
            path: pid_file,
            source,
        })
    }

    /// Lets PID 1 become the container's program.
    pub fn start(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        self.run("start", id, self.command(None).arg("start").arg(id.as_str()))
    }

    /// Kills all of a container and removes what the runtime made of it. No such container is success.
    pub fn delete(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        if !self.root.join(id.as_str()).exists() {
            return Ok(());
        }
        self.run(
            "delete",
            id,
            self.command(None).args(["delete", "--force"]).arg(id.as_str()),
        )
    }

    /// Replaces what is mounted at `target` with a clone of what is mounted at `source`, with no instant without.
    pub fn swap(&self, id: &ContainerId, target: &str, source: &Path) -> Result<(), RuntimeError> {
        let mut command = self.command(None);
        command
            .args(["swap", "--target", target, "--source"])
            .arg(source)
            .arg(id.as_str());
        self.run("swap the code of", id, &mut command)
    }

    /// A process that lets `containers` go on if this process dies before it [dismisses](Guard::dismiss) it.
    pub fn guard(&self, containers: &[ContainerId]) -> Result<Guard, RuntimeError> {
        let mut command = self.command(None);
        command
            .arg("guard")
            .args(containers.iter().map(ContainerId::as_str));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().map_err(|source| self.spawn_error(source))?;
        Ok(Guard { child })
    }

    /// The command that runs the process described by the file `process` in a container; its own failures go to
    /// `log`.
    pub fn exec(&self, id: &ContainerId, process: &Path, console: Option<&Path>, log: &Log) -> Command {
        let mut command = self.command(Some(log));
        command.arg("exec").arg("--process").arg(process);
        if let Some(console) = console {
            command.arg("--tty").arg("--console-socket").arg(console);
        }
        command.arg(id.as_str());
        command
    }

    /// Containers that the runtime has something of.
    pub fn known(&self) -> Result<Vec<ContainerId>, RuntimeError> {
        let failed = |source| RuntimeError::List {
            root: self.root.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut known = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            known.extend(name.to_str().and_then(|name| ContainerId::new(name).ok()));
        }
        Ok(known)
    }

    /// The error of a runtime that could not be started.
    pub fn spawn_error(&self, source: io::Error) -> RuntimeError {
        RuntimeError::Spawn {
            program: self.program.clone(),
            source,
        }
    }

    fn command(&self, log: Option<&Log>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg("--root").arg(&self.root);
        if let Some(log) = log {
            command.arg("--log").arg(&log.path);
        }
        command.args(["--log-format", "json"]);
        command
    }

    fn run(&self, verb: &'static str, id: &ContainerId, command: &mut Command) -> Result<(), RuntimeError> {
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.spawn_error(source))?;
        if output.status.success() {
            return Ok(());
        }
        let message = last_message(&String::from_utf8_lossy(&output.stderr));
        Err(RuntimeError::Refused {
            verb,
            id: id.clone(),
            message: message.unwrap_or_else(|| "it does not say why".into()),
        })
    }
}

/// Watches over frozen containers.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
}

impl Guard {
    /// Says that the containers go on. Waits for the guard's end: one that thaws late would thaw somebody else's.
    pub fn dismiss(mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            // A guard that is gone needs no word.
            let _ = pipe.write_all(b".");
        }
        let _ = self.child.wait();
    }
}

/// A file to which the runtime writes what went wrong, when its errors belong to the container's process.
/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// One at `path`, empty.
    pub fn new(path: PathBuf) -> Self {
        let _ = fs::remove_file(&path);
        Self { path }
    }

    /// The last error in it; `None` when the runtime had nothing to complain of.
    pub fn message(&self) -> Option<String> {
        last_message(&fs::read_to_string(&self.path).ok()?)
    }
}

/// The last error in what the runtime wrote, a line of JSON each; another line stands for itself.
fn last_message(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        msg: String,
    }
    let last = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(serde_json::from_str(last).map_or_else(|_| last.to_owned(), |line: Line| line.msg))
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ContainerId {
        "abcdefgh1234".parse().unwrap()
    }

    /// A runtime that is a shell script.
    fn script(directory: &Path, script: &str) -> Runtime {
        let arguments = vec!["-c".into(), script.into(), "runtime".into()];
        Runtime::new("/bin/sh".into(), arguments, directory.join("root"))
    }

    #[test]
    fn a_refusal_says_what_the_runtime_said() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = script(directory.path(), "echo 'no such container' >&2; exit 1");
        let error = runtime.start(&id()).unwrap_err().to_string();
        assert_eq!(
            error,
            "the container runtime cannot start container abcdefgh1234: no such container"
        );
    }

    #[test]
    fn the_cause_of_a_failed_create_comes_from_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = r#"{"level":"error","msg":"mounting /app: no such directory","time":"…"}"#;
        let runtime = script(directory.path(), &format!("echo '{log}' > \"$4\"; exit 1"));
        let error = runtime
            .create(&id(), directory.path(), Stdio::null(), Stdio::null())
            .unwrap_err();
        assert!(
            error.to_string().ends_with(": mounting /app: no such directory"),
            "{error}"
        );
        assert!(!directory.path().join("create.log").exists());
    }

    #[test]
    fn a_create_gives_the_process_id() {
        let directory = tempfile::tempdir().unwrap();
        // --root R --log L --log-format json create --bundle B --pid-file F ID
        let runtime = script(directory.path(), "echo 4711 > \"${11}\"");
        assert_eq!(
            runtime
                .create(&id(), directory.path(), Stdio::null(), Stdio::null())
                .unwrap(),
            4711
        );
    }

    #[test]
    fn what_the_runtime_never_knew_is_deleted_already() {
        let directory = tempfile::tempdir().unwrap();
        script(directory.path(), "exit 1").delete(&id()).unwrap();
    }
}
