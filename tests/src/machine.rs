//! What is on this machine that a guise could have put there.

use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One thing on the machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Thing {
    Process { pid: u32, command: String },
    Cgroup { path: PathBuf },
    Mount { point: PathBuf },
    Loop { device: String, backing: PathBuf },
    Link { name: String },
    Table { family: String, name: String },
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, command } => write!(f, "process {pid} ({command})"),
            Self::Cgroup { path } => write!(f, "cgroup {}", path.display()),
            Self::Mount { point } => write!(f, "mount {}", point.display()),
            Self::Loop { device, backing } => write!(f, "loop device {device} of {}", backing.display()),
            Self::Link { name } => write!(f, "network link {name}"),
            Self::Table { family, name } => write!(f, "nftables table {family} {name}"),
        }
    }
}

/// Everything but processes: what stays when the programs that made it are gone.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn snapshot() -> Result<BTreeSet<Thing>> {
    let mut things = BTreeSet::new();
    things.extend(
        mounts()?
            .into_iter()
            .map(|mount| Thing::Mount { point: mount.point }),
    );
    things.extend(loops()?);
    things.extend(links()?);
    things.extend(tables()?);
    for root in cgroup_roots()? {
        things.extend(directories(&root).into_iter().map(|path| Thing::Cgroup { path }));
    }
    Ok(things)
}

/// A mount in our namespace.
pub struct Mount {
    /// Where.
    pub point: PathBuf,
    /// Of what kind: `btrfs`.
    pub filesystem: String,
}

/// The mounts of our namespace, in the order in which they were made.
///
/// # Errors
/// When `/proc/self/mountinfo` cannot be read.
pub fn mounts() -> Result<Vec<Mount>> {
    let text = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    Ok(text.lines().filter_map(mount).collect())
}

/// A line of proc_pid_mountinfo(5): the fifth word is the mount point, the first after ` - ` the file system.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let point = unescape(before.split(' ').nth(4)?);
    Some(Mount {
        point: point.into(),
        filesystem: after.split(' ').next()?.into(),
    })
}

/// Blanks, line ends and backslashes are written as three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) if byte == b'\\' => {
                bytes.push(escaped);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Loop devices that are attached to a file.
///
/// # Errors
/// When `/sys/block` cannot be read.
pub fn loops() -> Result<Vec<Thing>> {
    let devices = fs::read_dir("/sys/block")
        .context("cannot read /sys/block")?
        .flatten();
    let attached = devices.filter_map(|entry| {
        let backing = fs::read_to_string(entry.path().join("loop/backing_file")).ok()?;
        let device = format!("/dev/{}", entry.file_name().to_string_lossy());
        Some(Thing::Loop {
            device,
            backing: backing.trim_end().into(),
        })
    });
    Ok(attached.collect())
}

/// Network links.
///
/// # Errors
/// When `/sys/class/net` cannot be read.
pub fn links() -> Result<BTreeSet<Thing>> {
    let links = fs::read_dir("/sys/class/net")
        .context("cannot read /sys/class/net")?
        .flatten();
    Ok(links
        .map(|entry| Thing::Link {
            name: entry.file_name().to_string_lossy().into_owned(),
        })
        .collect())
}

/// nftables tables; none where there is no nft to have made them.
///
/// # Errors
/// When nft fails.
pub fn tables() -> Result<Vec<Thing>> {
    let output = match Command::new("nft").args(["list", "tables"]).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("cannot run nft"),
    };
    if !output.status.success() {
        bail!(
            "nft list tables: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let table = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        Some(Thing::Table {
            family: words.next()?.into(),
            name: words.next()?.into(),
        })
    };
    Ok(text.lines().filter_map(table).collect())
}

/// Where the cgroup hierarchies are mounted: one on version 2, one per controller on version 1, both on hybrid.
///
/// # Errors
/// When `/proc/self/mountinfo` cannot be read.
pub fn cgroup_roots() -> Result<Vec<PathBuf>> {
    let mounts = mounts()?
        .into_iter()
        .filter(|mount| mount.filesystem.starts_with("cgroup"));
    Ok(mounts.map(|mount| mount.point).collect())
}

/// The directories in a directory; none when it is gone.
pub fn directories(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let directories = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// Processes whose arguments name a path at or below `directory` and whose program is called `program`.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn processes_about(program: &str, directory: &Path) -> Result<Vec<Thing>> {
    let entries = fs::read_dir("/proc").context("cannot read /proc")?.flatten();
    let found = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> = line
            .split(|&byte| byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let is_program = Path::new(words.first()?).file_name()? == program;
        let is_about = words.iter().any(|word| Path::new(word).starts_with(directory));
        (is_program && is_about).then(|| Thing::Process {
            pid,
            command: words.join(" ").trim_end().into(),
        })
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_with_a_blank_is_read() {
        let line = "36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let mount = mount(line).unwrap();
        assert_eq!(
            (mount.point.to_str().unwrap(), mount.filesystem.as_str()),
            ("/mnt two", "ext3")
        );
    }

    #[test]
    fn the_root_file_system_is_a_mount() {
        assert!(
            mounts()
                .unwrap()
                .iter()
                .any(|mount| mount.point == Path::new("/"))
        );
    }
}
