//! What btrfs keeps in its trees, read past all directories and links (BTRFS_IOC_TREE_SEARCH): which subvolumes lie in
//! which, and what each has charged to its quota group.

use linux_raw_sys::{
    btrfs::{
        BTRFS_QGROUP_INFO_KEY, BTRFS_QGROUP_LIMIT_KEY, BTRFS_QGROUP_LIMIT_MAX_RFER,
        BTRFS_QGROUP_STATUS_FLAG_ON, BTRFS_QGROUP_STATUS_KEY, BTRFS_QUOTA_TREE_OBJECTID, BTRFS_ROOT_REF_KEY,
        BTRFS_ROOT_TREE_OBJECTID, btrfs_ioctl_search_args, btrfs_ioctl_search_header,
    },
    ioctl::BTRFS_IOC_TREE_SEARCH,
};
use rustix::io::Errno;
use std::{
    collections::BTreeMap,
    os::fd::{AsRawFd, BorrowedFd},
};

/// What a subvolume may hold and what is charged to it, as of the last transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// What is charged to it, in bytes.
    pub used_bytes: u64,
    /// Most it may hold, in bytes.
    pub limit_bytes: Option<u64>,
}

/// The quota of each subvolume by the subvolume's id; empty when quotas are off.
///
/// # Errors
/// `EPERM`: no CAP_SYS_ADMIN; `ENOTTY`: not on btrfs.
pub fn quotas(filesystem: BorrowedFd<'_>) -> Result<BTreeMap<u64, Quota>, Errno> {
    let mut quotas: BTreeMap<u64, Quota> = BTreeMap::new();
    for item in quota_items(filesystem, BTRFS_QGROUP_INFO_KEY)? {
        // btrfs_qgroup_info_item: generation, then what is referenced.
        quotas.entry(item.offset).or_default().used_bytes = item.number(1);
    }
    for item in quota_items(filesystem, BTRFS_QGROUP_LIMIT_KEY)? {
        // btrfs_qgroup_limit_item: flags, then most that may be referenced.
        let is_set = item.number(0) & u64::from(BTRFS_QGROUP_LIMIT_MAX_RFER) != 0;
        quotas.entry(item.offset).or_default().limit_bytes = is_set.then(|| item.number(1));
    }
    Ok(quotas)
}

/// Whether what subvolumes hold is counted and limited.
///
/// # Errors
/// As [`quotas`].
pub fn quotas_are_on(filesystem: BorrowedFd<'_>) -> Result<bool, Errno> {
    let status = quota_items(filesystem, BTRFS_QGROUP_STATUS_KEY)?;
    // btrfs_qgroup_status_item: version, generation, flags.
    Ok(status
        .iter()
        .any(|item| item.number(2) & u64::from(BTRFS_QGROUP_STATUS_FLAG_ON) != 0))
}

fn quota_items(filesystem: BorrowedFd<'_>, kind: u32) -> Result<Vec<Item>, Errno> {
    match search(filesystem, BTRFS_QUOTA_TREE_OBJECTID, 0, kind) {
        // Quotas have never been on: there is no such tree.
        Err(Errno::NOENT) => Ok(Vec::new()),
        answer => answer,
    }
}

/// The ids of the subvolumes that lie directly in the subvolume `id`, in whichever of its directories.
///
/// # Errors
/// As [`quotas`].
pub fn nested_subvolumes(filesystem: BorrowedFd<'_>, id: u64) -> Result<Vec<u64>, Errno> {
    let items = search(filesystem, BTRFS_ROOT_TREE_OBJECTID, id, BTRFS_ROOT_REF_KEY)?;
    Ok(items.into_iter().map(|item| item.offset).collect())
}

/// An item of a tree.
struct Item {
    /// The last part of its key.
    offset: u64,
    bytes: Vec<u8>,
}

impl Item {
    /// The little-endian number at `position` of an item that is made of 64-bit numbers; 0 past its end.
    fn number(&self, position: usize) -> u64 {
        let bytes = self.bytes.get(position * 8..position * 8 + 8);
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    }
}

/// All items of a tree whose key has this object id and kind.
fn search(filesystem: BorrowedFd<'_>, tree: u32, objectid: u64, kind: u32) -> Result<Vec<Item>, Errno> {
    let mut items: Vec<Item> = Vec::new();
    let mut from = 0;
    loop {
        // SAFETY: plain integers, for which zero is valid.
        let mut arguments: Box<btrfs_ioctl_search_args> = Box::new(unsafe { std::mem::zeroed() });
        arguments.key.tree_id = u64::from(tree);
        (arguments.key.min_objectid, arguments.key.max_objectid) = (objectid, objectid);
        (arguments.key.min_type, arguments.key.max_type) = (kind, kind);
        (arguments.key.min_offset, arguments.key.max_offset) = (from, u64::MAX);
        arguments.key.max_transid = u64::MAX;
        arguments.key.nr_items = u32::MAX;
        // SAFETY: BTRFS_IOC_TREE_SEARCH reads and writes a btrfs_ioctl_search_args, which lives until the call returns.
        let answer = unsafe {
            libc::ioctl(
                filesystem.as_raw_fd(),
                u64::from(BTRFS_IOC_TREE_SEARCH),
                &raw mut *arguments,
            )
        };
        crate::check(answer)?;
        let found = arguments.key.nr_items;
        let buffer: Vec<u8> = arguments.buf.iter().map(|byte| byte.cast_unsigned()).collect();
        take(&buffer, found, kind, &mut items);
        match items.last().and_then(|last| last.offset.checked_add(1)) {
            Some(next) if found > 0 && next > from => from = next,
            _ => return Ok(items),
        }
    }
}

/// Takes `count` items, each behind its header, out of an answer's buffer.
fn take(buffer: &[u8], count: u32, kind: u32, items: &mut Vec<Item>) {
    const HEADER: usize = size_of::<btrfs_ioctl_search_header>();
    let number = |from: usize, bytes: usize| {
        let part = buffer.get(from..from + bytes).unwrap_or_default();
        part.iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let mut at = 0;
    for _ in 0..count {
        // btrfs_ioctl_search_header: transaction, object id, offset, type, length.
        let (offset, found_kind, length) = (number(at + 16, 8), number(at + 24, 4), number(at + 28, 4));
        let begin = at + HEADER;
        let end = begin.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let Some(bytes) = buffer.get(begin..end) else {
            return;
        };
        if found_kind == u64::from(kind) {
            let bytes = bytes.to_vec();
            items.push(Item { offset, bytes });
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(items: &[(u64, u32, &[u8])]) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (offset, kind, bytes) in items {
            buffer.extend([0; 16]);
            buffer.extend(offset.to_le_bytes());
            buffer.extend(kind.to_le_bytes());
            buffer.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            buffer.extend(*bytes);
        }
        buffer
    }

    #[test]
    fn items_are_read_behind_their_headers() {
        let mut bytes = 7u64.to_le_bytes().to_vec();
        bytes.extend(9u64.to_le_bytes());
        let mut items = Vec::new();
        take(
            &answer(&[(256, 242, &bytes), (257, 244, b""), (258, 242, b"x")]),
            3,
            242,
            &mut items,
        );
        let read: Vec<_> = items
            .iter()
            .map(|item| (item.offset, item.number(0), item.number(1)))
            .collect();
        assert_eq!(read, [(256, 7, 9), (258, 0, 0)]);
    }

    #[test]
    fn an_answer_that_breaks_off_is_read_up_to_there() {
        let mut buffer = answer(&[(256, 242, b"12345678"), (257, 242, b"12345678")]);
        buffer.truncate(buffer.len() - 1);
        let mut items = Vec::new();
        take(&buffer, 9, 242, &mut items);
        assert_eq!(items.len(), 1);
    }
}
