//! Limits that few ask for: huge pages, RDMA devices, marks of packets, and v2's files by their own names.

use super::hierarchy::Version;
use super::limits::{Setting, setting};
use oci_spec::runtime::{LinuxRdma, LinuxResources};

/// What to write for these parts of `resources`.
pub fn settings(resources: &LinuxResources, version: Version) -> Vec<Setting> {
    let mut list = Vec::new();
    for pages in resources.hugepage_limits().iter().flatten() {
        // With and without reserved pages, or a reservation would go past the limit (kernel: hugetlb.rst).
        let file = |part: &str| match version {
            Version::V1 => format!("hugetlb.{}.{part}limit_in_bytes", pages.page_size()),
            Version::V2 => format!("hugetlb.{}.{part}max", pages.page_size()),
        };
        list.push(setting("hugepageLimits", file(""), pages.limit()));
        list.push(setting("hugepageLimits", file("rsvd."), pages.limit()).optional());
    }
    for (device, limit) in resources.rdma().iter().flatten() {
        list.push(setting("rdma", "rdma.max", rdma(device, limit)));
    }
    if let Some(network) = resources.network() {
        // v2 has no such controllers; there a packet filter knows the group.
        list.extend(
            network
                .class_id()
                .map(|class| setting("network.classID", "net_cls.classid", class)),
        );
        list.extend(network.priorities().iter().flatten().map(|priority| {
            let value = format!("{} {}", priority.name(), priority.priority());
            setting("network.priorities", "net_prio.ifpriomap", value)
        }));
    }
    if version == Version::V2 {
        let files = resources.unified().iter().flatten();
        list.extend(files.map(|(file, value)| setting(format!("unified.{file}"), file, value)));
    }
    list
}

fn rdma(device: &str, limit: &LinuxRdma) -> String {
    let words = [
        ("hca_handle", limit.hca_handles()),
        ("hca_object", limit.hca_objects()),
    ];
    let words = words
        .iter()
        .filter_map(|(word, value)| Some(format!(" {word}={}", (*value)?)));
    std::iter::once(device.to_owned()).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_limited_with_their_reservations() {
        let resources = serde_json::json!({ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4_194_304 }] });
        let list = settings(&serde_json::from_value(resources).unwrap(), Version::V2);
        let files: Vec<&str> = list.iter().map(|setting| setting.file.as_str()).collect();
        assert_eq!(files, ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]);
        assert!(
            list.iter()
                .all(|setting| setting.controller == "hugetlb" && setting.value == "4194304")
        );
    }
}
