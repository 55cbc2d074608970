//! What proc(5) tells about a process. Nothing is believed that the process itself could have written but its
//! command line, which is only shown.

use std::{fs, io};

/// A process as `/proc/PID/status` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// The first 15 bytes of its program's name.
    pub name: String,
    /// Its parent, as the reader's PID namespace numbers it; 0 when the parent is outside of that.
    pub parent: u32,
    /// Its real user id, as the reader's user namespace has it.
    pub uid: u32,
    /// Its number in each PID namespace from the reader's to its own.
    pub numbers: Vec<u32>,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Whether it has ended and only waits to be reaped.
    pub zombie: bool,
    /// The signals it has a handler for: bit N - 1 for signal N.
    pub caught_signals: u64,
}

/// Reads a process's status; `None` when it has ended meanwhile.
pub(crate) fn status(pid: u32) -> io::Result<Option<Status>> {
    Ok(read(pid, "status")?.and_then(|text| parse_status(&String::from_utf8_lossy(&text))))
}

/// When a process started, in clock ticks since the machine did: with its number it names a process for good.
/// `None` when there is no such process.
pub(crate) fn start_time(pid: u32) -> io::Result<Option<u64>> {
    Ok(read(pid, "stat")?.and_then(|text| parse_start_time(&String::from_utf8_lossy(&text))))
}

/// A process's arguments; empty for one that has ended.
pub(crate) fn arguments(pid: u32) -> io::Result<Vec<String>> {
    let text = read(pid, "cmdline")?.unwrap_or_default();
    let text = text.strip_suffix(b"\0").unwrap_or(&text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(text
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect())
}

/// A file of `/proc/PID`; `None` when the process has ended.
pub(crate) fn read(pid: u32, file: &str) -> io::Result<Option<Vec<u8>>> {
    // Linux: ESRCH comes from files that were opened while the process still lived.
    const ESRCH: i32 = 3;
    match fs::read(format!("/proc/{pid}/{file}")) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn parse_status(text: &str) -> Option<Status> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let first = |name: &str| field(name)?.split_whitespace().next();
    Some(Status {
        name: field("Name")?.to_owned(),
        parent: first("PPid")?.parse().ok()?,
        uid: first("Uid")?.parse().ok()?,
        numbers: field("NSpid")?
            .split_whitespace()
            .map_while(|number| number.parse().ok())
            .collect(),
        // Absent for a process that is ending.
        rss_bytes: first("VmRSS")
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024,
        zombie: matches!(first("State")?, "Z" | "X"),
        caught_signals: u64::from_str_radix(first("SigCgt")?, 16).ok()?,
    })
}

fn parse_start_time(text: &str) -> Option<u64> {
    // The program's name, in parentheses, may hold blanks and parentheses of its own; start time is field 22,
    // the name field 2.
    let after_name = &text[text.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NGINX: &str = "Name:\tnginx\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nPid:\t4711\nPPid:\t4700\n\
        Uid:\t536946064\t536946064\t536946064\t536946064\nNSpid:\t4711\t12\nSigCgt:\t0000000018016a07\nVmRSS:\t    5120 kB\nThreads:\t1\n";

    #[test]
    fn a_status_has_both_numbers_of_a_process() {
        let expected = Status {
            name: "nginx".into(),
            parent: 4700,
            uid: 536_946_064,
            numbers: vec![4711, 12],
            rss_bytes: 5_242_880,
            zombie: false,
            caught_signals: 0x1801_6a07,
        };
        assert_eq!(parse_status(NGINX), Some(expected));
    }

    #[test]
    fn a_zombie_has_no_memory() {
        let text = NGINX
            .replace("S (sleeping)", "Z (zombie)")
            .replace("VmRSS:\t    5120 kB\n", "");
        let status = parse_status(&text).unwrap();
        assert!(status.zombie);
        assert_eq!(status.rss_bytes, 0);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_start_time() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8254 1000 1 0";
        assert_eq!(parse_start_time(text), Some(8254));
    }

    #[test]
    fn this_test_finds_itself() {
        let pid = std::process::id();
        assert_eq!(status(pid).unwrap().unwrap().numbers.first(), Some(&pid));
        assert!(start_time(pid).unwrap().is_some());
        assert!(!arguments(pid).unwrap().is_empty());
    }

    #[test]
    fn a_process_that_is_gone_is_no_error() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(status(child.id()).unwrap(), None);
        assert_eq!(start_time(child.id()).unwrap(), None);
        assert!(arguments(child.id()).unwrap().is_empty());
    }
}
