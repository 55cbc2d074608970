//! The marks by which one guise's traces on a machine are known, and how to remove them by hand.
//!
//! This is the way for a guise that cannot clean up itself any more: half removed, crashed, or of another version.

use crate::machine::{self, Thing, directories};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// How long killed processes may take to leave their cgroup.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// What sets one guise on a machine apart from another.
#[derive(Debug, Clone)]
pub struct Marks {
    /// Its state directory.
    pub state: PathBuf,
    /// Name of its nftables table and of its cgroup below each hierarchy's root.
    pub name: String,
    /// Two letters at the start of its network links' names.
    pub link_prefix: String,
}

impl Marks {
    /// Everything on the machine that carries the marks, in the order in which it can be removed.
    ///
    /// # Errors
    /// When the machine cannot be looked at.
    pub fn find(&self) -> Result<Vec<Thing>> {
        let mut found = machine::processes_about("guise", &self.state)?;
        for root in machine::cgroup_roots()? {
            let path = root.join(&self.name);
            found.extend(path.is_dir().then_some(Thing::Cgroup { path }));
        }
        let mounts = machine::mounts()?
            .into_iter()
            .rev()
            .filter(|mount| mount.point.starts_with(&self.state));
        found.extend(mounts.map(|mount| Thing::Mount { point: mount.point }));
        found.extend(machine::loops()?.into_iter().filter(|thing| self.is_ours(thing)));
        found.extend(machine::links()?.into_iter().filter(|thing| self.is_ours(thing)));
        found.extend(machine::tables()?.into_iter().filter(|thing| self.is_ours(thing)));
        Ok(found)
    }

    fn is_ours(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Loop { backing, .. } => backing.starts_with(&self.state),
            // `gv` and a container's id of 12 letters: another program's link may begin with the same two letters.
            Thing::Link { name } => {
                name.len() == self.link_prefix.len() + 12 && name.starts_with(&self.link_prefix)
            }
            Thing::Table { name, .. } => *name == self.name,
            Thing::Process { .. } | Thing::Cgroup { .. } | Thing::Mount { .. } => false,
        }
    }

    /// Removes everything that carries the marks, told one by one to `removed`; the state directory stays.
    ///
    /// # Errors
    /// When something cannot be removed; the message names it. What comes after it has not been tried.
    pub fn sweep(&self, removed: &mut dyn FnMut(&Thing)) -> Result<()> {
        for thing in self.find()? {
            remove(&thing).with_context(|| format!("cannot remove {thing}"))?;
            removed(&thing);
        }
        self.restore_forwarding()
    }

    /// Withdraws the claim on IPv4 forwarding; with the last one it is put back to what it was.
    fn restore_forwarding(&self) -> Result<()> {
        let claims = Path::new("/run/guise/forwarding");
        let former = claims.join(".former");
        if !former.is_file() {
            return Ok(());
        }
        // It may have been withdrawn already.
        let _ = fs::remove_file(claims.join(&self.name));
        let others = fs::read_dir(claims)?
            .flatten()
            .any(|claim| claim.file_name() != ".former");
        if !others {
            fs::write(
                "/proc/sys/net/ipv4/ip_forward",
                fs::read_to_string(&former)?.trim(),
            )
            .context("cannot restore IPv4 forwarding")?;
            fs::remove_file(former)?;
        }
        Ok(())
    }
}

fn remove(thing: &Thing) -> Result<()> {
    match thing {
        Thing::Process { pid, .. } => kill(*pid),
        Thing::Cgroup { path } => remove_cgroup(path),
        // Lazily: a container that died halfway may hold it for a moment longer.
        Thing::Mount { point } => run("umount", &["--lazy", &point.to_string_lossy()]),
        // Those that clear themselves are gone with their mount.
        Thing::Loop { device, .. } if !is_attached(device) => Ok(()),
        Thing::Loop { device, .. } => run("losetup", &["--detach", device]),
        // A container's own end of the pair may have taken it along.
        Thing::Link { name } if !Path::new("/sys/class/net").join(name).exists() => Ok(()),
        Thing::Link { name } => run("ip", &["link", "delete", name]),
        Thing::Table { family, name } => run("nft", &["delete", "table", family, name]),
    }
}

fn is_attached(device: &str) -> bool {
    Path::new("/sys/block")
        .join(device.trim_start_matches("/dev/"))
        .join("loop/backing_file")
        .exists()
}

/// Kills a process and waits until it is gone.
fn kill(pid: u32) -> Result<()> {
    let process = PathBuf::from(format!("/proc/{pid}/stat"));
    for _ in 0..TRIES {
        // A zombie is gone but for its parent.
        match fs::read_to_string(&process) {
            Ok(stat) if !stat.contains(") Z ") => drop(run("kill", &["-KILL", &pid.to_string()])),
            _ => return Ok(()),
        }
        sleep(PAUSE);
    }
    bail!("it does not die")
}

/// Kills what is in a cgroup and below, and removes it from its leaves up.
fn remove_cgroup(path: &Path) -> Result<()> {
    for child in directories(path) {
        remove_cgroup(&child)?;
    }
    // Frozen processes do not die: version 1 thaws by a word, version 2 by a number.
    drop(fs::write(path.join("freezer.state"), "THAWED"));
    drop(fs::write(path.join("cgroup.freeze"), "0"));
    for _ in 0..TRIES {
        let processes = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
        for pid in processes.lines() {
            drop(run("kill", &["-KILL", pid]));
        }
        match fs::remove_dir(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => sleep(PAUSE),
        }
    }
    bail!("its processes do not die")
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_carries_all_of_a_mark_is_ours() {
        let marks = Marks {
            state: "/var/lib/guise".into(),
            name: "guise".into(),
            link_prefix: "gv".into(),
        };
        let ours = |thing| marks.is_ours(&thing);
        assert!(ours(Thing::Link {
            name: "gvabcdefghijkl".into()
        }));
        assert!(!ours(Thing::Link {
            name: "gvisor0".into()
        }));
        assert!(ours(Thing::Loop {
            device: "/dev/loop0".into(),
            backing: "/var/lib/guise/pool.btrfs".into()
        }));
        assert!(!ours(Thing::Loop {
            device: "/dev/loop0".into(),
            backing: "/var/lib/guise-test/pool".into()
        }));
        assert!(!ours(Thing::Table {
            family: "inet".into(),
            name: "guise-test".into()
        }));
    }
}
