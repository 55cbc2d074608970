//! Which namespaces a process is in (namespaces(7)).

use std::{fs, io};

/// Their names in `/proc/PID/ns`, and what is private to a namespace of the kind.
const KINDS: [(&str, &str); 8] = [
    ("user", "user and group ids"),
    ("pid", "process numbers"),
    ("mnt", "the tree of files"),
    ("net", "links, addresses, ports"),
    ("uts", "the host name"),
    ("ipc", "System V and POSIX queues"),
    ("cgroup", "the root of cgroups"),
    ("time", "time since boot"),
];

/// A namespace that a container's PID 1 is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What kind, as in `/proc/PID/ns`: `user`, `mnt`.
    pub kind: &'static str,
    /// What is private to a namespace of this kind.
    pub hides: &'static str,
    /// Its inode number, which names it as long as it exists.
    pub number: u64,
    /// Whether it is the machine's own.
    pub of_machine: bool,
}

/// The namespaces of a process. A kind that this kernel does not have is left out.
pub(super) fn of(pid: u32) -> io::Result<Vec<Namespace>> {
    let mut namespaces = Vec::new();
    for (kind, hides) in KINDS {
        let (Some(number), Some(own)) = (number(&format!("{pid}"), kind)?, number("self", kind)?) else {
            continue;
        };
        namespaces.push(Namespace {
            kind,
            hides,
            number,
            of_machine: number == own,
        });
    }
    Ok(namespaces)
}

fn number(process: &str, kind: &str) -> io::Result<Option<u64>> {
    match fs::read_link(format!("/proc/{process}/ns/{kind}")) {
        Ok(link) => Ok(parse(&link.to_string_lossy())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `mnt:[4026531841]`.
fn parse(link: &str) -> Option<u64> {
    let (_, number) = link.strip_suffix(']')?.split_once(":[")?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_proc_is_a_number() {
        assert_eq!(parse("mnt:[4026531841]"), Some(4_026_531_841));
        assert_eq!(parse("mnt:4026531841"), None);
    }

    #[test]
    fn this_process_is_in_the_machines_namespaces() {
        let own = of(std::process::id()).unwrap();
        assert!(own.len() >= 7, "{own:?}");
        assert!(own.iter().all(|namespace| namespace.of_machine), "{own:?}");
    }
}
