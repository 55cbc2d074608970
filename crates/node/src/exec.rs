//! Processes inside a running container, started for somebody who waits for them.

use crate::{
    ExecSession, Node, NodeError, Output, Process, bundle,
    child::Child,
    lines::Lines,
    pump::{End, Pipes, pump},
    record,
    runtime::{Log, RuntimeError},
};
use guise_model::ContainerId;
use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

impl Node {
    /// Runs a process in a container and gathers its output.
    ///
    /// # Errors
    /// When it cannot be started or does not end within `timeout` (it is killed then).
    pub fn exec(
        &self,
        id: &ContainerId,
        process: &Process,
        stdin: &[u8],
        timeout: Duration,
    ) -> Result<Output, NodeError> {
        let order = Order::new(self, id, process, false)?;
        let (our_stdout, stdout) = pipe(id)?;
        let (our_stderr, stderr) = pipe(id)?;
        let outputs = vec![our_stdout, our_stderr];
        let mut gathered = [Vec::new(), Vec::new()];
        let never = AtomicBool::new(false);
        let status = order.run(
            stdin,
            (stdout, stderr),
            outputs,
            Some(timeout),
            &never,
            &mut |index, bytes| {
                gathered[index].extend_from_slice(bytes);
            },
        )?;
        let [stdout, stderr] = gathered;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Runs a process in a container and hands on its output and errors line by line, as they come. Returns its
    /// exit status.
    ///
    /// # Errors
    /// As [`exec`](Self::exec); [`NodeError::Cancelled`] once `cancel` became true and the process was killed.
    pub fn exec_stream(
        &self,
        id: &ContainerId,
        process: &Process,
        stdin: &[u8],
        timeout: Option<Duration>,
        cancel: &AtomicBool,
        line: &mut dyn FnMut(&str),
    ) -> Result<i32, NodeError> {
        let mut lines = Lines::default();
        let status = self.exec_bytes(id, process, stdin, timeout, cancel, &mut |bytes| {
            lines.push(bytes, line);
        });
        lines.finish(line);
        status
    }

    /// Runs a process in a container and hands on its output and errors as they come. Returns its exit status.
    ///
    /// # Errors
    /// As [`exec_stream`](Self::exec_stream).
    pub fn exec_bytes(
        &self,
        id: &ContainerId,
        process: &Process,
        stdin: &[u8],
        timeout: Option<Duration>,
        cancel: &AtomicBool,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<i32, NodeError> {
        let order = Order::new(self, id, process, false)?;
        // One pipe for both, so that they stay in the order in which they were written.
        let (ours, stdout) = pipe(id)?;
        let stderr = stdout.try_clone().map_err(|source| NodeError::Pipe {
            id: id.clone(),
            source,
        })?;
        let outputs = vec![ours];
        order.run(
            stdin,
            (stdout, stderr),
            outputs,
            timeout,
            cancel,
            &mut |_, bytes| {
                output(bytes);
            },
        )
    }

    /// Starts a process in a container for somebody who talks to it: on a terminal of `tty` (columns, rows), else
    /// on pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn exec_interactive(
        &self,
        id: &ContainerId,
        process: &Process,
        tty: Option<(u16, u16)>,
    ) -> Result<ExecSession, NodeError> {
        let order = Order::new(self, id, process, tty.is_some())?;
        match tty {
            Some(size) => order.on_terminal(size),
            None => order.on_pipes(),
        }
    }
}

/// A process that is to be started, and the files that tell the runtime about it; removed when dropped.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    node: &'a Node,
    id: &'a ContainerId,
    program: &'a str,
    files: OrderFiles,
}

/// The files of an order.
#[derive(Debug)]
pub(crate) struct OrderFiles {
    process: PathBuf,
    console: PathBuf,
    log: Log,
}

impl OrderFiles {
    /// What the runtime complained of.
    pub fn complaint(&self) -> Option<String> {
        self.log.message()
    }
}

impl Drop for OrderFiles {
    fn drop(&mut self) {
        for path in [&self.process, &self.console] {
            let _ = fs::remove_file(path);
        }
    }
}

impl<'a> Order<'a> {
    fn new(
        node: &'a Node,
        id: &'a ContainerId,
        process: &'a Process,
        terminal: bool,
    ) -> Result<Self, NodeError> {
        node.running(id)?;
        let program = process.argv.first().map_or("", String::as_str);
        let directory = node.inner.records.directory(id);
        let number = node.inner.orders.fetch_add(1, Ordering::Relaxed);
        let files = OrderFiles {
            process: directory.join(format!("exec-{number}.json")),
            console: directory.join(format!("exec-{number}.sock")),
            log: Log::new(directory.join(format!("exec-{number}.log"))),
        };
        let content = bundle::process(process, terminal).to_string();
        record::write_private(&files.process, content.as_bytes()).map_err(|source| NodeError::File {
            operation: "write",
            path: files.process.clone(),
            source,
        })?;
        Ok(Self {
            node,
            id,
            program,
            files,
        })
    }

    fn command(&self, console: Option<&Path>) -> Command {
        self.node
            .inner
            .runtime
            .exec(self.id, &self.files.process, console, &self.files.log)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, NodeError> {
        Child::spawn(command).map_err(|source| self.node.inner.runtime.spawn_error(source).into())
    }

    /// Runs it to its end.
    fn run(
        self,
        stdin: &[u8],
        (stdout, stderr): (OwnedFd, OwnedFd),
        outputs: Vec<OwnedFd>,
        timeout: Option<Duration>,
        cancel: &AtomicBool,
        output: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<i32, NodeError> {
        let (their_stdin, our_stdin) = pipe(self.id)?;
        let child = {
            // The command holds their ends of the pipes; they must be closed here once the child has them.
            let mut command = self.command(None);
            self.spawn(command.stdin(their_stdin).stdout(stdout).stderr(stderr))?
        };
        let pipes = Pipes {
            input: Some((our_stdin, stdin)),
            outputs,
        };
        let end = pump(&child, pipes, timeout, cancel, output).map_err(|source| NodeError::Pipe {
            id: self.id.clone(),
            source,
        })?;
        match end {
            End::Exited(status) => finish(self.id, &self.files, status),
            End::Cancelled => Err(NodeError::Cancelled),
            End::TimedOut => Err(NodeError::TimedOut {
                id: self.id.clone(),
                program: self.program.into(),
                timeout: timeout.unwrap_or_default(),
            }),
        }
    }

    fn on_pipes(self) -> Result<ExecSession, NodeError> {
        let (their_stdin, stdin) = pipe(self.id)?;
        let (stdout, their_stdout) = pipe(self.id)?;
        let (stderr, their_stderr) = pipe(self.id)?;
        let child = {
            let mut command = self.command(None);
            self.spawn(
                command
                    .stdin(their_stdin)
                    .stdout(their_stdout)
                    .stderr(their_stderr),
            )?
        };
        let stdio = crate::ExecStdio::Pipes {
            stdin,
            stdout,
            stderr,
        };
        Ok(ExecSession::new(self.id.clone(), child, self.files, stdio, None))
    }

    fn on_terminal(self, (columns, rows): (u16, u16)) -> Result<ExecSession, NodeError> {
        let failed = |source| NodeError::Terminal {
            id: self.id.clone(),
            source,
        };
        let console = UnixListener::bind(&self.files.console).map_err(failed)?;
        let mut command = self.command(Some(&self.files.console));
        let child = self.spawn(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let Some(master) = receive_terminal(&console, &child).map_err(failed)? else {
            let status = child.wait().map_err(failed)?;
            finish(self.id, &self.files, status)?;
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        };
        guise_sys::terminal::resize(master.as_fd(), columns, rows).map_err(|errno| failed(errno.into()))?;
        let resize = master.try_clone().map_err(failed)?;
        let stdio = crate::ExecStdio::Terminal(master);
        Ok(ExecSession::new(
            self.id.clone(),
            child,
            self.files,
            stdio,
            Some(resize),
        ))
    }
}

/// What the runtime answers as shells do when there is no such program, or it cannot be run.
const NO_PROGRAM: [i32; 2] = [126, 127];

/// The status of a process that ended, unless it was the runtime that failed and no process of the container's.
pub(crate) fn finish(id: &ContainerId, files: &OrderFiles, status: i32) -> Result<i32, NodeError> {
    match files.complaint() {
        Some(message) if status != 0 && !NO_PROGRAM.contains(&status) => Err(RuntimeError::Refused {
            verb: "run a process in",
            id: id.clone(),
            message,
        }
        .into()),
        _ => Ok(status),
    }
}

/// Waits until the runtime sends the terminal's master side (runc's console socket protocol); `None` when it ends
/// without.
fn receive_terminal(console: &UnixListener, child: &Child) -> io::Result<Option<OwnedFd>> {
    use rustix::event::{PollFd, PollFlags, poll};
    let connects = {
        let mut fds = [
            PollFd::new(console, PollFlags::IN),
            PollFd::from_borrowed_fd(child.ended(), PollFlags::IN),
        ];
        while let Err(errno) = poll(&mut fds, None) {
            if errno != guise_sys::Errno::INTR {
                return Err(errno.into());
            }
        }
        fds[0].revents().contains(PollFlags::IN)
    };
    if !connects {
        return Ok(None);
    }
    let (socket, _) = console.accept()?;
    // The message beside the descriptor is the terminal's name inside.
    let mut name = [0; 4096];
    Ok(guise_sys::socket::receive_with_fd(socket.as_fd(), &mut name)?.1)
}

/// A pipe: the end to read, the end to write.
fn pipe(id: &ContainerId) -> Result<(OwnedFd, OwnedFd), NodeError> {
    let (reader, writer) = io::pipe().map_err(|source| NodeError::Pipe {
        id: id.clone(),
        source,
    })?;
    Ok((reader.into(), writer.into()))
}
