//! App and worker containers.

use super::{AppBuild, Assembly, id_to_come, init, relationship::Related, scratch, service, worker_name};
use crate::{
    PlatformError,
    desired::{Component, ComponentKind, Crons, Life, NGINX_FILE, VolumeWant},
    effective::{Given, Phase},
    run_config,
    variables::{self, Runtime},
};
use guise_config::{App, Commands, Firewall, Mount, MountSource, Passthru, Protocol, SocketFamily, Worker};
use guise_image::Recipe;
use guise_model::Limits;
use guise_node::{
    AppImage, ContainerSpec, Egress, HostEntry, Link, Listen, RunFile, STOP_GRACE_SECONDS, User, VolumeMount,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// `$PORT` of every app.
const PORT: u16 = 8888;
/// `$SOCKET` of every app that asks for one.
const SOCKET: &str = "/run/app.sock";
/// Where the second PHP-FPM listens, that debugs.
const DEBUG_SOCKET: &str = "/run/xdebug.sock";

impl Assembly<'_> {
    /// The app's container and those of its workers.
    pub(super) fn app(&self, app: &App, build: &AppBuild) -> Result<Vec<Component>, PlatformError> {
        let catalog = self.platform.node().catalog();
        let resolved = catalog.resolve(&app.runtime.name, &app.runtime.resolved);
        let recipe = match resolved {
            Ok(resolved) => resolved.recipe,
            Err(unknown) => {
                return Err(PlatformError::UnknownImage {
                    reason: unknown.to_string(),
                });
            }
        };
        let app = &with_start(app, recipe);
        let mut components = vec![self.web(app, build, recipe)?];
        for worker in &app.workers {
            components.push(self.worker(app, worker, build, recipe)?);
        }
        Ok(components)
    }

    fn web(&self, app: &App, build: &AppBuild, recipe: &Recipe) -> Result<Component, PlatformError> {
        let related = self.related(&app.relationships)?;
        let listen = listen(app.web.upstream.socket_family);
        let commands = &app.web.commands;
        let limits = self.allowances.limits(app.name.as_str(), app.size, app.profile);
        let given = self.levels.given(app, Phase::Run);
        let mut files = process_files(recipe, app, &given.php, commands, limits, Some(&listen))?;
        let runtime = self.runtime(app, build, recipe, &related, &listen, &given);
        let env = variables::at_run_time(&runtime);
        files.extend(variables::files(&env));
        files.push(run_config::file(&runtime, limits));
        files.push(RunFile {
            path: NGINX_FILE.into(),
            content: nginx(app, recipe, &listen),
            mode: 0o644,
        });
        let has_start = commands.start.is_some();
        let parts = Parts {
            name: app.name.to_string(),
            kind: ComponentKind::App,
            limits,
            disk_mb: app.disk_mb,
            mounts: &app.mounts,
            additional_hosts: &app.additional_hosts,
            firewall: app.firewall.as_ref(),
            files,
            life: Life::App {
                listen: (has_start && passes_requests_on(app)).then_some(listen),
                has_start,
                deploy: app.hooks.deploy.clone(),
                post_deploy: app.hooks.post_deploy.clone(),
                post_start: commands.post_start.clone(),
                crons: Crons {
                    timezone: app.timezone.clone(),
                    jobs: app.crons.clone(),
                },
                operations: app.operations.clone(),
            },
        };
        self.component(app, build, recipe, related, env, parts)
    }

    fn worker(
        &self,
        app: &App,
        worker: &Worker,
        build: &AppBuild,
        recipe: &Recipe,
    ) -> Result<Component, PlatformError> {
        let related = self.related(&worker.relationships)?;
        let as_app = App {
            relationships: worker.relationships.clone(),
            variables: worker.variables.clone(),
            ..app.clone()
        };
        let name = worker_name(&app.name, &worker.name);
        let limits = self.allowances.limits(&name, worker.size, worker.profile);
        let given = self.levels.given(&as_app, Phase::Run);
        let mut files = process_files(recipe, &as_app, &given.php, &worker.commands, limits, None)?;
        let listen = Listen::Tcp(PORT);
        let runtime = self.runtime(&as_app, build, recipe, &related, &listen, &given);
        let env = variables::at_run_time(&runtime);
        files.extend(variables::files(&env));
        files.push(run_config::file(&runtime, limits));
        let parts = Parts {
            name,
            kind: ComponentKind::Worker,
            limits,
            disk_mb: worker.disk_mb,
            mounts: &worker.mounts,
            additional_hosts: &worker.additional_hosts,
            firewall: worker.firewall.as_ref(),
            files,
            life: Life::Worker,
        };
        self.component(app, build, recipe, related, env, parts)
    }

    fn runtime<'b>(
        &'b self,
        app: &'b App,
        build: &'b AppBuild,
        recipe: &'b Recipe,
        related: &'b Related,
        listen: &'b Listen,
        given: &'b Given,
    ) -> Runtime<'b> {
        Runtime {
            project: self.project,
            environment: self.environment,
            app,
            tree: &build.tree,
            relationships: &related.credentials,
            routes: &self.platform_routes,
            listen,
            relay: self.relay(),
            given,
            image: recipe.env(),
        }
    }

    /// Who takes the environment's mail, if it may send any.
    fn relay(&self) -> Option<Ipv4Addr> {
        let relay = self.platform.config().mail_relay;
        relay.filter(|_| self.environment.sends_mail())
    }

    fn component(
        &self,
        app: &App,
        build: &AppBuild,
        recipe: &Recipe,
        related: Related,
        env: BTreeMap<String, String>,
        parts: Parts<'_>,
    ) -> Result<Component, PlatformError> {
        let user = service::user_of(recipe);
        let (slot, address) = self.place(&parts.name);
        let (mounts, volumes) = self.mounts(app, &parts, user)?;
        let mut hosts = related.hosts;
        for (name, address) in parts.additional_hosts {
            if let Ok(address) = address.parse() {
                hosts.push(HostEntry {
                    name: name.clone(),
                    address,
                });
            }
        }
        Ok(Component {
            kind: parts.kind,
            image_type: app.runtime.as_written(),
            spec: ContainerSpec {
                id: id_to_come(),
                name: self.full_name(&parts.name),
                hostname: Self::hostname(&parts.name),
                slot,
                base: build.base.clone(),
                app: Some(AppImage::Frozen {
                    image: build.image.clone(),
                }),
                mounts,
                scratch: scratch(user),
                files: parts.files,
                process: init(user, init_env(recipe)),
                limits: parts.limits,
                stop_grace_seconds: STOP_GRACE_SECONDS,
                link: Link {
                    address,
                    hosts,
                    egress: egress(parts.firewall),
                    mail: self.relay().is_some(),
                    connect: related.connect,
                },
            },
            volumes,
            env,
            life: parts.life,
            name: parts.name,
        })
    }

    /// Mounts, outer ones first, and the volumes behind them (spec 1.8).
    fn mounts(
        &self,
        app: &App,
        parts: &Parts<'_>,
        user: User,
    ) -> Result<(Vec<VolumeMount>, Vec<VolumeWant>), PlatformError> {
        let mut mounts = Vec::new();
        let mut volumes: Vec<VolumeWant> = Vec::new();
        for mount in parts.mounts {
            let (owner, disk_mb) = match &mount.source {
                MountSource::Local => (parts.name.clone(), parts.disk_mb),
                MountSource::Storage => (format!("storage--{}", app.name), app.disk_mb),
                MountSource::StorageOf(other) => {
                    let other = self.config.apps.iter().find(|app| app.name == *other);
                    let Some(other) = other else { continue };
                    (format!("storage--{}", other.name), other.disk_mb)
                }
                MountSource::Instance => (format!("instance--{}", parts.name), None),
                MountSource::Tmp => (format!("tmp--{}", parts.name), None),
                MountSource::Service(name) => {
                    let service = self.config.services.iter().find(|service| service.name == *name);
                    (name.to_string(), service.and_then(|service| service.disk_mb))
                }
            };
            let (volume, want) = self.volume(&owner, disk_mb, user, 0o755)?;
            if !volumes.contains(&want) {
                volumes.push(want);
            }
            mounts.push(VolumeMount {
                volume,
                source_path: mount.source_path.clone(),
                target: format!("/app/{}", mount.path),
                read_only: false,
                owner: user,
            });
        }
        mounts.sort_by(|a, b| a.target.cmp(&b.target));
        Ok((mounts, volumes))
    }
}

/// What differs between a web container and a worker's.
struct Parts<'a> {
    name: String,
    kind: ComponentKind,
    limits: Limits,
    disk_mb: Option<u64>,
    mounts: &'a [Mount],
    additional_hosts: &'a BTreeMap<String, String>,
    firewall: Option<&'a Firewall>,
    files: Vec<RunFile>,
    life: Life,
}

fn listen(family: SocketFamily) -> Listen {
    match family {
        SocketFamily::Tcp => Listen::Tcp(PORT),
        SocketFamily::Unix => Listen::Unix(SOCKET.into()),
    }
}

/// Without a firewall anybody may be talked to (spec 1.16).
fn egress(firewall: Option<&Firewall>) -> Egress {
    match firewall {
        Some(firewall) => Egress::Only(firewall.outbound.clone()),
        None => Egress::Allow,
    }
}

/// runit's own environment: no secret of the app's, those come with its start command.
fn init_env(recipe: &Recipe) -> BTreeMap<String, String> {
    let path = recipe.env().get("PATH").cloned();
    let path = path.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    BTreeMap::from([("PATH".to_string(), path)])
}

/// The app with its language's start command, when it has none of its own (spec 1.4).
fn with_start(app: &App, recipe: &Recipe) -> App {
    let mut app = app.clone();
    let start = &mut app.web.commands.start;
    *start = start.take().or_else(|| recipe.start().map(ToString::to_string));
    app
}

/// What the image's programs are configured with while the app is built: as in a container that serves nothing.
pub(crate) fn build_files(
    recipe: &Recipe,
    app: &App,
    given: &Given,
    limits: Limits,
) -> Result<Vec<RunFile>, PlatformError> {
    process_files(recipe, app, &given.php, &Commands::default(), limits, None)
}

/// The runit services of an app's or worker's container, and the configuration of the image's programs. A web container
/// is one that listens.
fn process_files(
    recipe: &Recipe,
    app: &App,
    php: &BTreeMap<String, Value>,
    commands: &Commands,
    limits: Limits,
    listen: Option<&Listen>,
) -> Result<Vec<RunFile>, PlatformError> {
    let context = json!({
        "web": listen.is_some(),
        "listen": listen.map(|listen| match listen {
            Listen::Tcp(port) => format!("127.0.0.1:{port}"),
            Listen::Unix(path) => path.clone(),
        }),
        "memory_mb": limits.memory_bytes / 1_000_000,
        "cpu_millis": limits.cpu_millis,
        "runtime": app.runtime_settings,
        "variables": {"php": php},
        "has_start": commands.start.is_some(),
        "start": commands.start,
        "pre_start": commands.pre_start,
        "debugger": listen.and_then(|_| debug_key(app, recipe)).map(|key| json!({"key": key, "listen": DEBUG_SOCKET})),
    });
    let files = recipe
        .render_files(&app.runtime.resolved, &context)
        .map_err(service::bad_recipe)?;
    Ok(files
        .into_iter()
        .map(|f| RunFile {
            path: f.path,
            content: f.content,
            mode: f.mode,
        })
        .collect())
}

/// Whether any location or rule hands requests to the start command; one that runs scripts gets them by their names.
fn passes_requests_on(app: &App) -> bool {
    if app.web.upstream.protocol == Protocol::Fastcgi {
        return true;
    }
    app.web.locations.iter().any(|location| {
        location.passthru != Passthru::No
            || location
                .rules
                .iter()
                .any(|rule| matches!(&rule.passthru, Some(to) if *to != Passthru::No))
    })
}

/// The key of requests that are debugged: of a web container that starts what its language starts (spec 1.14).
fn debug_key<'a>(app: &'a App, recipe: &Recipe) -> Option<&'a str> {
    let starts_itself = app.web.commands.start.as_deref() == recipe.start();
    let key = app.runtime_settings.get("xdebug")?.get("idekey")?.as_str();
    key.filter(|_| starts_itself)
}

fn nginx(app: &App, recipe: &Recipe, listen: &Listen) -> String {
    let upstream = match (&app.web.commands.start, listen) {
        (None, _) => None,
        (Some(_), Listen::Tcp(port)) => Some(guise_nginx::Upstream::Tcp(*port)),
        (Some(_), Listen::Unix(path)) => Some(guise_nginx::Upstream::Unix(path.clone())),
    };
    guise_nginx::configuration(&guise_nginx::Site {
        locations: &app.web.locations,
        app_root: "/app",
        debugger: debug_key(app, recipe).map(|key| guise_nginx::Debugger {
            key,
            socket: DEBUG_SOCKET,
        }),
        upstream,
        protocol: app.web.upstream.protocol,
        listen: "80",
        access_log: "/var/log/access.log",
        error_log: "/var/log/error.log",
        mime_types: "/etc/nginx/mime.types",
        temp_dir: "/tmp",
        pid: "/run/nginx.pid",
    })
}
