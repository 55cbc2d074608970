//! Everything a guise has on the machine and in its state directory, with names instead of ids, to be compared.

use crate::{MARKED, journal::Journal};
use anyhow::{Result, ensure};
use journeys::{Guise, machine, machine::Thing};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

/// What is detached behind the daemon's back may take this long.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(30);
/// What is about to be detached is detached by then.
const SETTLING: Duration = Duration::from_millis(300);

/// How often each thing is there.
pub type Inventory = BTreeMap<String, usize>;

/// What names stand for which ids: containers by component, volumes by owner, projects by title.
const NAMES: &[&str] = &[
    "SELECT id, 'container of ' || project || ' ' || environment || ' ' || component FROM containers",
    "SELECT id, 'volume of ' || project || ' ' || environment || ' ' || component FROM volumes",
    "SELECT volume, 'volume of a backup of ' || component FROM backup_volumes",
    "SELECT id, 'project ' || title FROM projects",
];

/// What the database says is there.
const ROWS: &[&str] = &[
    "SELECT 'row', 'container ' || project || ' ' || environment || ' ' || component FROM containers",
    "SELECT 'row', 'slot ' || project || ' ' || environment || ' ' || component FROM slots",
    "SELECT 'row', 'volume ' || project || ' ' || environment || ' ' || component FROM volumes",
    "SELECT 'row', 'environment ' || project || ' ' || name || ' ' || status FROM environments",
    "SELECT 'row', 'backup ' || environment || ' ' || status FROM backups",
];

/// Looks.
pub fn take(guise: &Guise, journal: &Journal) -> Result<Inventory> {
    let mut names = Vec::new();
    for query in NAMES {
        names.extend(journal.pairs(query)?);
    }
    let state = guise.state();
    let mut things = on_the_machine(state)?;
    for directory in ["pool/volumes", "pool/scratch", "containers", "runtime"] {
        things.extend(entries(&state.join(directory)));
    }
    things.extend(unfinished_images(&state.join("images")));
    for project in machine::directories(&state.join("projects")) {
        things.extend(locks(&project.join("repository.git")));
    }
    for query in ROWS {
        things.extend(
            journal
                .pairs(query)?
                .into_iter()
                .map(|(row, what)| format!("{row} {what}")),
        );
    }
    let mut inventory = Inventory::new();
    for thing in things {
        *inventory.entry(named(thing, &names)).or_default() += 1;
    }
    Ok(inventory)
}

/// Looks once nothing changes any more.
pub fn settled(guise: &Guise, journal: &Journal) -> Result<Inventory> {
    let begun = Instant::now();
    let mut last = take(guise, journal)?;
    loop {
        sleep(SETTLING);
        let now = take(guise, journal)?;
        if now == last || begun.elapsed() > PATIENCE {
            return Ok(now);
        }
        last = now;
    }
}

/// That what is there becomes what is `expected`, soon.
///
/// # Errors
/// The difference.
pub fn becomes(guise: &Guise, journal: &Journal, expected: &Inventory) -> Result<()> {
    let begun = Instant::now();
    loop {
        let found = take(guise, journal)?;
        if found == *expected {
            return Ok(());
        }
        let differences = differences(expected, &found);
        ensure!(
            begun.elapsed() < PATIENCE,
            "the machine is not as after an undisturbed run:\n  {}",
            differences.join("\n  ")
        );
        sleep(PAUSE);
    }
}

fn differences(expected: &Inventory, found: &Inventory) -> Vec<String> {
    let count = |of: &Inventory, thing: &str| of.get(thing).copied().unwrap_or_default();
    let mut things: Vec<&String> = expected.keys().chain(found.keys()).collect();
    things.sort();
    things.dedup();
    things
        .into_iter()
        .filter(|thing| count(expected, thing) != count(found, thing))
        .map(|thing| {
            format!(
                "{thing}: {} instead of {}",
                count(found, thing),
                count(expected, thing)
            )
        })
        .collect()
}

fn on_the_machine(state: &Path) -> Result<Vec<String>> {
    let mut things: Vec<String> = machine::mounts()?
        .into_iter()
        .filter(|mount| mount.point.starts_with(state))
        .map(|mount| format!("mount {}", mount.point.display()))
        .collect();
    things.extend(machine::loops()?.into_iter().filter_map(|thing| {
        match thing {
            Thing::Loop { backing, .. } => backing
                .starts_with(state)
                .then(|| format!("loop {}", backing.display())),
            _ => None,
        }
    }));
    things.extend(machine::links()?.into_iter().filter_map(|thing| {
        match thing {
            Thing::Link { name } => name
                .starts_with(MARKED.link_prefix)
                .then(|| format!("link {name}")),
            _ => None,
        }
    }));
    for root in machine::cgroup_roots()? {
        things.extend(
            below(&root.join(MARKED.name))
                .iter()
                .map(|path| format!("cgroup {}", path.display())),
        );
    }
    things.extend(rules()?);
    let daemons = machine::processes_about("guise", state)?.len();
    things.extend((0..daemons).map(|_| "process of guise".to_string()));
    Ok(things)
}

/// Each element and rule of the guise's own table; counters count on.
fn rules() -> Result<Vec<String>> {
    let listed = Command::new("nft")
        .args(["list", "table", "inet", MARKED.name])
        .output()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let words = text.split(['\n', ',', '{', '}']).map(str::trim);
    let without_counts = |word: &str| {
        word.split(" counter packets ")
            .next()
            .unwrap_or_default()
            .to_string()
    };
    Ok(words
        .filter(|word| !word.is_empty())
        .map(|word| format!("nftables {}", without_counts(word)))
        .collect())
}

/// A directory and all directories in it.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = directory.is_dir().then(|| directory.into()).into_iter().collect();
    for child in machine::directories(directory) {
        found.extend(below(&child));
    }
    found
}

fn entries(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let entries = entries.flatten();
    entries
        .map(|entry| format!("entry {}", entry.path().display()))
        .collect()
}

/// Files that are not a whole image: each push makes one of those, and they are kept to be gone back to.
fn unfinished_images(directory: &Path) -> Vec<String> {
    let is_whole = |entry: &String| {
        let path = Path::new(entry);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        let extension = path.extension().unwrap_or_default();
        is_digest && (extension == "squashfs" || extension == "json" || extension.is_empty())
    };
    entries(directory)
        .into_iter()
        .filter(|entry| !is_whole(entry))
        .collect()
}

/// What git or a checkout leaves in a repository when it is killed.
fn locks(repository: &Path) -> Vec<String> {
    let mut found = entries(repository);
    found.extend(entries(&repository.join("refs/heads")));
    found.retain(|entry| entry.ends_with(".lock") || entry.contains("guise-index"));
    found
}

/// Ids are different in each run, what they stand for is not.
fn named(thing: String, names: &[(String, String)]) -> String {
    let named = names
        .iter()
        .fold(thing, |thing, (id, name)| thing.replace(id.as_str(), name));
    without_digests(&named)
}

fn without_digests(text: &str) -> String {
    let parts = text.split_inclusive(|character: char| !character.is_ascii_hexdigit());
    parts
        .map(|part| {
            let word = part.trim_end_matches(|character: char| !character.is_ascii_hexdigit());
            if word.len() == 64 {
                part.replace(word, "an image")
            } else {
                part.to_string()
            }
        })
        .collect()
}
