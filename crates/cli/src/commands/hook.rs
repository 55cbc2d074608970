//! `guise hook`: what a project's repository runs when somebody pushes (githooks(5)).

use super::activity;
use crate::client::ClientError;
use crate::context::Context;
use crate::error::Error;
use crate::place::PlaceError;
use clap::Subcommand;
use guise_api::{CheckPush, CheckPushReply, PushReceived, PushReceivedReply, RefUpdate, paths};
use guise_model::{ProjectId, UserName};
use std::io::Read;

/// Answer for a repository's hook; the project is given by --project
#[derive(Debug, Subcommand)]
pub enum Hook {
    /// Ask whether a push may go on; exit code 1 refuses it
    PreReceive,
    /// Tell of a push and print the logs of what it sets off; the push stands whatever happens
    PostReceive,
}

impl Hook {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::PreReceive => match check(context).await {
                Ok(accepted) => Ok(u8::from(!accepted)),
                Err(error) => {
                    super::tell(&error);
                    if is_without_daemon(&error) {
                        context.output.line(NOT_NOW)?;
                    }
                    Ok(1)
                }
            },
            Self::PostReceive => {
                if let Err(error) = receive(context).await {
                    super::tell(&error);
                    if is_without_daemon(&error) {
                        context.output.line(LATER)?;
                    }
                }
                Ok(0)
            }
        }
    }
}

/// What becomes of a push that the daemon cannot be asked about.
const NOT_NOW: &str = "The push is refused and changes nothing. Push again when the daemon runs.";
/// What becomes of one that it could not be told of, or stopped deploying.
const LATER: &str =
    "The push is received. Its deployment begins or goes on by itself as soon as the daemon runs again.";

/// Whether the daemon is not there, or went away.
fn is_without_daemon(error: &Error) -> bool {
    matches!(
        error,
        Error::Client(
            ClientError::NotRunning { .. } | ClientError::Connect { .. } | ClientError::Exchange { .. }
        )
    )
}

/// Whether a push may go on. One that cannot be checked may not.
async fn check(context: &Context) -> Result<bool, Error> {
    let push = CheckPush {
        project: project(context)?,
        user: user()?,
        updates: updates()?,
        options: push_options(),
        quarantine: std::env::var("GIT_QUARANTINE_PATH").ok(),
    };
    let reply: CheckPushReply = context.client.post(paths::PRE_RECEIVE, &push).await?;
    print(context, &reply.output)?;
    Ok(reply.accepted)
}

/// Tells of a push, and follows what it sets off unless the person presses Ctrl-C.
async fn receive(context: &Context) -> Result<(), Error> {
    let push = PushReceived {
        project: project(context)?,
        user: user()?,
        updates: updates()?,
        options: push_options(),
    };
    let reply: PushReceivedReply = context.client.post(paths::POST_RECEIVE, &push).await?;
    print(context, &reply.output)?;
    for activity in &reply.activities {
        match activity::follow(context, activity).await {
            Err(error @ (Error::Failed(_) | Error::Cancelled(_))) => {
                context.output.line(not_deployed(&error))?
            }
            ended => ended?,
        }
    }
    Ok(())
}

/// What a person must know when an activity did not succeed: git itself says that the push did.
fn not_deployed(error: &Error) -> String {
    format!("\n{error}. The commit is received, but not deployed: what was deployed before goes on.")
}

fn print(context: &Context, output: &str) -> Result<(), Error> {
    if output.is_empty() {
        return Ok(());
    }
    Ok(context.output.line(output.trim_end_matches('\n'))?)
}

/// The project whose repository calls. Its id is written into the hook, so the repository need not be asked.
fn project(context: &Context) -> Result<ProjectId, Error> {
    let named = context.named_project().ok_or(PlaceError::NoProject)?;
    Ok(ProjectId::new(named).map_err(PlaceError::from)?)
}

/// Who pushes over the network: the SSH gateway's git is told. Nobody does on the machine itself.
fn user() -> Result<Option<UserName>, Error> {
    let named = std::env::var("GUISE_USER").ok().map(UserName::new);
    Ok(named.transpose().map_err(PlaceError::from)?)
}

/// The refs that the push changes, from standard input.
fn updates() -> Result<Vec<RefUpdate>, Error> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut text)
        .map_err(Error::Input)?;
    String::from_utf8_lossy(&text).lines().map(update).collect()
}

fn update(line: &str) -> Result<RefUpdate, Error> {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(old), Some(new), Some(name)) => Ok(RefUpdate {
            old: old.into(),
            new: new.into(),
            name: name.into(),
        }),
        _ => Err(Error::HookInput { line: line.into() }),
    }
}

/// `git push -o`: git sets `GIT_PUSH_OPTION_COUNT` and `GIT_PUSH_OPTION_0` and so on.
fn push_options() -> Vec<String> {
    let variable = |name: String| std::env::var(name).ok();
    let count: usize = variable("GIT_PUSH_OPTION_COUNT".into())
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    (0..count)
        .map_while(|number| variable(format!("GIT_PUSH_OPTION_{number}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_input_is_old_new_and_ref() {
        let zeros = "0".repeat(40);
        let update = update(&format!("{zeros} {zeros} refs/heads/a")).unwrap();
        assert_eq!(
            (update.old.as_str(), update.name.as_str()),
            (zeros.as_str(), "refs/heads/a")
        );
        assert_eq!(super::update("one two").unwrap_err().exit_code(), 2);
    }
}
