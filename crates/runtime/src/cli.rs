//! The command line: runc's verbs and flags, and `swap`.

use crate::config::{Config, read_json};
use crate::container::ContainerName;
use crate::create::{self, Created, Request};
use crate::foreground::Foreground;
use crate::report::Failure;
use crate::show::{self, ListFormat};
use crate::state;
use crate::update::{self, UpdateArgs};
use crate::{binary, delete, events, exec, features, guard, ps, signal, start, swap, template};
use clap::{Args, Parser, Subcommand, ValueEnum};
use oci_spec::runtime::{Process, Spec};
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A container runtime: OCI bundle in, process out.
#[derive(Debug, Parser)]
#[command(name = "guise runtime", disable_help_subcommand = true)]
struct Cli {
    /// Directory of all containers' state
    #[arg(long, default_value = "/run/guise/runtime")]
    root: PathBuf,
    /// File to append errors to; without it, they go to standard error
    #[arg(long)]
    log: Option<PathBuf>,
    /// Format of errors that are not for a person
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// Accepted for compatibility with runc
    #[arg(long)]
    debug: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Create a container whose program waits to be started
    Create(CreateArgs),
    /// Start the program of a created container
    Start { id: ContainerName },
    /// Create a container, start it and wait for it
    Run {
        #[command(flatten)]
        create: CreateArgs,
        /// Return when it is started
        #[arg(short, long)]
        detach: bool,
        /// Keep its record when it has ended
        #[arg(long)]
        keep: bool,
    },
    /// Print the state of a container as JSON
    State { id: ContainerName },
    /// Send a signal to the first process of a container
    Kill {
        id: ContainerName,
        #[arg(default_value = "SIGTERM")]
        signal: String,
        /// To all processes of the container
        #[arg(short, long)]
        all: bool,
    },
    /// Remove a container
    Delete {
        id: ContainerName,
        /// Kill it first if it runs; no error if it does not exist
        #[arg(short, long)]
        force: bool,
    },
    /// Run another process in a container
    Exec(ExecArgs),
    /// Replace what is mounted at a path of a running container, atomically
    Swap {
        /// Path inside
        #[arg(long)]
        target: PathBuf,
        /// Directory on the host, usually the mount point of an image
        #[arg(long)]
        source: PathBuf,
        id: ContainerName,
    },
    /// Stop all processes of a container
    Pause { id: ContainerName },
    /// Let the processes of a container go on
    Resume { id: ContainerName },
    /// Show the processes of a container
    Ps {
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
        id: ContainerName,
        /// Options of ps(1), instead of -ef
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Change the limits of a container
    Update(UpdateArgs),
    /// Tell what a container uses, and when it runs out of memory
    Events {
        /// Once, and no more
        #[arg(long)]
        stats: bool,
        /// How often, as 5s or 500ms
        #[arg(long, default_value = "5s", value_parser = interval)]
        interval: Duration,
        id: ContainerName,
    },
    /// Say what this runtime can do, as JSON
    Features,
    /// Wait for a word on standard input; if it ends without one, let containers go on
    #[command(hide = true)]
    Guard { ids: Vec<ContainerName> },
    /// List containers
    List {
        #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
        format: TableFormat,
        /// Print only ids
        #[arg(short, long)]
        quiet: bool,
    },
    /// Write a config.json to start from
    Spec {
        #[arg(short, long, default_value = ".")]
        bundle: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TableFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
struct CreateArgs {
    id: ContainerName,
    /// Directory with config.json
    #[arg(short, long, default_value = ".")]
    bundle: PathBuf,
    /// Unix socket that gets the master of the terminal
    #[arg(long)]
    console_socket: Option<PathBuf>,
    /// File to write the number of the first process to
    #[arg(long)]
    pid_file: Option<PathBuf>,
    /// Pass this many descriptors, from 3 on
    #[arg(long, default_value_t = 0)]
    preserve_fds: u32,
    /// Accepted for compatibility with runc: the root is always changed by pivot_root(2)
    #[arg(long)]
    no_pivot: bool,
    /// Accepted for compatibility with runc: keyrings are always new
    #[arg(long)]
    no_new_keyring: bool,
}

#[derive(Debug, Args)]
struct ExecArgs {
    /// The process as JSON, instead of the arguments below
    #[arg(short, long)]
    process: Option<PathBuf>,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// Unix socket that gets the master of the terminal
    #[arg(long)]
    console_socket: Option<PathBuf>,
    /// Working directory
    #[arg(long)]
    cwd: Option<PathBuf>,
    /// NAME=VALUE, added to the container's environment
    #[arg(short, long)]
    env: Vec<String>,
    /// UID or UID:GID
    #[arg(short, long)]
    user: Option<String>,
    /// Supplementary group
    #[arg(short = 'g', long)]
    additional_gids: Vec<u32>,
    /// File to write its number to
    #[arg(long)]
    pid_file: Option<PathBuf>,
    /// Pass this many descriptors, from 3 on
    #[arg(long, default_value_t = 0)]
    preserve_fds: u32,
    /// Return when it is started
    #[arg(short, long)]
    detach: bool,
    /// Forbid it to gain privileges
    #[arg(long)]
    no_new_privs: bool,
    id: ContainerName,
    /// Program and arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs `guise runtime` with the arguments after these two words, and returns the exit status.
///
/// To be called before the process has a second thread: what it makes are forks.
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let program = std::iter::once(OsString::from("guise runtime"));
    let cli = match Cli::try_parse_from(program.chain(arguments)) {
        Ok(cli) => cli,
        Err(refusal) => {
            // A closed standard error leaves nobody to tell.
            let _ = refusal.print();
            return u8::from(refusal.use_stderr());
        }
    };
    let (operation, object) = cli.verb.name();
    match cli.verb.perform(&cli.root) {
        Ok(status) => status,
        Err(cause) => {
            let status = exec_status(cause.as_ref());
            let failure = Failure {
                operation,
                object,
                cause,
            };
            failure.tell(cli.log.as_deref(), cli.log_format == LogFormat::Json);
            status
        }
    }
}

/// A program that is not there or cannot be run has the shell's status for that, everything else is 1.
fn exec_status(cause: &(dyn Error + 'static)) -> u8 {
    match cause.downcast_ref::<exec::ExecError>() {
        Some(exec::ExecError::Inside { status, .. }) => *status,
        _ => 1,
    }
}

type Outcome = Result<u8, Box<dyn Error>>;

impl Verb {
    fn name(&self) -> (&'static str, String) {
        match self {
            Self::Create(args) => ("create", args.id.to_string()),
            Self::Start { id } => ("start", id.to_string()),
            Self::Run { create, .. } => ("run", create.id.to_string()),
            Self::State { id } => ("state", id.to_string()),
            Self::Kill { id, .. } => ("kill", id.to_string()),
            Self::Delete { id, .. } => ("delete", id.to_string()),
            Self::Exec(args) => ("exec", args.id.to_string()),
            Self::Swap { id, .. } => ("swap", id.to_string()),
            Self::Pause { id } => ("pause", id.to_string()),
            Self::Resume { id } => ("resume", id.to_string()),
            Self::Ps { id, .. } => ("ps", id.to_string()),
            Self::Update(args) => ("update", args.id().to_string()),
            Self::Events { id, .. } => ("events", id.to_string()),
            Self::Features => ("features", String::new()),
            Self::Guard { .. } => ("guard", String::new()),
            Self::List { .. } => ("list", String::new()),
            Self::Spec { .. } => ("spec", String::new()),
        }
    }

    fn perform(&self, root: &Path) -> Outcome {
        match self {
            Self::Create(args) => args.create(root).map(|_| 0),
            Self::Start { id } => Ok(start::start(root, id).map(|()| 0)?),
            Self::Run { create, detach, keep } => create.run(root, *detach, *keep),
            Self::State { id } => Ok(show::state(root, id).map(|()| 0)?),
            Self::Kill { id, signal, all } => {
                let number = signal::parse(signal)?;
                signal::send(&state::load(root, id)?, id, number, *all)?;
                Ok(0)
            }
            Self::Delete { id, force } => Ok(delete::delete(root, id, *force).map(|()| 0)?),
            Self::Exec(args) => args.exec(root),
            Self::Swap { target, source, id } => Ok(swap::swap(root, id, target, source).map(|()| 0)?),
            Self::Pause { id } => Ok(state::load(root, id)?.cgroup.freeze().map(|()| 0)?),
            Self::Resume { id } => Ok(state::load(root, id)?.cgroup.thaw().map(|()| 0)?),
            Self::Ps { format, id, options } => match format {
                TableFormat::Json => Ok(ps::numbers(root, id).map(|()| 0)?),
                TableFormat::Table => Ok(ps::table(root, id, options).map(|()| 0)?),
            },
            Self::Update(args) => Ok(update::update(root, args).map(|()| 0)?),
            Self::Events { stats: true, id, .. } => Ok(events::once(root, id).map(|()| 0)?),
            Self::Events { id, interval, .. } => Ok(events::follow(root, id, *interval).map(|()| 0)?),
            Self::Features => {
                println!("{:#}", features::features());
                Ok(0)
            }
            Self::Guard { ids } => Ok(guard::guard(root, ids, std::io::stdin().lock()).map(|()| 0)?),
            Self::List { format, quiet } => {
                let format = match (format, quiet) {
                    (_, true) => ListFormat::Names,
                    (TableFormat::Table, _) => ListFormat::Table,
                    (TableFormat::Json, _) => ListFormat::Json,
                };
                Ok(show::list(root, format).map(|()| 0)?)
            }
            Self::Spec { bundle } => write_template(bundle),
        }
    }
}

impl CreateArgs {
    fn create(&self, root: &Path) -> Result<Created, Box<dyn Error>> {
        create::seal_descriptors(self.preserve_fds)?;
        let bundle = absolute(&self.bundle)?;
        if !Config::load(&bundle)?.has_user_namespace() {
            binary::protect()?;
        }
        let root = absolute(root)?;
        let request = Request {
            root: &root,
            id: &self.id,
            bundle: &bundle,
            console_socket: self.console_socket.as_deref(),
            preserved: self.preserve_fds,
            pid_file: self.pid_file.as_deref(),
        };
        Ok(create::create(&request)?)
    }

    fn run(&self, root: &Path, detach: bool, keep: bool) -> Outcome {
        let foreground = if detach { None } else { Some(Foreground::begin()?) };
        let created = self.create(root)?;
        if let Err(error) = start::start(root, &self.id) {
            delete::delete(root, &self.id, true)?;
            return Err(error.into());
        }
        let Some(foreground) = foreground else {
            return Ok(0);
        };
        let ending = foreground.wait(&created.child)?;
        if !keep {
            delete::delete(root, &self.id, true)?;
        }
        Ok(ending.shell_status())
    }
}

impl ExecArgs {
    fn exec(&self, root: &Path) -> Outcome {
        create::seal_descriptors(self.preserve_fds)?;
        let spec = state::load_config(root, &self.id)?;
        if spec
            .linux()
            .as_ref()
            .is_none_or(|linux| linux.uid_mappings().is_none())
        {
            binary::protect()?;
        }
        let request = exec::Request {
            root,
            id: &self.id,
            process: self.process(&spec)?,
            console_socket: self.console_socket.as_deref(),
            pid_file: self.pid_file.as_deref(),
            preserved: self.preserve_fds,
            detach: self.detach,
        };
        Ok(exec::exec(&request)?.shell_status())
    }

    /// From a file, or the container's own process with what the command line changes of it.
    fn process(&self, spec: &Spec) -> Result<Process, Box<dyn Error>> {
        if let Some(path) = &self.process {
            return Ok(read_json(path)?);
        }
        let mut process = spec.process().clone().unwrap_or_default();
        process.set_args(Some(self.command.clone()));
        process.set_terminal(Some(self.tty));
        process.set_console_size(None);
        if let Some(cwd) = &self.cwd {
            process.set_cwd(cwd.clone());
        }
        if !self.env.is_empty() {
            let mut environment = process.env().clone().unwrap_or_default();
            for entry in &self.env {
                let name = entry.split('=').next().unwrap_or_default();
                environment.retain(|old| old.split('=').next() != Some(name));
                environment.push(entry.clone());
            }
            process.set_env(Some(environment));
        }
        if let Some(user) = &self.user {
            let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
            let mut changed = oci_spec::runtime::User::default();
            changed.set_uid(uid.parse()?).set_gid(gid.parse()?);
            process.set_user(changed);
        }
        if !self.additional_gids.is_empty() {
            process
                .user_mut()
                .set_additional_gids(Some(self.additional_gids.clone()));
        }
        if self.no_new_privs {
            process.set_no_new_privileges(Some(true));
        }
        Ok(process)
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number
        .parse()
        .map_err(|_| "a number and a unit, as 5s".to_owned())?;
    match unit {
        "ms" if number > 0 => Ok(Duration::from_millis(number)),
        "s" | "" if number > 0 => Ok(Duration::from_secs(number)),
        "m" if number > 0 => Ok(Duration::from_secs(number * 60)),
        _ => Err("more than nothing, in ms, s or m".into()),
    }
}

fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}

fn write_template(bundle: &Path) -> Outcome {
    use std::io::Write;
    let path = bundle.join("config.json");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| format!("writing {}: {error}", path.display()))?;
    writeln!(file, "{}", serde_json::to_string_pretty(&template::spec())?)?;
    Ok(0)
}
