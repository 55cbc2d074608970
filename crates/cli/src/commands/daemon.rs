//! `guise daemon status|stop`. Starting it is another program of the binary (`guise daemon`).

use crate::client::{ClientError, boolean, with_query};
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::launch::LaunchError;
use clap::{Args, Subcommand};
use guise_api::{Status, paths};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Run the daemon, ask how it is, or stop it
///
/// Without a verb the daemon runs in the foreground, until it is stopped. Containers do not need it: they go
/// on serving while it is away, and it adopts them when it comes back.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Daemon {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show whether the daemon runs, and where
    Status,
    /// Stop the daemon; containers go on serving
    Stop {
        /// Also stop every container and undo what guise did to the machine; data is kept
        #[arg(long)]
        teardown: bool,
    },
}

impl Daemon {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self.verb {
            None => return Err(foreground(context)),
            Some(Verb::Status) => status(context).await,
            Some(Verb::Stop { teardown }) => stop(context, teardown).await,
        }?;
        Ok(0)
    }
}

/// `guise --state DIR daemon`: the binary tells its processes apart by their first word, so begin anew with that.
fn foreground(context: &Context) -> Error {
    LaunchError::Start {
        source: daemon_program(context).exec(),
    }
    .into()
}

fn daemon_program(context: &Context) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "guise".into()));
    command.arg("daemon").arg("--state").arg(context.state());
    command
}

async fn status(context: &Context) -> Result<(), Error> {
    let status: Status = context.client.get(paths::STATUS).await?;
    let edge = match status.edge_pid {
        Some(pid) => format!("{} (pid {pid})", status.edge_address),
        None => format!("{} (does not answer)", status.edge_address),
    };
    let pool = format!(
        "{} of {} used",
        human::bytes(status.pool_used_bytes),
        human::bytes(status.pool_bytes)
    );
    Ok(context.output.record(
        &status,
        &[
            ("version", status.version.clone()),
            ("pid", status.pid.to_string()),
            ("edge", edge),
            ("domain", status.domain.clone()),
            ("state", status.state.clone()),
            ("data pool", pool),
        ],
    )?)
}

/// Asks the daemon to stop and waits until its process has ended.
async fn stop(context: &Context, teardown: bool) -> Result<(), Error> {
    let path = with_query(paths::STOP, &[("teardown", boolean(teardown))]);
    let stopping: Status = match context.client.ask(&path).await {
        Err(ClientError::NotRunning { .. }) if teardown => return tear_down(context),
        Err(ClientError::NotRunning { .. }) => {
            context.output.remark("The daemon is not running.");
            return Ok(());
        }
        answer => answer?,
    };
    while !has_ended(stopping.pid) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    context.output.remark("The daemon has stopped.");
    Ok(())
}

/// Has the machine cleared when no daemon is there to do it.
fn tear_down(context: &Context) -> Result<(), Error> {
    let status = daemon_program(context)
        .arg("--teardown")
        .status()
        .map_err(|source| LaunchError::Start { source })?;
    if status.success() {
        Ok(())
    } else {
        Err(LaunchError::Teardown { status }.into())
    }
}

/// Whether a process is gone, or a zombie that its parent has not noticed yet (proc_pid_stat(5)).
fn has_ended(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    // The name in parentheses may itself hold parentheses.
    matches!(
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()),
        Some('Z' | 'X')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_ended_when_it_is_gone_or_a_zombie() {
        assert!(!has_ended(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        while !has_ended(child.id()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.wait().unwrap();
        assert!(has_ended(child.id()));
    }
}
