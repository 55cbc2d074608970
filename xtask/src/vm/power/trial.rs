//! What is done in the machine, at which steps its power is cut, and what must be so after the next boot.

use super::{Parts, conversation::Conversation};
use anyhow::{Context, Result, ensure};
use std::{collections::BTreeSet, fmt, time::Instant};

/// Unless all are tried, so many cuts of each operation.
const QUICK: usize = 2;

/// Something that guised does in one activity.
struct Operation {
    name: &'static str,
    /// The activity's type.
    activity: &'static str,
    /// What comes before it.
    prepare: &'static str,
    command: &'static str,
}

const OPERATIONS: [Operation; 2] = [
    Operation {
        name: "a deployment",
        activity: "environment.push",
        prepare: "echo page-$(cut -d' ' -f1 /proc/uptime) >page.txt && git commit -q -a -m Change",
        command: "git push -q guise HEAD:main",
    },
    Operation {
        name: "a backup",
        activity: "environment.backup",
        prepare: "for backup in $(query 'SELECT id FROM backups'); do guise --yes backup delete $backup || break; done",
        command: "guise backup create",
    },
];

/// When the power is cut.
struct Cut {
    step: String,
    number: u32,
    moment: &'static str,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} step {} ({})", self.moment, self.number, self.step)
    }
}

/// What an undisturbed run showed.
struct Undisturbed {
    cuts: Vec<Cut>,
    inventory: String,
}

/// Cuts the power at a few steps, or at all.
///
/// # Errors
/// What was not right after a cut.
pub fn run(parts: &Parts, all: bool) -> Result<()> {
    let mut machine = Conversation::begin(parts)?;
    machine.run("daemon && begin")?;
    let mut kept = BTreeSet::new();
    let (mut cuts, begun) = (0, Instant::now());
    for operation in &OPERATIONS {
        let undisturbed = undisturbed(&mut machine, operation)?;
        let chosen = undisturbed.cuts.len().div_ceil(QUICK);
        for cut in undisturbed
            .cuts
            .iter()
            .rev()
            .step_by(if all { 1 } else { chosen })
        {
            let began = Instant::now();
            machine = disturbed(parts, machine, operation, cut, &mut kept, &undisturbed.inventory)
                .with_context(|| format!("{}, the power cut {cut}", operation.name))?;
            println!(
                "{}, the power cut {cut}: {} numbers kept, all else right after {:.0} s",
                operation.name,
                kept.len(),
                began.elapsed().as_secs_f64()
            );
            cuts += 1;
        }
    }
    println!("{cuts} cuts in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// An operation from its preparation to what must be there afterwards, and in a daemon's next life.
fn undisturbed(machine: &mut Conversation, operation: &Operation) -> Result<Undisturbed> {
    machine.run(operation.prepare)?;
    machine.run(operation.command)?;
    let steps = machine.run("steps")?;
    println!("{}: {}", operation.name, steps.replace('\n', ", "));
    let cuts: Vec<Cut> = steps.lines().filter_map(cuts_of).flatten().collect();
    ensure!(!cuts.is_empty(), "{} has no steps in the journal", operation.name);
    Ok(Undisturbed {
        cuts,
        inventory: machine.run("inventory")?,
    })
}

fn cuts_of(step: &str) -> Option<[Cut; 2]> {
    let (number, name) = step.split_once(' ')?;
    let number = number.parse().ok()?;
    Some(["before", "after"].map(|moment| Cut {
        step: name.into(),
        number,
        moment,
    }))
}

/// Has the power cut in the middle of an operation, boots, and looks. Answers the machine that is on then.
fn disturbed(
    parts: &Parts,
    mut machine: Conversation,
    operation: &Operation,
    cut: &Cut,
    kept: &mut BTreeSet<u32>,
    inventory: &str,
) -> Result<Conversation> {
    machine.run(operation.prepare)?;
    let page = machine.run("cat page.txt")?;
    machine.run("guise daemon stop")?;
    machine.run(&format!("daemon kill:{}:{}", cut.number, cut.moment))?;
    let next = kept.last().map_or(1, |last| last + 1);
    machine.run(&format!("write {next} &"))?;
    machine.hear_number()?;
    machine.run(&format!("({}) >/dev/null 2>&1 &", operation.command))?;
    kept.extend(machine.cut()?);

    let mut machine = Conversation::begin(parts)?;
    machine.run("daemon")?;
    let ended = machine.run("settle")?;
    ensure!(
        ended == format!("{}|success", operation.activity),
        "the last activity ended as {ended}"
    );
    machine.run("clone")?;
    ensure!(
        machine.run("fetch /")? == page,
        "the page is another one than {page}"
    );
    let found = numbers(&machine.run("fetch /data")?);
    let lost: Vec<&u32> = kept.difference(&found).collect();
    ensure!(
        lost.is_empty(),
        "the site acknowledged {lost:?} and has lost them"
    );
    let left = machine.run("inventory")?;
    ensure!(
        left == inventory,
        "there is\n{left}\nand undisturbed\n{inventory}"
    );
    machine.run("whole")?;
    Ok(machine)
}

fn numbers(text: &str) -> BTreeSet<u32> {
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_cut_before_and_after_each_step() {
        let cuts = cuts_of("3 hold").unwrap();
        assert_eq!(
            cuts.map(|cut| cut.to_string()),
            ["before step 3 (hold)", "after step 3 (hold)"]
        );
        assert!(cuts_of("hold").is_none());
    }
}
