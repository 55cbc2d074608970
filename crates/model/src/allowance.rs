//! What an operator gives containers in place of what their size stands for.

use crate::Limits;
use serde::{Deserialize, Serialize};
use std::{fmt, ops::RangeInclusive};

/// Processors: the kernel takes no quota below a millisecond in the 100 that are one period (cgroups(7), `cpu.max`).
const CPU: RangeInclusive<f64> = 0.01..=1024.0;
/// Megabytes: with less not even PID 1 and nginx start.
const MEMORY_MB: RangeInclusive<u64> = 16..=16_000_000;

/// Processor time and memory; what is absent is left to the level below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Allowance {
    cpu_millis: Option<u32>,
    memory_mb: Option<u64>,
}

/// As people write it: `{ cpu = 0.5, memory = 512 }`.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    /// Megabytes, of 10^6 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<u64>,
}

/// Figures that no container can be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BadAllowance {
    /// Processors.
    Cpu(f64),
    /// Megabytes.
    Memory(u64),
}

impl fmt::Display for BadAllowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(given) => write!(
                f,
                "cpu cannot be {given}: it is a number of processors, {} to {}",
                CPU.start(),
                CPU.end()
            ),
            Self::Memory(given) => write!(
                f,
                "memory cannot be {given}: it is a number of megabytes, {} to {}",
                MEMORY_MB.start(),
                MEMORY_MB.end()
            ),
        }
    }
}

impl std::error::Error for BadAllowance {}

impl Allowance {
    /// # Errors
    /// When a figure is out of its range.
    pub fn new(cpu: Option<f64>, memory_mb: Option<u64>) -> Result<Self, BadAllowance> {
        if let Some(given) = cpu.filter(|given| !CPU.contains(given)) {
            return Err(BadAllowance::Cpu(given));
        }
        if let Some(given) = memory_mb.filter(|given| !MEMORY_MB.contains(given)) {
            return Err(BadAllowance::Memory(given));
        }
        Ok(Self {
            // In range, so neither the sign nor anything above is lost.
            cpu_millis: cpu.map(|cpu| (cpu * 1000.0).round() as u32),
            memory_mb,
        })
    }

    /// Processors.
    pub fn cpu(self) -> Option<f64> {
        self.cpu_millis.map(|millis| f64::from(millis) / 1000.0)
    }

    /// Memory, in megabytes.
    pub fn memory_mb(self) -> Option<u64> {
        self.memory_mb
    }

    /// This, and where it says nothing, what another one says.
    #[must_use]
    pub fn or(self, below: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.or(below.cpu_millis),
            memory_mb: self.memory_mb.or(below.memory_mb),
        }
    }

    /// Limits with what this says in place of theirs.
    #[must_use]
    pub fn over(self, limits: Limits) -> Limits {
        Limits {
            cpu_millis: self.cpu_millis.unwrap_or(limits.cpu_millis),
            memory_bytes: self
                .memory_mb
                .map_or(limits.memory_bytes, |megabytes| megabytes * 1_000_000),
            pids: limits.pids,
        }
    }
}

impl TryFrom<Written> for Allowance {
    type Error = BadAllowance;
    fn try_from(written: Written) -> Result<Self, BadAllowance> {
        Self::new(written.cpu, written.memory)
    }
}

impl From<Allowance> for Written {
    fn from(allowance: Allowance) -> Self {
        Self {
            cpu: allowance.cpu(),
            memory: allowance.memory_mb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, Size};

    #[test]
    fn figures_that_no_kernel_takes_are_refused() {
        for (cpu, memory) in [(0.0, 64), (-1.0, 64), (f64::NAN, 64), (2000.0, 64), (1.0, 1)] {
            assert!(Allowance::new(Some(cpu), Some(memory)).is_err(), "{cpu} {memory}");
        }
        assert_eq!(Allowance::new(Some(0.25), None).unwrap().cpu(), Some(0.25));
    }

    #[test]
    fn each_figure_is_taken_from_the_nearest_that_says_one() {
        let near = Allowance::new(Some(2.0), None).unwrap();
        let far = Allowance::new(Some(1.0), Some(64)).unwrap();
        let limits = near.or(far).over(Size::S.limits(Profile::HighCpu));
        assert_eq!((limits.cpu_millis, limits.memory_bytes), (2000, 64_000_000));
        let untouched = Size::S.limits(Profile::HighCpu);
        assert_eq!(Allowance::default().over(untouched), untouched);
    }
}
