//! Projects, environments, activities: desired state minus actual state is a plan, and a plan is steps.
//!
//! Knows what a person wants: reads the pushed configuration, has apps built, describes the environment as a value
//! ([`desired`]), compares it with what runs ([`plan()`]), and carries the difference out step by step, journaled.
//! Never speaks HTTP or SSH and never touches a container itself: that is the node's.
//!
//! To the left of carrying out everything is a pure value or a pure function, tested without root.

#![forbid(unsafe_code)]

mod activity;
mod actor;
mod archive;
mod assemble;
mod attended;
mod backup;
mod build;
mod build_cache;
mod builds;
mod carry_out;
mod catalog;
mod catch_up;
mod collect;
mod cron;
mod delete_project;
mod deploy;
pub mod desired;
mod disk;
mod edge;
mod effective;
mod error;
mod export;
mod fault;
mod git;
mod given;
mod http_access;
mod import;
mod inspect;
mod lifecycle;
mod login;
mod machine_name;
mod operation;
mod plan;
mod project;
mod property;
mod push;
mod push_options;
mod push_rights;
mod random;
mod resources;
mod restore;
mod restore_routes;
mod retention;
mod revive;
mod right;
mod roll;
mod rollback;
mod routes;
mod run_config;
mod schedule;
mod seal;
mod show_plan;
mod sleep;
mod source_operation;
mod ssh_key;
mod step;
mod store;
mod strategy;
mod succession;
mod sweep;
mod tail;
mod task;
mod task_step;
mod token;
mod tree;
mod user;
mod variable;
mod variables;
mod visit;
mod webhook;

pub use activity::{Activities, LogPart, Report, Timings};
pub use actor::{ROOT, on_behalf_of};
pub use archive::ArchiveError;
pub use catalog::type_list;
pub use collect::Pruned;
pub use cron::{CronLimits, CronView};
pub use disk::{DiskView, VolumeView};
pub use edge::{Edge, EdgeError};
pub use error::PlatformError;
pub use git::{GitError, GitSession};
pub use inspect::{ContainerView, Owned};
pub use login::login_of;
pub use machine_name::machine_name;
pub use operation::OperationView;
pub use plan::{Actual, State, plan};
pub use push::{Received, RefUpdate, Verdict};
pub use resources::{ResourcesView, Sizes};
pub use restore::Restoration;
pub use retention::Retention;
pub use right::{Grant, Rights, Role, Scope};
pub use routes::{Ports, ResolvedRoute, Target};
pub use sleep::{Busy, SleepAfter, SleepDefaults};
pub use source_operation::SourceOperationView;
pub use step::Step;
pub use store::{
    ActivityRecord, ActivityState, AuditRecord, BackupRecord, BackupStatus, Delivery, DeploymentRecord,
    EnvironmentRecord, EnvironmentStatus, EnvironmentType, ProjectRecord, SshKeyRecord, StepRecord,
    StoreError, TokenRecord, UserRecord, VariableRecord, WebhookRecord, time,
};
pub use strategy::Strategy;
pub use tail::last_lines;
pub use token::{NewToken, TokenError};
pub use user::UserError;
pub use variable::{Level, VariableChange, VariableError};
pub use visit::{Opened, VisitError, Visitor, Wanted};
pub use webhook::WebhookError;

// The layer above holds these values without knowing the crates they come from.
pub use guise_access::{AddressRule, HttpAccess, InvalidRule, Permission};
pub use guise_config::{
    ClientAuthentication, PartialRedirect, RedirectFrom, RouteCache, RouteTls, TlsVersion, TypeList,
};
pub use guise_image::Catalog;
pub use guise_node::{
    ContainerState, ExecSession, ExecStdio, ImageKind, Node, NodeConfig, NodeError, ProcessView, Truth,
    doctor::examine,
};
pub use http_access::HttpAccessChange;

use std::{
    ffi::OsString,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread::Thread,
};
use store::Store;

/// Where the platform keeps things and how it is reached from outside.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// The state directory. The platform owns `guise.db`, `projects/` and `activities/` below it.
    pub state: PathBuf,
    /// Domain of generated URLs: `localhost`.
    pub domain: String,
    /// Where the edge listens, for generated URLs.
    pub ports: Ports,
    /// Port of the SSH gateway, if there is one.
    pub ssh_port: Option<u16>,
    /// Program and arguments of the repositories' hooks, up to the hook's name; `{project}` is filled in.
    pub hook_command: Vec<OsString>,
    /// How production is backed up by itself.
    pub retention: Retention,
    /// What crons are held to.
    pub crons: CronLimits,
    /// What the sizes stand for, where it is not what the table says.
    pub sizes: Sizes,
    /// After how long environments sleep.
    pub sleep: SleepDefaults,
    /// Who takes the environments' mail on port 25, if anybody does.
    pub mail_relay: Option<Ipv4Addr>,
}

/// The platform. Cheap to clone; all methods may be called from any thread and block.
#[derive(Clone)]
pub struct Platform {
    shared: Arc<Shared>,
}

struct Shared {
    config: PlatformConfig,
    store: Arc<Store>,
    node: Node,
    edge: Arc<dyn Edge>,
    activities: Arc<Activities>,
    upkeep: schedule::Upkeep,
    crons: Arc<cron::gate::Gate>,
    attention: Arc<sleep::Attention>,
    sleep_watch: OnceLock<Thread>,
    builds: builds::Builds,
}

impl Platform {
    /// Opens the database over a node and an edge. Call [`recover`](Self::recover) before anything else.
    ///
    /// # Errors
    /// When the database or a directory cannot be opened.
    pub fn open(config: PlatformConfig, node: Node, edge: Arc<dyn Edge>) -> Result<Self, PlatformError> {
        let store = Arc::new(Store::open(&config.state.join("guise.db"))?);
        let logs = config.state.join("activities");
        let activities =
            Activities::open(store.clone(), logs.clone()).map_err(|source| PlatformError::File {
                operation: "make",
                path: logs,
                source,
            })?;
        let activities = Arc::new(activities);
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                store,
                node,
                edge,
                activities,
                upkeep: schedule::Upkeep::default(),
                crons: Arc::default(),
                attention: Arc::default(),
                sleep_watch: OnceLock::new(),
                builds: builds::Builds::default(),
            }),
        })
    }

    /// Picks up where a stopped daemon left off: writes the repositories' hooks anew (the program may have moved),
    /// removes what was half made, tells the edge every environment's routes, queues unfinished activities again, and
    /// the start of what a boot ended.
    ///
    /// # Errors
    /// When the database cannot be read or the edge does not answer.
    pub fn recover(&self) -> Result<(), PlatformError> {
        for project in self.store().projects()? {
            if !self.is_being_deleted(&project.id)? {
                self.install_hooks(&project.id)?;
            }
        }
        self.forget_gone_containers()?;
        self.remove_interrupted_builds()?;
        self.restore_routes()?;
        self.resume_tasks()?;
        self.catch_up_with_git()?;
        self.revive()
    }

    /// The node below.
    pub fn node(&self) -> &Node {
        &self.shared.node
    }

    /// Activities and their logs.
    pub fn activities(&self) -> &Arc<Activities> {
        &self.shared.activities
    }

    fn store(&self) -> &Store {
        &self.shared.store
    }

    fn edge(&self) -> &dyn Edge {
        &*self.shared.edge
    }

    fn config(&self) -> &PlatformConfig {
        &self.shared.config
    }
}
