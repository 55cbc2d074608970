//! From which memory nodes a container's processes take their pages: `linux.memoryPolicy`, by set_mempolicy(2).

use crate::numbers;
use guise_sys::{Errno, scheduling};
use oci_spec::runtime::{LinuxMemoryPolicy, MemoryPolicyFlagType, MemoryPolicyModeType};

/// The policy could not be set.
#[derive(Debug, thiserror::Error)]
pub enum MemoryPolicyError {
    /// The nodes are no list.
    #[error("linux.memoryPolicy.nodes is {given:?}, but must be a list like 0-3,7")]
    Nodes {
        /// As given.
        given: String,
    },
    /// The kernel refused.
    #[error("setting linux.memoryPolicy: {}", refusal(*.source))]
    Set {
        /// Why.
        source: Errno,
    },
}

fn refusal(errno: Errno) -> String {
    match errno {
        Errno::INVAL => format!("{errno}: are all nodes there, and do mode, flags and nodes go together?"),
        _ => errno.to_string(),
    }
}

/// Sets the policy of this process and all that it becomes.
///
/// # Errors
/// [`MemoryPolicyError`].
pub fn apply(policy: &LinuxMemoryPolicy) -> Result<(), MemoryPolicyError> {
    // uapi/linux/mempolicy.h.
    let mode = match policy.mode() {
        MemoryPolicyModeType::MpolDefault => 0,
        MemoryPolicyModeType::MpolPreferred => 1,
        MemoryPolicyModeType::MpolBind => 2,
        MemoryPolicyModeType::MpolInterleave => 3,
        MemoryPolicyModeType::MpolLocal => 4,
        MemoryPolicyModeType::MpolPreferredMany => 5,
        MemoryPolicyModeType::MpolWeightedInterleave => 6,
    };
    let flag = |flag: &MemoryPolicyFlagType| match flag {
        MemoryPolicyFlagType::MpolFNumaBalancing => 1 << 13,
        MemoryPolicyFlagType::MpolFRelativeNodes => 1 << 14,
        MemoryPolicyFlagType::MpolFStaticNodes => 1 << 15,
    };
    let flags = policy
        .flags()
        .iter()
        .flatten()
        .map(flag)
        .fold(0, |all, one| all | one);
    let list = policy.nodes().as_deref().unwrap_or_default();
    let nodes = numbers::parse(list).ok_or_else(|| MemoryPolicyError::Nodes { given: list.into() })?;
    scheduling::set_memory_policy(mode | flags, &nodes).map_err(|source| MemoryPolicyError::Set { source })
}
