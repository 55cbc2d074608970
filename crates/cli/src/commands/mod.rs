//! The commands, one file per group.

pub mod activity;
pub mod audit;
pub mod backup;
pub mod certificate;
pub mod completion;
pub mod component;
pub mod cron;
pub mod daemon;
pub mod db;
pub mod deployment;
pub mod disk;
pub mod doctor;
pub mod edge;
pub mod environment;
pub mod exec;
pub mod hook;
pub mod image;
pub mod init;
pub mod integration;
pub mod login;
pub mod logs;
pub mod man;
pub mod mount;
pub mod operation;
pub mod plan;
pub mod project;
pub mod property;
pub mod ps;
pub mod relationships;
pub mod resources;
pub mod rollback;
pub mod route;
pub mod schema;
pub mod ssh;
pub mod ssh_key;
pub mod tls;
pub mod token;
pub mod truth;
pub mod tunnel;
pub mod up;
pub mod url;
pub mod user;
pub mod validate;
pub mod variable;

use crate::arguments::{Arguments, Command};
use crate::context::Context;
use crate::error::Error;
use guise_api::Check;
use guise_config::TypeList;
use std::io::{self, Write};
use std::path::Path;

/// What the binary gives the command line, because it lives in crates that a client must not know.
pub struct Parts {
    /// Looks at the machine, for `guise doctor`.
    pub doctor: fn() -> Vec<Check>,
    /// The types and versions that configuration files may name, for `guise validate`: those of the recipes that
    /// the daemon of this state directory would use. An error is a sentence.
    pub types: fn(&Path) -> Result<TypeList, String>,
}

/// Runs a command; answers the exit code. Errors are told on standard error.
pub fn run(arguments: Arguments, parts: &Parts) -> u8 {
    let started =
        Context::new(arguments.global).and_then(|context| start(arguments.command, &context, parts));
    match started {
        Ok(code) => code,
        Err(error) => {
            tell(&error);
            error.exit_code()
        }
    }
}

fn start(command: Command, context: &Context, parts: &Parts) -> Result<u8, Error> {
    match command {
        Command::Completion(completion) => completion.run(),
        Command::Man(man) => man.run(),
        Command::Logout(logout) => logout.run(context),
        Command::Validate(validate) => validate.run(context, parts.types),
        _ if context.output.is_sarif() => Err(Error::SarifOnlyOfFindings),
        Command::Schema(schema) => schema.run(),
        Command::Doctor(doctor) => doctor.run(context, parts.doctor),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let result = runtime.block_on(talk(command, context));
            // A thread may still wait for a key; the process ends without it.
            runtime.shutdown_background();
            result
        }
    }
}

/// Runs a command that talks to the daemon.
pub async fn talk(command: Command, context: &Context) -> Result<u8, Error> {
    match command {
        Command::Up(up) => up.run(context).await,
        Command::Project(project) => project.run(context).await,
        Command::Environment(environment) => environment.run(context).await,
        Command::Route(route) => route.run(context).await,
        Command::App(app) => app.run(context).await,
        Command::Worker(worker) => worker.run(context).await,
        Command::Service(service) => service.run(context).await,
        Command::Login(login) => login.run(context).await,
        Command::Integration(integration) => integration.run(context).await,
        Command::Token(token) => token.run(context).await,
        Command::Ps(ps) => ps.run(context).await,
        Command::Truth(truth) => truth.run(context).await,
        Command::Disk(disk) => disk.run(context).await,
        Command::Exec(exec) => exec.run(context).await,
        Command::Relationships(relationships) => relationships.run(context).await,
        Command::Resources(resources) => resources.run(context).await,
        Command::Variable(variable) => variable.run(context).await,
        Command::Db(db) => db.run(context).await,
        Command::Mount(mount) => mount.run(context).await,
        Command::Logs(logs) => logs.run(context).await,
        Command::Url(url) => url.run(context).await,
        Command::Backup(backup) => backup.run(context).await,
        Command::Certificate(certificate) => certificate.run(context).await,
        Command::Tls(tls) => tls.run(context).await,
        Command::Cron(cron) => cron.run(context).await,
        Command::Operation(operation) => operation.run(context).await,
        Command::SourceOperation(operation) => operation.run(context).await,
        Command::Deployment(deployment) => deployment.run(context).await,
        Command::Plan(plan) => plan.run(context).await,
        Command::Rollback(rollback) => rollback.run(context).await,
        Command::Activity(activity) => activity.run(context).await,
        Command::Image(image) => image.run(context).await,
        Command::Daemon(daemon) => daemon.run(context).await,
        Command::Edge(edge) => edge.run(context).await,
        Command::Init(init) => init.run(context).await,
        Command::User(user) => user.run(context).await,
        Command::Ssh(ssh) => ssh.run(context).await,
        Command::Tunnel(tunnel) => tunnel.run(context).await,
        Command::SshKey(key) => key.run(context).await,
        Command::Audit(audit) => audit.run(context).await,
        Command::Hook(hook) => hook.run(context).await,
        Command::Completion(_)
        | Command::Logout(_)
        | Command::Man(_)
        | Command::Doctor(_)
        | Command::Validate(_)
        | Command::Schema(_) => Ok(0),
    }
}

/// Tells an error to the person: what failed on one line, then what to do about it.
fn tell(error: &Error) {
    if error.exit_code() == 0 {
        return;
    }
    let mut text = format!("guise: {error}\n");
    for hint in error.hints() {
        text.push_str(&format!("  → {hint}\n"));
    }
    // There is nowhere to complain when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Asks the person to type `wanted`; `--yes` answers for them.
fn confirm(context: &Context, question: &str, wanted: &str) -> Result<(), Error> {
    if context.yes {
        return Ok(());
    }
    if !context.can_ask {
        return Err(Error::NobodyToAsk {
            question: question.into(),
        });
    }
    eprint!("{question} Type {wanted:?} to go on: ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::Input)?;
    let answer = answer.trim();
    if answer == wanted {
        Ok(())
    } else {
        Err(Error::Declined {
            answer: answer.into(),
            wanted: wanted.into(),
        })
    }
}
