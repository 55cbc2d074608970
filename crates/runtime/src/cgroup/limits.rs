//! OCI resources as lines to write into cgroup files, one table per kernel interface.

use super::hierarchy::Version;
use super::{block, other};
use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxResources};

/// One value for one file of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key of `linux.resources` that it comes from, dotted: it must be followed in one of the machine's hierarchies.
    pub key: String,
    /// Whose file it is.
    pub controller: String,
    /// File name within the group's directory.
    pub file: String,
    /// What to write.
    pub value: String,
    /// Skipped where the kernel has no such file.
    pub optional: bool,
}

pub(super) fn setting(key: impl Into<String>, file: impl Into<String>, value: impl ToString) -> Setting {
    let file = file.into();
    // A file is named after its controller, to its first dot.
    let controller = file.split('.').next().unwrap_or_default().to_owned();
    Setting {
        key: key.into(),
        controller,
        file,
        value: value.to_string(),
        optional: false,
    }
}

impl Setting {
    /// Skipped where the kernel has no such file.
    pub(super) fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }
}

/// The controllers that `resources` need, under any interface.
pub fn controllers(resources: &LinuxResources) -> Vec<String> {
    let versions = [Version::V1, Version::V2].into_iter();
    let settings = versions.flat_map(|version| settings(resources, version));
    // Asked for without a limit, a disk's controller still counts.
    let counted = resources.block_io().as_ref().map(|_| "blkio".to_owned());
    settings
        .map(|setting| setting.controller)
        .chain(counted)
        .collect()
}

/// What to write for `resources`, in this order.
pub fn settings(resources: &LinuxResources, version: Version) -> Vec<Setting> {
    let mut list = Vec::new();
    if let Some(memory) = resources.memory() {
        match version {
            Version::V1 => memory_v1(memory, &mut list),
            Version::V2 => memory_v2(memory, &mut list),
        }
    }
    if let Some(cpu) = resources.cpu() {
        match version {
            Version::V1 => cpu_v1(cpu, &mut list),
            Version::V2 => cpu_v2(cpu, &mut list),
        }
        let cpuset = [
            ("cpu.cpus", "cpuset.cpus", cpu.cpus()),
            ("cpu.mems", "cpuset.mems", cpu.mems()),
        ];
        let given =
            |(key, file, value): (&str, &str, &Option<String>)| Some(setting(key, file, value.as_ref()?));
        list.extend(cpuset.into_iter().filter_map(given));
    }
    if let Some(pids) = resources.pids() {
        list.push(setting("pids.limit", "pids.max", pids_max(pids.limit())));
    }
    list.extend(
        resources
            .block_io()
            .iter()
            .flat_map(|block_io| block::settings(block_io, version)),
    );
    list.extend(other::settings(resources, version));
    list
}

/// runc's reading of the specification: 0 and less mean no limit.
fn pids_max(limit: i64) -> String {
    if limit > 0 {
        limit.to_string()
    } else {
        "max".into()
    }
}

fn memory_v1(memory: &LinuxMemory, list: &mut Vec<Setting>) {
    if let Some(limit) = memory.limit() {
        list.push(setting("memory.limit", "memory.limit_in_bytes", limit));
    }
    if let Some(swap) = memory.swap() {
        // Memory and swap together; the file is missing when the kernel does not account swap.
        list.push(setting("memory.swap", "memory.memsw.limit_in_bytes", swap).optional());
    }
    if let Some(reservation) = memory.reservation() {
        list.push(setting(
            "memory.reservation",
            "memory.soft_limit_in_bytes",
            reservation,
        ));
    }
    if let Some(limit) = memory.kernel_tcp() {
        list.push(setting(
            "memory.kernelTCP",
            "memory.kmem.tcp.limit_in_bytes",
            limit,
        ));
    }
    if let Some(swappiness) = memory.swappiness() {
        list.push(setting("memory.swappiness", "memory.swappiness", swappiness));
    }
    if memory.disable_oom_killer() == Some(true) {
        list.push(setting("memory.disableOOMKiller", "memory.oom_control", 1));
    }
}

fn memory_v2(memory: &LinuxMemory, list: &mut Vec<Setting>) {
    let bytes = |value: i64| {
        if value < 0 {
            "max".to_owned()
        } else {
            value.to_string()
        }
    };
    if let Some(limit) = memory.limit() {
        list.push(setting("memory.limit", "memory.max", bytes(limit)));
    }
    if let Some(swap) = memory.swap() {
        // OCI counts memory and swap together, v2 swap alone.
        let alone = match memory.limit() {
            Some(limit) if swap >= 0 && limit >= 0 => swap.saturating_sub(limit).max(0),
            _ => swap,
        };
        list.push(setting("memory.swap", "memory.swap.max", bytes(alone)).optional());
    }
    if let Some(reservation) = memory.reservation() {
        list.push(setting("memory.reservation", "memory.low", bytes(reservation)));
    }
}

fn cpu_v1(cpu: &LinuxCpu, list: &mut Vec<Setting>) {
    let mut add = |key: &str, file: &str, value: Option<String>| {
        list.extend(value.map(|value| setting(key, file, value)));
    };
    add(
        "cpu.shares",
        "cpu.shares",
        cpu.shares().map(|value| value.to_string()),
    );
    // Quota and period are one setting on v2, so they have one key.
    add(
        "cpu.quota",
        "cpu.cfs_period_us",
        cpu.period().map(|value| value.to_string()),
    );
    add(
        "cpu.quota",
        "cpu.cfs_quota_us",
        cpu.quota().map(|value| value.to_string()),
    );
    add(
        "cpu.realtimePeriod",
        "cpu.rt_period_us",
        cpu.realtime_period().map(|value| value.to_string()),
    );
    add(
        "cpu.realtimeRuntime",
        "cpu.rt_runtime_us",
        cpu.realtime_runtime().map(|value| value.to_string()),
    );
    add("cpu.idle", "cpu.idle", cpu.idle().map(|value| value.to_string()));
    list.extend(
        cpu.burst()
            .map(|burst| setting("cpu.burst", "cpu.cfs_burst_us", burst).optional()),
    );
}

fn cpu_v2(cpu: &LinuxCpu, list: &mut Vec<Setting>) {
    if let Some(shares) = cpu.shares().filter(|shares| *shares > 0) {
        list.push(setting("cpu.shares", "cpu.weight", weight_of_shares(shares)));
    }
    if cpu.quota().is_some() || cpu.period().is_some() {
        let quota = cpu
            .quota()
            .filter(|quota| *quota > 0)
            .map_or("max".into(), |quota| quota.to_string());
        let period = cpu.period().unwrap_or(100_000);
        list.push(setting("cpu.quota", "cpu.max", format!("{quota} {period}")));
    }
    list.extend(
        cpu.burst()
            .map(|burst| setting("cpu.burst", "cpu.max.burst", burst).optional()),
    );
    list.extend(cpu.idle().map(|idle| setting("cpu.idle", "cpu.idle", idle)));
}

/// v1's shares (2 to 262144) as v2's weight (1 to 10000), linearly, as systemd and runc do.
fn weight_of_shares(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + (shares - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn resources() -> LinuxResources {
        serde_json::from_value(serde_json::json!({
            "memory": { "limit": 268_435_456, "swap": 268_435_456 },
            "cpu": { "shares": 1024, "quota": 25_000, "period": 100_000 },
            "pids": { "limit": 100 }
        }))
        .unwrap()
    }

    fn lines(version: Version) -> Vec<String> {
        settings(&resources(), version)
            .iter()
            .map(|s| format!("{}={}", s.file, s.value))
            .collect()
    }

    #[test]
    fn v1_gets_one_file_per_limit() {
        assert_eq!(
            lines(Version::V1),
            [
                "memory.limit_in_bytes=268435456",
                "memory.memsw.limit_in_bytes=268435456",
                "cpu.shares=1024",
                "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=25000",
                "pids.max=100"
            ]
        );
    }

    #[test]
    fn what_one_interface_follows_the_other_does_too() {
        let keys = |version| {
            let settings = settings(&resources(), version).into_iter();
            settings.map(|setting| setting.key).collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(Version::V1), keys(Version::V2));
    }

    #[test]
    fn v2_counts_swap_alone_and_weighs_the_cpu() {
        assert_eq!(
            lines(Version::V2),
            [
                "memory.max=268435456",
                "memory.swap.max=0",
                "cpu.weight=39",
                "cpu.max=25000 100000",
                "pids.max=100"
            ]
        );
    }

    #[test]
    fn the_whole_range_of_shares_is_the_whole_range_of_weights() {
        assert_eq!(weight_of_shares(2), 1);
        assert_eq!(weight_of_shares(262_144), 10_000);
        assert_eq!(weight_of_shares(u64::MAX), 10_000);
    }
}
