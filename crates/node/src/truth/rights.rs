//! What root inside may not do: capabilities(7), no_new_privs and seccomp(2), in words.

use super::Lie;
use rustix::thread::CapabilitySet;

/// From `/proc/PID/status` of PID 1; everything in the container descends from it or is given the same.
pub(super) fn lies(status: &str) -> Vec<Lie> {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let set = |name| {
        field(name)
            .and_then(|text| u64::from_str_radix(text, 16).ok())
            .map_or(CapabilitySet::empty(), CapabilitySet::from_bits_retain)
    };
    let gains = match field("NoNewPrivs") {
        Some("1") => "no program gains anything by being run (no_new_privs)",
        _ => "they work, within the capabilities above",
    };
    let calls = match field("Seccomp") {
        Some("2") => "a filter (seccomp) refuses those that ordinary programs do not need",
        Some("1") => "read, write and exit only (strict seccomp)",
        _ => "no filter: all of them",
    };
    vec![
        Lie::new(
            "root",
            "user 0, who may do everything",
            format!("has {}", names(set("CapEff"))),
        ),
        Lie::new(
            "capabilities",
            "sudo and file capabilities give them",
            format!("can ever be had: {}", names(set("CapBnd"))),
        ),
        Lie::new("setuid programs", "make a user root", gains),
        Lie::new("system calls", "all of Linux", calls),
    ]
}

/// `no capability`, or their names.
fn names(set: CapabilitySet) -> String {
    if set.is_empty() {
        return "no capability".into();
    }
    let named: Vec<String> = set
        .iter_names()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    format!("capabilities {}", named.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_powerless_root_is_said_to_be_powerless() {
        let found = lies("CapEff:\t0\nCapBnd:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n");
        assert_eq!(found[0].outside, "has no capability");
        assert!(found[2].outside.contains("no_new_privs"));
        assert!(found[3].outside.contains("filter"));
    }

    #[test]
    fn what_is_not_taken_away_is_said_too() {
        let found = lies("CapEff:\t0000000000000421\nCapBnd:\t1\nNoNewPrivs:\t0\nSeccomp:\t0\n");
        assert_eq!(found[0].outside, "has capabilities chown kill net_bind_service");
        assert_eq!(found[1].outside, "can ever be had: capabilities chown");
        assert_eq!(found[3].outside, "no filter: all of them");
    }
}
