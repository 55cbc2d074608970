//! Which devices a group may use: the rules of the configuration, the later one winning, for v1 as lines of its devices
//! controller, for v2, which has none, as a program.

use super::limits::{Setting, setting};
use guise_sys::bpf::{Instruction, Register};
use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType, LinuxResources};

/// `uapi/linux/bpf.h`, BPF_DEVCG_*: kinds of devices and of access, as the kernel asks a program for them.
const BLOCK: u32 = 1;
const CHARACTER: u32 = 2;
const MAKE: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const ALL: u32 = MAKE | READ | WRITE;

/// A rule; `None` stands for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    allow: bool,
    kind: Option<u32>,
    major: Option<u32>,
    minor: Option<u32>,
    access: u32,
}

/// Devices that are part of every container's /dev, whatever its rules say (config-linux.md, "Default Devices"): making any node,
/// which the kernel guards otherwise; null, zero, full, random, urandom, tty, ptmx and the terminals of /dev/pts.
const ALWAYS_ALLOWED: [Rule; 10] = [
    always(BLOCK, None, None, MAKE),
    always(CHARACTER, None, None, MAKE),
    always(CHARACTER, Some(1), Some(3), ALL),
    always(CHARACTER, Some(1), Some(5), ALL),
    always(CHARACTER, Some(1), Some(7), ALL),
    always(CHARACTER, Some(1), Some(8), ALL),
    always(CHARACTER, Some(1), Some(9), ALL),
    always(CHARACTER, Some(5), Some(0), ALL),
    always(CHARACTER, Some(5), Some(2), ALL),
    always(CHARACTER, Some(136), None, ALL),
];

const fn always(kind: u32, major: Option<u32>, minor: Option<u32>, access: u32) -> Rule {
    Rule {
        allow: true,
        kind: Some(kind),
        major,
        minor,
        access,
    }
}

/// The rules that `resources` mean, in order; none if it has none.
pub fn rules(resources: &LinuxResources) -> Vec<Rule> {
    let configured = resources.devices().as_deref().unwrap_or_default();
    if configured.is_empty() {
        return Vec::new();
    }
    let configured = configured.iter().map(Rule::of);
    configured.chain(ALWAYS_ALLOWED).collect()
}

impl Rule {
    fn of(rule: &LinuxDeviceCgroup) -> Self {
        let kind = match rule.typ().unwrap_or_default() {
            LinuxDeviceType::B => Some(BLOCK),
            LinuxDeviceType::C | LinuxDeviceType::U => Some(CHARACTER),
            LinuxDeviceType::P | LinuxDeviceType::A => None,
        };
        let number = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let letters = rule.access().as_deref().unwrap_or("rwm");
        let bit = |letter, bit| if letters.contains(letter) { bit } else { 0 };
        Self {
            allow: rule.allow(),
            kind,
            major: number(rule.major()),
            minor: number(rule.minor()),
            access: bit('m', MAKE) | bit('r', READ) | bit('w', WRITE),
        }
    }

    /// As a line for `devices.allow` or `devices.deny`.
    pub fn v1(&self) -> Setting {
        let file = if self.allow {
            "devices.allow"
        } else {
            "devices.deny"
        };
        let number = |value: Option<u32>| value.map_or("*".into(), |value| value.to_string());
        let kind = match self.kind {
            Some(BLOCK) => "b",
            Some(_) => "c",
            None => return setting("devices", file, "a"),
        };
        let letters = [(READ, "r"), (WRITE, "w"), (MAKE, "m")];
        let access: String = letters
            .iter()
            .filter(|(bit, _)| self.access & bit != 0)
            .map(|(_, letter)| *letter)
            .collect();
        let (major, minor) = (number(self.major), number(self.minor));
        setting("devices", file, format!("{kind} {major}:{minor} {access}"))
    }
}

const KIND: Register = Register::Two;
/// Which of the wanted ways of access no rule has allowed yet.
const WANTED: Register = Register::Three;
const MAJOR: Register = Register::Four;
const MINOR: Register = Register::Five;
/// No longer needed once all of it is in other registers.
const SPARE: Register = Register::Question;

/// As a program for the unified hierarchy: from the last rule to the first, each way of access is decided by the first rule that
/// knows it. What no rule knows is allowed, as in a new v1 group.
pub fn program(rules: &[Rule]) -> Vec<Instruction> {
    let mut program = vec![
        Instruction::load(KIND, 0),
        Instruction::copy(WANTED, KIND),
        Instruction::and(KIND, 0xffff),
        Instruction::shift_right(WANTED, 16),
        Instruction::load(MAJOR, 4),
        Instruction::load(MINOR, 8),
    ];
    program.extend(rules.iter().rev().flat_map(instructions));
    program.extend([Instruction::set(Register::Answer, 1), Instruction::exit()]);
    program
}

fn instructions(rule: &Rule) -> Vec<Instruction> {
    let decision = if rule.allow {
        [
            Instruction::and(WANTED, !rule.access),
            Instruction::skip_if_unequal(WANTED, 0, 2),
        ]
        .to_vec()
    } else {
        [
            Instruction::copy(SPARE, WANTED),
            Instruction::and(SPARE, rule.access),
            Instruction::skip_if_equal(SPARE, 0, 2),
        ]
        .to_vec()
    };
    let answer = [
        Instruction::set(Register::Answer, u32::from(rule.allow)),
        Instruction::exit(),
    ];
    let mut list = [decision, answer.to_vec()].concat();
    for (register, value) in [(MINOR, rule.minor), (MAJOR, rule.major), (KIND, rule.kind)] {
        if let Some(value) = value {
            let rest = i16::try_from(list.len()).unwrap_or(i16::MAX);
            list.insert(0, Instruction::skip_if_unequal(register, value, rest));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rules: serde_json::Value) -> Vec<Rule> {
        super::rules(&serde_json::from_value(serde_json::json!({ "devices": rules })).unwrap())
    }

    fn denied_but_tun() -> Vec<Rule> {
        of(serde_json::json!([
            { "allow": false, "access": "rwm" },
            { "allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw" }
        ]))
    }

    #[test]
    fn v1_gets_a_line_for_each_rule_and_for_each_device_that_all_have() {
        let lines: Vec<String> = denied_but_tun()
            .iter()
            .map(|rule| format!("{}={}", rule.v1().file, rule.v1().value))
            .collect();
        assert_eq!(
            lines[..3],
            [
                "devices.deny=a",
                "devices.allow=c 10:200 rw",
                "devices.allow=b *:* m"
            ]
        );
        assert!(lines.contains(&"devices.allow=c 136:* rwm".to_owned()));
    }

    #[test]
    fn without_rules_there_is_nothing_to_decide() {
        assert!(of(serde_json::json!([])).is_empty());
    }

    #[test]
    fn a_rule_that_does_not_fit_is_left_out_whole() {
        let rule = denied_but_tun()[1];
        let list = instructions(&rule);
        assert_eq!(
            list,
            [
                Instruction::skip_if_unequal(KIND, CHARACTER, 6),
                Instruction::skip_if_unequal(MAJOR, 10, 5),
                Instruction::skip_if_unequal(MINOR, 200, 4),
                Instruction::and(WANTED, !(READ | WRITE)),
                Instruction::skip_if_unequal(WANTED, 0, 2),
                Instruction::set(Register::Answer, 1),
                Instruction::exit(),
            ]
        );
    }
}
