//! The command line as typed.

use crate::{commands, names, output::Format};
use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// Run Platform.sh projects on this machine
///
/// `git push` builds a project, freezes it into a read-only image and serves it from containers. Stand in a
/// repository and type `guise up`.
///
/// Exit codes: 0 done; 1 it was done and failed; 2 a wrong word, name or option; 3 a configuration file is
/// wrong; 4 something else is going on; 5 the machine or the daemon is not ready; 70 a mistake in guise itself.
#[derive(Debug, Parser)]
#[command(name = "guise", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Directory of the daemon's state [default: /var/lib/guise]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GUISE_STATE",
        hide_env_values = true
    )]
    pub state: Option<PathBuf>,
    /// Project, by id or title [default: the one of the git remote `guise`]
    #[arg(short, long, global = true, value_name = "PROJECT", add = ArgValueCandidates::new(names::projects))]
    pub project: Option<String>,
    /// Environment, by branch [default: the current branch]
    #[arg(short, long, global = true, value_name = "BRANCH", add = ArgValueCandidates::new(names::environments))]
    pub environment: Option<String>,
    /// How lists are written
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "table",
        hide_default_value = true
    )]
    pub format: Format,
    /// Columns of a list, by their headings and separated by commas [default: all]
    #[arg(long, global = true, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Print results only, no remarks
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Use no colours, as NO_COLOR does
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Up(commands::up::Up),
    Init(commands::init::Init),
    #[command(subcommand)]
    Project(commands::project::Project),
    #[command(subcommand)]
    Environment(commands::environment::Environment),
    #[command(subcommand)]
    Route(commands::route::Route),
    #[command(subcommand)]
    App(commands::component::App),
    #[command(subcommand)]
    Worker(commands::component::Worker),
    #[command(subcommand)]
    Service(commands::component::Service),
    Ps(commands::ps::Ps),
    Truth(commands::truth::Truth),
    Disk(commands::disk::Disk),
    Exec(commands::exec::Exec),
    Ssh(commands::ssh::Ssh),
    #[command(subcommand)]
    Tunnel(commands::tunnel::Tunnel),
    #[command(subcommand)]
    Db(commands::db::Db),
    Relationships(commands::relationships::Relationships),
    #[command(subcommand)]
    Mount(commands::mount::Mount),
    #[command(subcommand)]
    Variable(commands::variable::Variable),
    #[command(subcommand, visible_alias = "res")]
    Resources(commands::resources::Resources),
    #[command(subcommand)]
    Certificate(commands::certificate::Certificate),
    #[command(subcommand)]
    Tls(commands::tls::Tls),
    Logs(commands::logs::Logs),
    Url(commands::url::Url),
    #[command(subcommand)]
    Backup(commands::backup::Backup),
    Plan(commands::plan::Plan),
    Rollback(commands::rollback::Rollback),
    #[command(subcommand)]
    Cron(commands::cron::Cron),
    #[command(subcommand)]
    Operation(commands::operation::Operation),
    #[command(subcommand)]
    SourceOperation(commands::operation::SourceOperation),
    #[command(subcommand)]
    Deployment(commands::deployment::Deployment),
    #[command(subcommand)]
    Activity(commands::activity::Activity),
    #[command(subcommand)]
    User(commands::user::User),
    #[command(subcommand)]
    SshKey(commands::ssh_key::SshKey),
    Audit(commands::audit::Audit),
    #[command(subcommand)]
    Image(commands::image::Image),
    Login(commands::login::Login),
    Logout(commands::login::Logout),
    #[command(subcommand)]
    Integration(commands::integration::Integration),
    #[command(subcommand)]
    Token(commands::token::Token),
    Doctor(commands::doctor::Doctor),
    Daemon(commands::daemon::Daemon),
    #[command(subcommand)]
    Edge(commands::edge::Edge),
    Validate(commands::validate::Validate),
    Schema(commands::schema::Schema),
    Completion(commands::completion::Completion),
    Man(commands::man::Man),
    #[command(subcommand, hide = true)]
    Hook(commands::hook::Hook),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_after_the_program_of_exec_are_the_programs() {
        let arguments = Arguments::parse_from(["guise", "exec", "-c", "db", "ls", "-l", "-p"]);
        let Command::Exec(exec) = arguments.command else {
            panic!("not exec");
        };
        assert_eq!(exec.container.as_deref(), Some("db"));
        assert_eq!(exec.argv, ["ls", "-l", "-p"]);
    }

    #[test]
    fn help_fits_eighty_columns_and_begins_without_a_full_stop() {
        fn check(command: &mut clap::Command) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(
                !about.is_empty() && !about.ends_with('.'),
                "{}: {about:?}",
                command.get_name()
            );
            for sub in command.get_subcommands_mut() {
                check(sub);
            }
        }
        check(&mut Arguments::command().disable_help_subcommand(true));
    }
}
