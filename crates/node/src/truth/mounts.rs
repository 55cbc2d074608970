//! What is behind each mount of a container (`/proc/PID/mountinfo`, proc(5)).

use super::Lie;
use std::collections::HashMap;

/// One line of a mountinfo.
#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    /// `major:minor` of the file system.
    device: &'a str,
    /// The directory of the file system that is mounted.
    root: &'a str,
    /// Where it is mounted.
    point: &'a str,
    read_only: bool,
    kind: &'a str,
}

/// A lie per mount of `inside`; `machine` is the mountinfo of the machine itself, which knows where images are attached.
///
/// The kernel's own windows are summed up in one line each: what is laid over `/proc`, `/sys`, and the devices.
pub(super) fn lies(inside: &str, machine: &str) -> Vec<Lie> {
    let images: HashMap<&str, &str> = machine
        .lines()
        .filter_map(parse)
        .filter(|mount| mount.kind == "squashfs" && mount.root == "/")
        .filter_map(|mount| Some((mount.device, mount.point.rsplit('/').next()?)))
        .collect();
    let mut lies = Vec::new();
    let mut covered = Vec::new();
    let mut devices = Vec::new();
    for mount in inside.lines().filter_map(parse) {
        if mount.point.starts_with("/proc/") || mount.point.starts_with("/sys/") {
            covered.push(mount.point);
        } else if let Some(name) = mount.point.strip_prefix("/dev/").filter(|_| mount.root != "/") {
            devices.push(name);
        } else {
            lies.push(lie(&mount, &images));
        }
    }
    if !covered.is_empty() {
        covered.sort_unstable();
        covered.dedup();
        lies.push(Lie::new(
            "the kernel's controls",
            format!("{} paths of /proc and /sys", covered.len()),
            format!("empty or read-only: {}", covered.join(" ")),
        ));
    }
    if !devices.is_empty() {
        lies.push(Lie::new(
            "devices",
            "all that a machine has",
            format!("these of the machine only: {}", devices.join(" ")),
        ));
    }
    lies
}

fn lie(mount: &Mount<'_>, images: &HashMap<&str, &str>) -> Lie {
    let believed = match (mount.kind, mount.read_only) {
        ("squashfs", _) if mount.point == "/" => "the root of its own disk",
        (_, true) => "a read-only directory",
        (_, false) => "a directory of its own",
    };
    let access = if mount.read_only { ", read-only" } else { "" };
    let so = match mount.kind {
        "squashfs" => match images.get(mount.device) {
            Some(digest) => format!("image {}, shared{access}", short(digest)),
            None => format!("an image that is detached by now{access}"),
        },
        "btrfs" => format!("{}{access}", place(mount.root)),
        "tmpfs" => format!("memory, gone with the container{access}"),
        "proc" => "the kernel's view of this container's processes".into(),
        "sysfs" => format!("the machine's sysfs{access}"),
        "devpts" => "terminals of its own".into(),
        "mqueue" => "message queues of its own".into(),
        other => format!("{other} of the machine, directory {}{access}", mount.root),
    };
    Lie::new(mount.point, believed, so)
}

/// A path within the pool: `/volumes/ID/uploads`, `/scratch/ID/tmp`.
fn place(root: &str) -> String {
    let mut parts = root.trim_start_matches('/').splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("volumes"), Some(volume), None) => format!("volume {volume}"),
        (Some("volumes"), Some(volume), Some(directory)) => format!("volume {volume}, directory {directory}"),
        (Some("scratch"), Some(_), Some(name)) => {
            format!("scratch directory {name}, gone with the container")
        }
        _ => format!("{root} of the pool"),
    }
}

/// An image's first characters, as everywhere; a name that is no digest as it is.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Fields as in proc(5): id, parent, device, root, point, options, optional fields, `-`, kind, …
fn parse(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(2);
    let (device, root, point, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(Mount {
        device,
        root,
        point,
        read_only: options.split(',').any(|option| option == "ro"),
        kind: after.split(' ').next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: &str = "\
900 800 7:3 / / ro,nosuid,nodev,relatime - squashfs /dev/loop3 ro
901 900 0:70 / /proc rw,nosuid - proc proc rw
902 901 0:70 /sys /proc/sys ro,nosuid - proc proc rw
903 901 0:6 /null /proc/kcore rw,nosuid - devtmpfs devtmpfs rw
904 900 0:71 / /dev rw,nosuid - tmpfs tmpfs rw
905 904 0:6 /null /dev/null rw,nosuid - devtmpfs devtmpfs rw
906 904 0:72 / /dev/shm rw,nosuid - tmpfs shm rw
907 900 0:50 /volumes/k3f9-data/uploads /app/uploads rw,nosuid - btrfs /dev/loop9 rw
908 900 0:50 /scratch/k3f9x2m4q8za/tmp /tmp rw,nosuid - btrfs /dev/loop9 rw
";
    const MACHINE: &str =
        "77 30 7:3 / /var/lib/guise/images/mounts/0123456789abcdef ro shared:1 - squashfs /dev/loop3 ro\n";

    #[test]
    fn each_mount_names_the_image_or_volume_behind_it() {
        let found = lies(INSIDE, MACHINE);
        let so = |about: &str| {
            found
                .iter()
                .find(|lie| lie.about == about)
                .unwrap()
                .outside
                .as_str()
        };
        assert_eq!(so("/"), "image 0123456789ab, shared, read-only");
        assert_eq!(so("/app/uploads"), "volume k3f9-data, directory uploads");
        assert_eq!(so("/tmp"), "scratch directory tmp, gone with the container");
        assert_eq!(so("/dev/shm"), "memory, gone with the container");
        assert_eq!(
            so("the kernel's controls"),
            "empty or read-only: /proc/kcore /proc/sys"
        );
        assert_eq!(so("devices"), "these of the machine only: null");
    }

    #[test]
    fn lines_that_are_none_are_left_out() {
        assert_eq!(parse("nonsense"), None);
        assert_eq!(lies("1 2 - \n", ""), []);
    }
}
