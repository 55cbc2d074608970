//! OCI resources as lines to write into cgroup files, one table per kernel interface.

use super::hierarchy::Version;
use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxResources};

/// One value for one file of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Whose file it is.
    pub controller: String,
    /// File name within the group's directory.
    pub file: String,
    /// What to write.
    pub value: String,
    /// Skipped where the kernel has no such file.
    pub optional: bool,
}

pub(super) fn setting(controller: &str, file: &str, value: impl ToString) -> Setting {
    Setting {
        controller: controller.into(),
        file: file.into(),
        value: value.to_string(),
        optional: false,
    }
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
        let cpuset = [("cpuset.cpus", cpu.cpus()), ("cpuset.mems", cpu.mems())];
        list.extend(
            cpuset
                .into_iter()
                .filter_map(|(file, value)| Some(setting("cpuset", file, value.as_ref()?))),
        );
    }
    if let Some(pids) = resources.pids() {
        // runc's reading of the specification: 0 and less mean no limit.
        let limit = if pids.limit() > 0 {
            pids.limit().to_string()
        } else {
            "max".into()
        };
        list.push(setting("pids", "pids.max", limit));
    }
    if version == Version::V2 {
        for (file, value) in resources.unified().iter().flatten() {
            let controller = file.split('.').next().unwrap_or_default();
            list.push(setting(controller, file, value));
        }
    }
    list
}

fn memory_v1(memory: &LinuxMemory, list: &mut Vec<Setting>) {
    if let Some(limit) = memory.limit() {
        list.push(setting("memory", "memory.limit_in_bytes", limit));
    }
    if let Some(swap) = memory.swap() {
        // Memory and swap together; the file is missing when the kernel does not account swap.
        let swap = setting("memory", "memory.memsw.limit_in_bytes", swap);
        list.push(Setting {
            optional: true,
            ..swap
        });
    }
    if let Some(reservation) = memory.reservation() {
        list.push(setting("memory", "memory.soft_limit_in_bytes", reservation));
    }
    if let Some(swappiness) = memory.swappiness() {
        list.push(setting("memory", "memory.swappiness", swappiness));
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
        list.push(setting("memory", "memory.max", bytes(limit)));
    }
    if let Some(swap) = memory.swap() {
        // OCI counts memory and swap together, v2 swap alone.
        let alone = match memory.limit() {
            Some(limit) if swap >= 0 && limit >= 0 => swap.saturating_sub(limit).max(0),
            _ => swap,
        };
        let swap = setting("memory", "memory.swap.max", bytes(alone));
        list.push(Setting {
            optional: true,
            ..swap
        });
    }
    if let Some(reservation) = memory.reservation() {
        list.push(setting("memory", "memory.low", bytes(reservation)));
    }
}

fn cpu_v1(cpu: &LinuxCpu, list: &mut Vec<Setting>) {
    if let Some(shares) = cpu.shares() {
        list.push(setting("cpu", "cpu.shares", shares));
    }
    if let Some(period) = cpu.period() {
        list.push(setting("cpu", "cpu.cfs_period_us", period));
    }
    if let Some(quota) = cpu.quota() {
        list.push(setting("cpu", "cpu.cfs_quota_us", quota));
    }
    if let Some(burst) = cpu.burst() {
        list.push(Setting {
            optional: true,
            ..setting("cpu", "cpu.cfs_burst_us", burst)
        });
    }
}

fn cpu_v2(cpu: &LinuxCpu, list: &mut Vec<Setting>) {
    if let Some(shares) = cpu.shares().filter(|shares| *shares > 0) {
        list.push(setting("cpu", "cpu.weight", weight_of_shares(shares)));
    }
    if cpu.quota().is_some() || cpu.period().is_some() {
        let quota = cpu
            .quota()
            .filter(|quota| *quota > 0)
            .map_or("max".into(), |quota| quota.to_string());
        let period = cpu.period().unwrap_or(100_000);
        list.push(setting("cpu", "cpu.max", format!("{quota} {period}")));
    }
    if let Some(burst) = cpu.burst() {
        list.push(Setting {
            optional: true,
            ..setting("cpu", "cpu.max.burst", burst)
        });
    }
    if let Some(idle) = cpu.idle() {
        list.push(setting("cpu", "cpu.idle", idle));
    }
}

/// v1's shares (2 to 262144) as v2's weight (1 to 10000), linearly, as systemd and runc do.
fn weight_of_shares(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + (shares - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

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
