//! What a mount is besides its place: propagation, attributes of what is below it, whose files it shows, what it begins with.
#![allow(clippy::unwrap_used)]

mod bundle;

use bundle::{Bundle, FIRST_ID, can_run};
use serde_json::json;
use std::os::unix::fs::{MetadataExt, chown};

/// The optional fields of `/`'s line in mountinfo (proc_pid_mountinfo(5)), as `shared` or `master`.
fn propagation_of_the_root(wanted: &str) -> String {
    let mut container = Bundle::new();
    container.config["linux"]["rootfsPropagation"] = json!(wanted);
    container.start();
    let (line, _) = container.shell("grep ' / / \\| /.* / ' /proc/self/mountinfo | head -n 1");
    let fields = line.split(" - ").next().unwrap().split(' ').skip(6);
    fields
        .map(|field| field.split(':').next().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_root_propagates_mounts_as_configured() {
    if !can_run() {
        return;
    }
    assert_eq!(propagation_of_the_root("private"), "");
    assert_eq!(propagation_of_the_root("shared"), "shared");
    assert_eq!(propagation_of_the_root("unbindable"), "unbindable");
    let mut container = Bundle::new();
    container.config["linux"]["rootfsPropagation"] = json!("everywhere");
    let told = String::from_utf8(container.create().stderr).unwrap();
    assert!(
        told.contains("rootfsPropagation") && told.contains("everywhere"),
        "{told}"
    );
}

#[test]
fn attributes_with_an_r_hold_for_the_mounts_below_too() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let volume = container.path("volume");
    std::fs::create_dir_all(volume.join("below")).unwrap();
    let below = Below::mount(&volume.join("below"));
    container.bind(&volume, "/data", &["rbind", "rro", "rnoexec"]);
    container.bind(&volume, "/app", &["rbind", "ro"]);
    container.start();
    let (refused, status) = container.shell("touch /data/below/file");
    assert!(status != 0 && refused.contains("Read-only"), "{refused}");
    let (refused, status) = container.shell("touch /app/file");
    assert!(status != 0 && refused.contains("Read-only"), "{refused}");
    let options = |place: &str| {
        container
            .shell(&format!("grep ' {place} ' /proc/mounts | cut -d' ' -f4"))
            .0
    };
    assert!(
        options("/data/below").contains("noexec"),
        "{}",
        options("/data/below")
    );
    assert!(!options("/app/below").contains("noexec") && options("/app/below").contains("rw"));
    drop(below);
}

/// A tmpfs, taken down again when dropped.
struct Below(std::path::PathBuf);

impl Below {
    fn mount(place: &std::path::Path) -> Self {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("none", place, "tmpfs", flags, None).unwrap();
        Self(place.into())
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        let _ = guise_sys::mount::detach(&self.0);
    }
}

#[test]
fn a_tmpfs_can_begin_with_what_the_image_has_in_its_place() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    std::fs::write(container.path("rootfs/etc/passwd"), "of the image").unwrap();
    let mount = json!({ "destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "mode=755"] });
    container.config["mounts"].as_array_mut().unwrap().push(mount);
    container.start();
    assert_eq!(container.shell("cat /etc/passwd").0, "of the image");
    assert_eq!(
        container.shell("echo changed > /etc/passwd; cat /etc/passwd").0,
        "changed"
    );
    let image = std::fs::read_to_string(container.path("rootfs/etc/passwd")).unwrap();
    assert_eq!(image, "of the image");
}

#[test]
fn a_mount_with_maps_of_its_own_shows_other_owners() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let volume = container.path("volume");
    std::fs::create_dir(&volume).unwrap();
    std::fs::write(volume.join("file"), "").unwrap();
    chown(volume.join("file"), Some(500), Some(500)).unwrap();
    container.bind(&volume, "/data", &["bind"]);
    // What belongs to 500 on the disk belongs to the container's 33.
    let map = json!([{ "containerID": 500, "hostID": FIRST_ID + 33, "size": 1 }]);
    let mount = container.config["mounts"]
        .as_array_mut()
        .unwrap()
        .last_mut()
        .unwrap();
    mount["uidMappings"] = map.clone();
    mount["gidMappings"] = map;
    container.start();
    assert_eq!(container.shell("stat -c %u:%g /data/file").0, "33:33");
    assert_eq!(volume.join("file").metadata().unwrap().uid(), 500);
}

#[test]
fn a_container_sees_its_own_groups_and_none_above() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    let mount = json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"] });
    container.config["mounts"].as_array_mut().unwrap().push(mount);
    container.config["linux"]["resources"]["pids"] = json!({ "limit": 77 });
    container.start();
    let (limit, _) = container.shell("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null");
    assert_eq!(limit, "77");
    let (found, _) =
        container.shell("find /sys/fs/cgroup -name release_agent; find /sys/fs/cgroup -name guise-test");
    assert_eq!(found, "");
    let (refused, status) = container.shell("echo 1000 > $(find /sys/fs/cgroup -name pids.max)");
    assert!(status != 0, "{refused}");
}

#[test]
fn a_container_without_namespaces_has_only_another_root_and_leaves_no_mount() {
    if !can_run() {
        return;
    }
    let mut container = Bundle::new();
    container.leave_out_the_user_namespace();
    let linux = &mut container.config["linux"];
    linux["namespaces"] = json!([]);
    linux
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !key.ends_with("Paths"));
    container.config.as_object_mut().unwrap().remove("hostname");
    container.start();
    let (found, _) = container.shell("ls -d /app; readlink /proc/self/ns/mnt");
    let own = std::fs::read_link("/proc/self/ns/mnt").unwrap();
    assert_eq!(found, format!("/app\n{}", own.display()));
    let mounted = || {
        let root = container.path("rootfs");
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        table
            .lines()
            .filter(|line| line.contains(root.to_str().unwrap()))
            .count()
    };
    assert!(mounted() > 1);
    let delete = container
        .runtime(&["delete", "--force", &container.id])
        .output()
        .unwrap();
    bundle::succeeded(delete);
    assert_eq!(mounted(), 0);
}
