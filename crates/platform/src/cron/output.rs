//! Where a cron's output goes: the activity's log and, line by line as it comes, `/var/log/cron.log` in the container.

use crate::{activity::Report, carry_out::hook_process, desired::Component};
use guise_node::{ExecSession, ExecStdio, Node, NodeError};
use std::{fs::File, io::Write};

/// An open `cron.log`: a process in the container that appends what it is given.
pub(super) struct Output<'a> {
    report: &'a Report,
    log: Option<Log>,
}

struct Log {
    input: File,
    session: ExecSession,
}

impl<'a> Output<'a> {
    /// Opens it. A log that cannot be written (disk full) keeps no cron from running.
    pub(super) fn open(node: &Node, component: &Component, report: &'a Report) -> Self {
        let log = Log::open(node, component);
        if let Err(error) = &log {
            report.line(&format!("W: cron.log cannot be written: {error}"));
        }
        Self {
            report,
            log: log.ok().flatten(),
        }
    }

    /// A line of guise's about the run, with the time in the container's log.
    pub(super) fn remark(&mut self, text: &str) {
        self.report.line(text);
        let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%6f");
        self.write(&format!("[{time}] {text}\n"));
    }

    /// A line that the cron printed.
    pub(super) fn line(&mut self, text: &str) {
        self.report.line(&format!("    {text}"));
        self.write(&format!("{text}\n"));
    }

    fn write(&mut self, text: &str) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.input.write_all(text.as_bytes())
        {
            self.report
                .line(&format!("W: cron.log cannot be written: {error}"));
            self.log = None;
        }
    }

    /// Closes it once all is written.
    pub(super) fn close(self) {
        if let Some(Log { input, session }) = self.log {
            drop(input);
            if let Err(error) = session.wait() {
                tracing::warn!(%error, "cannot tell whether cron.log was written");
            }
        }
    }
}

impl Log {
    fn open(node: &Node, component: &Component) -> Result<Option<Self>, NodeError> {
        let append = hook_process(component, "exec cat >> /var/log/cron.log");
        let mut session = node.exec_interactive(&component.spec.id, &append, None)?;
        Ok(match session.take_stdio() {
            // Nobody reads what it says: it says nothing.
            Some(ExecStdio::Pipes { stdin, .. }) => Some(Self {
                input: stdin.into(),
                session,
            }),
            _ => None,
        })
    }
}
