//! Limits of block devices: `resources.blockIO` (v1: blkio, v2: io).

use super::hierarchy::Version;
use super::limits::{Setting, setting};
use oci_spec::runtime::{LinuxBlockIo, LinuxThrottleDevice, LinuxWeightDevice};

type Throttles = Option<Vec<LinuxThrottleDevice>>;

/// What to write for `limits`.
pub fn settings(limits: &LinuxBlockIo, version: Version) -> Vec<Setting> {
    let mut list = match version {
        Version::V1 => weights_v1(limits),
        Version::V2 => weights_v2(limits),
    };
    // Key below blockIO, file of v1, word of v2's io.max.
    let throttles: [(&str, &str, &str, &Throttles); 4] = [
        (
            "throttleReadBpsDevice",
            "read_bps",
            "rbps",
            limits.throttle_read_bps_device(),
        ),
        (
            "throttleWriteBpsDevice",
            "write_bps",
            "wbps",
            limits.throttle_write_bps_device(),
        ),
        (
            "throttleReadIOPSDevice",
            "read_iops",
            "riops",
            limits.throttle_read_iops_device(),
        ),
        (
            "throttleWriteIOPSDevice",
            "write_iops",
            "wiops",
            limits.throttle_write_iops_device(),
        ),
    ];
    for (key, file, word, devices) in throttles {
        list.extend(devices.iter().flatten().map(|device| {
            let (key, number) = (
                format!("blockIO.{key}"),
                format!("{}:{}", device.major(), device.minor()),
            );
            match version {
                Version::V1 => {
                    let file = format!("blkio.throttle.{file}_device");
                    setting(key, file, format!("{number} {}", device.rate()))
                }
                Version::V2 => setting(key, "io.max", format!("{number} {word}={}", device.rate())),
            }
        }));
    }
    list
}

/// The files of weights are there with the scheduler BFQ (before Linux 5.0 with CFQ, under names without it).
fn weights_v1(limits: &LinuxBlockIo) -> Vec<Setting> {
    let mut list = Vec::new();
    list.extend(
        limits
            .weight()
            .map(|weight| setting("blockIO.weight", "blkio.bfq.weight", weight)),
    );
    list.extend(
        limits
            .leaf_weight()
            .map(|weight| setting("blockIO.leafWeight", "blkio.leaf_weight", weight)),
    );
    for device in limits.weight_device().iter().flatten() {
        let leaf = device.leaf_weight();
        list.extend(weight_of(device, "blkio.bfq.weight_device"));
        list.extend(leaf.map(|weight| {
            let value = format!("{}:{} {weight}", device.major(), device.minor());
            setting("blockIO.weightDevice", "blkio.leaf_weight_device", value)
        }));
    }
    list
}

fn weights_v2(limits: &LinuxBlockIo) -> Vec<Setting> {
    let mut list = Vec::new();
    list.extend(
        limits
            .weight()
            .map(|weight| setting("blockIO.weight", "io.bfq.weight", weight)),
    );
    list.extend(
        limits
            .weight_device()
            .iter()
            .flatten()
            .filter_map(|device| weight_of(device, "io.bfq.weight")),
    );
    list
}

fn weight_of(device: &LinuxWeightDevice, file: &str) -> Option<Setting> {
    let value = format!("{}:{} {}", device.major(), device.minor(), device.weight()?);
    Some(setting("blockIO.weightDevice", file, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_throttle_is_a_line_in_v1_and_a_word_in_v2() {
        let limits = serde_json::json!({
            "weight": 300,
            "throttleReadBpsDevice": [{ "major": 8, "minor": 0, "rate": 1024 }],
            "throttleWriteIOPSDevice": [{ "major": 8, "minor": 16, "rate": 7 }],
        });
        let limits: LinuxBlockIo = serde_json::from_value(limits).unwrap();
        let lines = |version| -> Vec<String> {
            settings(&limits, version)
                .iter()
                .map(|one| format!("{}={}", one.file, one.value))
                .collect()
        };
        let v1 = [
            "blkio.bfq.weight=300",
            "blkio.throttle.read_bps_device=8:0 1024",
            "blkio.throttle.write_iops_device=8:16 7",
        ];
        assert_eq!(lines(Version::V1), v1);
        assert_eq!(
            lines(Version::V2),
            ["io.bfq.weight=300", "io.max=8:0 rbps=1024", "io.max=8:16 wiops=7"]
        );
    }
}
