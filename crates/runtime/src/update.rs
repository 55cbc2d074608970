//! `update`: other limits for a running container.

use crate::cgroup::{self, CgroupError};
use crate::config::{ConfigError, read_json};
use crate::container::ContainerName;
use crate::state::{self, StateError};
use clap::Args;
use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxPids, LinuxResources};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Limits to change; what is not given stays as it is.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// The container
    id: ContainerName,
    /// All limits as JSON, as in linux.resources of config.json; - for standard input
    #[arg(short, long)]
    resources: Option<PathBuf>,
    /// Weight of its block devices, 10 to 1000
    #[arg(long)]
    blkio_weight: Option<u16>,
    /// Processor period in microseconds
    #[arg(long)]
    cpu_period: Option<u64>,
    /// Processor time in each period, in microseconds; -1 for no limit
    #[arg(long, allow_hyphen_values = true)]
    cpu_quota: Option<i64>,
    /// Processor shares, 2 to 262144
    #[arg(long, alias = "cpu-share")]
    cpu_shares: Option<u64>,
    /// 1: it runs only when nobody else wants to
    #[arg(long)]
    cpu_idle: Option<i64>,
    /// Processors, as 0-3,7
    #[arg(long)]
    cpuset_cpus: Option<String>,
    /// Memory nodes, as 0-3,7
    #[arg(long)]
    cpuset_mems: Option<String>,
    /// Memory in bytes; -1 for no limit
    #[arg(long, allow_hyphen_values = true)]
    memory: Option<i64>,
    /// Memory that is left to it in need, in bytes
    #[arg(long)]
    memory_reservation: Option<i64>,
    /// Memory and swap together in bytes; -1 for no limit
    #[arg(long, allow_hyphen_values = true)]
    memory_swap: Option<i64>,
    /// Processes and threads; 0 for no limit
    #[arg(long, allow_hyphen_values = true)]
    pids_limit: Option<i64>,
}

/// Limits could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file of limits.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// Standard input.
    #[error("reading limits from standard input: {source}")]
    Input {
        /// Why.
        source: std::io::Error,
    },
    /// Standard input is no JSON of limits.
    #[error("parsing limits from standard input: {source}")]
    Parse {
        /// Where and why.
        source: serde_json::Error,
    },
    /// Less memory than is used now.
    #[error("memory.limit is {limit}, but {used} bytes are used now (checkBeforeUpdate)")]
    InUse {
        /// The wanted limit in bytes.
        limit: i64,
        /// What is used, in bytes.
        used: u64,
    },
}

/// Changes the limits of a container.
///
/// # Errors
/// [`UpdateError`].
pub fn update(root: &Path, arguments: &UpdateArgs) -> Result<(), UpdateError> {
    let id = &arguments.id;
    let mut record = state::load(root, id)?;
    record.open_init(id)?;
    let mut wanted = arguments.resources()?;
    // Rules of devices are made once: a second filter would be asked besides the first.
    wanted.set_devices(None);
    check_use(&record.cgroup, &wanted)?;
    let needed = cgroup::widen(&record.cgroup, &wanted)?;
    if needed != record.cgroup {
        needed.create()?;
        for pid in record.cgroup.processes()? {
            needed.add(pid)?;
        }
        record.cgroup = needed;
        // Before the limits: whatever follows, the new directories have an owner.
        state::save(&id.directory(root), &record)?;
    }
    Ok(record.cgroup.limit(&wanted)?)
}

fn check_use(group: &cgroup::Group, wanted: &LinuxResources) -> Result<(), UpdateError> {
    let Some(memory) = wanted.memory() else {
        return Ok(());
    };
    let (Some(limit), Some(true)) = (memory.limit(), memory.check_before_update()) else {
        return Ok(());
    };
    let used = group.usage()?.memory_bytes;
    match u64::try_from(limit) {
        Ok(bytes) if bytes < used => Err(UpdateError::InUse { limit, used }),
        _ => Ok(()),
    }
}

impl UpdateArgs {
    /// The container.
    pub fn id(&self) -> &ContainerName {
        &self.id
    }

    fn resources(&self) -> Result<LinuxResources, UpdateError> {
        match &self.resources {
            Some(path) if path == Path::new("-") => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|source| UpdateError::Input { source })?;
                serde_json::from_str(&text).map_err(|source| UpdateError::Parse { source })
            }
            Some(path) => Ok(read_json(path)?),
            None => Ok(self.given()),
        }
    }

    fn given(&self) -> LinuxResources {
        let mut cpu = LinuxCpu::default();
        cpu.set_period(self.cpu_period)
            .set_quota(self.cpu_quota)
            .set_shares(self.cpu_shares)
            .set_idle(self.cpu_idle)
            .set_cpus(self.cpuset_cpus.clone())
            .set_mems(self.cpuset_mems.clone());
        let mut memory = LinuxMemory::default();
        memory
            .set_limit(self.memory)
            .set_reservation(self.memory_reservation)
            .set_swap(self.memory_swap);
        let mut block_io = LinuxBlockIo::default();
        block_io.set_weight(self.blkio_weight);
        let pids = self.pids_limit.map(|limit| {
            let mut pids = LinuxPids::default();
            pids.set_limit(limit);
            pids
        });
        let mut resources = LinuxResources::default();
        resources
            .set_cpu(Some(cpu))
            .set_memory(Some(memory))
            .set_block_io(Some(block_io))
            .set_pids(pids);
        resources
    }
}
