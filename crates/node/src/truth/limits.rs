//! How little of the machine a container may use of all it sees.

use super::Lie;
use crate::Usage;
use guise_model::Limits;
use std::{fs, io};

/// Memory, processors and processes: what the machine has is what the inside sees of it in proc(5).
pub(super) fn lies(limits: &Limits, usage: Usage) -> io::Result<Vec<Lie>> {
    let memory = total_memory(&fs::read_to_string("/proc/meminfo")?).unwrap_or_default();
    let processors = std::thread::available_parallelism()?;
    Ok(vec![
        Lie::new(
            "memory",
            format!("{} MB in /proc/meminfo", memory / 1_000_000),
            format!(
                "{} MB, {} in use; killed above it",
                limits.memory_bytes / 1_000_000,
                usage.memory_bytes / 1_000_000
            ),
        ),
        Lie::new(
            "processors",
            format!("{processors} in /proc/cpuinfo"),
            format!(
                "the time of {:.2}; {:.1} s used so far",
                f64::from(limits.cpu_millis) / 1000.0,
                // Shown with one digit: what a double cannot hold is centuries.
                usage.cpu_usec as f64 / 1e6
            ),
        ),
        Lie::new(
            "processes",
            "as many as the kernel allows",
            format!("{} with their threads, {} are there", limits.pids, usage.pids),
        ),
    ])
}

/// `MemTotal` in bytes.
fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_seen_whole_and_had_in_part() {
        assert_eq!(
            total_memory("MemTotal:     1000 kB\nMemFree: 1 kB\n"),
            Some(1_024_000)
        );
        let limits = Limits {
            cpu_millis: 250,
            memory_bytes: 64_000_000,
            pids: 9,
        };
        let usage = Usage {
            memory_bytes: 7_000_000,
            cpu_usec: 1_500_000,
            pids: 3,
        };
        let found = lies(&limits, usage).unwrap();
        assert_eq!(found[0].outside, "64 MB, 7 in use; killed above it");
        assert_eq!(found[1].outside, "the time of 0.25; 1.5 s used so far");
        assert_eq!(found[2].outside, "9 with their threads, 3 are there");
    }
}
