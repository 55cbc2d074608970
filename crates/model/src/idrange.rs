//! Ranges of host user and group ids, one per container.

use serde::{Deserialize, Serialize};

/// How many ids a container has: enough for every id that Debian or an application uses (0 to 65,535).
pub const RANGE_SIZE: u32 = 65_536;

/// The host ids behind one container's ids 0 to 65,535, for users and groups alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdRange {
    /// The host id that is 0 inside.
    pub host_start: u32,
}

impl IdRange {
    /// The range of slot `slot` above `base`; `None` when it would leave the 32-bit id space
    /// (the last id, `u32::MAX`, means "unchanged" to chown(2) and is never given out).
    pub fn of_slot(base: u32, slot: u32) -> Option<Self> {
        let host_start = slot
            .checked_mul(RANGE_SIZE)
            .and_then(|offset| base.checked_add(offset))?;
        host_start.checked_add(RANGE_SIZE)?;
        Some(Self { host_start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_do_not_overlap_and_end_before_the_last_id() {
        let first = IdRange::of_slot(0x2000_0000, 0).unwrap();
        let second = IdRange::of_slot(0x2000_0000, 1).unwrap();
        assert_eq!(second.host_start - first.host_start, RANGE_SIZE);
        assert_eq!(IdRange::of_slot(u32::MAX - 10, 0), None);
        assert_eq!(IdRange::of_slot(0x2000_0000, u32::MAX), None);
    }
}
