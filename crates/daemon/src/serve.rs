//! `guise daemon`: opens everything from the bottom up, serves, and leaves everything running when it stops.

use crate::{
    acme::Acme,
    api::{self, App, Origin, Stop},
    certificates::Certificates,
    config::Config,
    edge::{EdgeClient, EdgeConfig},
    gateway::{Gateway, GatewayConfig},
    remote::Remote,
};
use anyhow::{Context, Result, bail};
use guise_api::Check;
use guise_platform::{NodeConfig, Platform, PlatformConfig, Ports};
use std::{
    ffi::OsString,
    fs,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};
use tokio::{net::UnixListener, signal::unix};

/// What the command line asked for.
struct Arguments {
    state: PathBuf,
    /// Clear the machine instead of serving.
    teardown: bool,
}

/// Runs the daemon until it is told to stop. Containers and the edge go on without it.
///
/// # Errors
/// When something below cannot be opened; nothing is half done then.
pub fn main(arguments: Vec<OsString>) -> Result<()> {
    let arguments = parse(arguments)?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("GUISE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    fs::create_dir_all(arguments.state.join("run"))
        .with_context(|| format!("cannot make the state directory {}", arguments.state.display()))?;
    fs::set_permissions(&arguments.state, fs::Permissions::from_mode(0o711))?;
    let state = arguments.state.canonicalize()?;
    let config = Config::read(&state)?;
    // Two worker threads: the API's requests are few, and what takes long blocks on threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(std::time::Duration::from_secs(2))
        .enable_all()
        .build()?;
    runtime.block_on(run(state, config, arguments.teardown))
}

/// Checks the machine: kernel features, tools, cgroups.
pub fn doctor() -> Vec<Check> {
    guise_platform::examine()
        .into_iter()
        .map(|check| Check {
            name: check.name,
            ok: check.ok,
            found: check.found,
            remedy: check.remedy,
        })
        .collect()
}

/// What configuration files may name: from the shipped recipes and those of the state directory's settings.
///
/// # Errors
/// When the settings or a recipe cannot be read.
pub fn types(state: &Path) -> Result<guise_platform::TypeList> {
    let recipes = recipe_directories(&Config::read(state)?, &program()?);
    Ok(guise_platform::type_list(&guise_platform::Catalog::load(
        &recipes,
    )?))
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments> {
    let mut state =
        std::env::var_os("GUISE_STATE").map_or_else(|| PathBuf::from("/var/lib/guise"), PathBuf::from);
    let mut teardown = false;
    let mut words = arguments.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--state") => state = words.next().context("--state needs a directory")?.into(),
            Some("--teardown") => teardown = true,
            Some("--help" | "-h") => {
                println!("{HELP}");
                std::process::exit(0);
            }
            _ => bail!(
                "guise daemon does not know {}: see guise daemon --help",
                word.display()
            ),
        }
    }
    Ok(Arguments { state, teardown })
}

const HELP: &str = "Serve the API and run deployments until stopped

Usage: guise daemon [--state DIR] [--teardown]

  --state DIR   Where everything is kept [default: /var/lib/guise, env: GUISE_STATE]
  --teardown    Stop all containers, remove what guise has on the machine, keep the data, and exit

GUISE_LOG sets what is logged: info (default), debug, warn.";

async fn run(state: PathBuf, config: Config, teardown: bool) -> Result<()> {
    let socket = state.join("run/api.sock");
    if UnixStream::connect(&socket).is_ok() {
        bail!("a guise daemon serves {} already", state.display());
    }
    let program = program()?;
    let node = {
        let config = node_config(&state, &config, &program);
        tokio::task::spawn_blocking(move || guise_platform::Node::open(config)).await??
    };
    if teardown {
        crate::edge::stop(&state.join("edge/control.sock"));
        crate::gateway::stop(&state);
        return Ok(tokio::task::spawn_blocking(move || node.close_machine()).await??);
    }
    let certificates = Arc::new(Certificates::open(&state, &config.domain)?);
    let edge = {
        fs::create_dir_all(state.join("edge"))?;
        let id = config.instance.id_base;
        std::os::unix::fs::chown(state.join("edge"), Some(id), Some(id))?;
        let config = EdgeConfig {
            program: program.clone(),
            state: state.clone(),
            listen: config.edge_listen,
            listen_tls: config.edge_listen_tls,
            cache_bytes: config.edge_cache_bytes,
            inner: config.instance.addresses,
            id,
        };
        let certificates = certificates.clone();
        Arc::new(tokio::task::spawn_blocking(move || EdgeClient::start(config, certificates)).await??)
    };
    let platform_config = PlatformConfig {
        state: state.clone(),
        domain: config.domain.clone(),
        ports: Ports {
            http: config.edge_listen.port(),
            https: config.edge_listen_tls.map(|address| address.port()),
        },
        ssh_port: config.ssh_port(),
        hook_command: hook_command(&program, &state),
        retention: config.backups,
        crons: config.crons,
        sizes: config.sizes.clone(),
        sleep: config.sleep,
        mail_relay: config.mail.relay,
    };
    let platform = Platform::open(platform_config, node, edge.clone())?;
    let recovered = platform.clone();
    tokio::task::spawn_blocking(move || recovered.recover()).await??;
    platform.watch_pool()?;

    platform.keep_schedule();
    platform.run_crons();
    platform.keep_sleep();

    let gateway = config.ssh_port().map(|_| {
        let config = GatewayConfig {
            program: program.clone(),
            state: state.clone(),
            listen: config.ssh_listen,
            // The edge is the first of the range that no container has; neither may be the other.
            id: config.instance.id_base + 1,
        };
        Gateway::open(config, platform.clone()).map(Arc::new)
    });
    let gateway = gateway.transpose()?;

    let acme = config.acme.clone().filter(|_| config.edge_listen_tls.is_some());
    let acme = acme.map(|acme| Acme::open(acme, certificates.clone(), edge.clone()));
    let acme = acme.transpose()?;

    let listener = listen(&socket)?;
    let stop = Arc::new(Stop::default());
    let app = App {
        platform: platform.clone(),
        edge: edge.clone(),
        certificates,
        acme: acme.clone(),
        config: Arc::new(config),
        state: Arc::new(state.clone()),
        stop: stop.clone(),
    };
    tokio::spawn(watch_edge(app.edge.clone()));
    tokio::spawn(watch_gateway(gateway.clone()));
    tokio::spawn(renew_certificates(app.edge.clone()));
    if let Some(acme) = acme {
        tokio::spawn(acme.run());
    }
    tokio::spawn(crate::webhook::keep_telling(platform.clone()));
    if let Some(remote) = &app.config.api {
        let certified = remote.certified(&app.certificates)?;
        let listener = Remote::listen(remote.listen, &certified).await?;
        tokio::spawn(listener.serve(api::router(app.clone(), Origin::Network)));
        tracing::info!(api = %remote.listen, "guised serves the network");
    }
    tracing::info!(socket = %socket.display(), edge = %app.config.edge_listen, "guised serves");
    serve(listener, app, stop.clone()).await?;
    drop(fs::remove_file(&socket));
    if stop.teardown.load(Ordering::Relaxed) {
        tokio::task::spawn_blocking(move || edge.stop()).await?;
        tokio::task::spawn_blocking(move || gateway.inspect(|gateway| gateway.stop())).await?;
        tokio::task::spawn_blocking(move || platform.node().close_machine()).await??;
    }
    tracing::info!("guised has stopped");
    // Followers of logs may still block on threads; nothing of theirs needs to be finished.
    std::process::exit(0);
}

/// Serves until the daemon shall stop. Requests under way may end, but one who follows a log for ever is cut off.
async fn serve(listener: UnixListener, app: App, stop: Arc<Stop>) -> Result<()> {
    const GRACE: std::time::Duration = std::time::Duration::from_secs(2);
    let (told, heard) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, api::router(app, Origin::Socket)).with_graceful_shutdown(async move {
        told_to_stop(&stop).await;
        drop(told);
    });
    let patience = async {
        // Ends with an error when the other end is dropped, which is the news.
        let _ = heard.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => Ok(served?),
        () = patience => Ok(()),
    }
}

/// Starts the edge anew should it ever end by itself.
async fn watch_edge(edge: Arc<EdgeClient>) {
    let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        every.tick().await;
        let edge = edge.clone();
        match tokio::task::spawn_blocking(move || edge.ensure()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the edge is down"),
            Err(panic) => tracing::error!(%panic, "cannot look after the edge"),
        }
    }
}

/// Starts the gateway, and anew should it ever end by itself. Sites are served without it, and why it does not start is said
/// once.
async fn watch_gateway(gateway: Option<Arc<Gateway>>) {
    let Some(gateway) = gateway else { return };
    let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
    let mut said = String::new();
    loop {
        every.tick().await;
        let gateway = gateway.clone();
        let trouble = match tokio::task::spawn_blocking(move || gateway.ensure()).await {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic.to_string(),
        };
        if trouble != said && !trouble.is_empty() {
            tracing::error!("there is no SSH gateway: {trouble}");
        }
        said = trouble;
    }
}

/// Serves no certificate until it expires, however long guised runs.
async fn renew_certificates(edge: Arc<EdgeClient>) {
    const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
    loop {
        tokio::time::sleep(DAY).await;
        let edge = edge.clone();
        match tokio::task::spawn_blocking(move || edge.renew()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "certificates are not renewed"),
            Err(panic) => tracing::error!(%panic, "cannot renew certificates"),
        }
    }
}

/// The program to run for hooks, the edge and the runtime: this one, by a path that survives an upgrade's rename.
fn program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find the guise binary")
}

fn node_config(state: &Path, config: &Config, program: &Path) -> NodeConfig {
    NodeConfig {
        state: state.into(),
        instance: config.instance.clone(),
        program: program.into(),
        program_args: vec!["runtime".into()],
        recipes: recipe_directories(config, program),
        image_cache: Some(config.image_cache.clone()),
        image_cache_bytes: config.image_cache_bytes,
        pool_bytes: config.pool_bytes,
        mail_relay: config.mail.relay,
    }
}

/// The shipped recipes, then the operator's, which win.
fn recipe_directories(config: &Config, program: &Path) -> Vec<PathBuf> {
    let mut directories = vec![shipped_recipes(program)];
    directories.extend(config.recipes.iter().cloned());
    directories
}

/// The recipes that come with guise: beside the installed program, or in the source tree it was built from.
fn shipped_recipes(program: &Path) -> PathBuf {
    let installed = program
        .parent()
        .and_then(Path::parent)
        .map(|prefix| prefix.join("share/guise/images"));
    match installed {
        Some(directory) if directory.is_dir() => directory,
        _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images"),
    }
}

fn hook_command(program: &Path, state: &Path) -> Vec<OsString> {
    let words: [OsString; 6] = [
        program.into(),
        "--state".into(),
        state.into(),
        "--project".into(),
        "{project}".into(),
        "hook".into(),
    ];
    words.into()
}

/// The API's socket: only root may connect, until there are users.
fn listen(socket: &Path) -> Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener =
        UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn told_to_stop(stop: &Stop) {
    let signal = |kind| async move {
        match unix::signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.asked.notified() => {}
        () = signal(unix::SignalKind::terminate()) => {}
        () = signal(unix::SignalKind::interrupt()) => {}
    }
}
