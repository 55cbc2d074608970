//! `ps`: the processes of a container, as numbers or as ps(1) of the host shows them.

use crate::cgroup::CgroupError;
use crate::container::ContainerName;
use crate::state::{self, StateError};
use std::path::Path;
use std::process::Command;

/// Processes could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum PsError {
    /// The container.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// ps(1) could not be run.
    #[error("running ps {}: {source}", arguments.join(" "))]
    Run {
        /// Its arguments.
        arguments: Vec<String>,
        /// Why.
        source: std::io::Error,
    },
    /// Its table has no numbers of processes.
    #[error("ps {} shows no column PID to find the container's processes by", arguments.join(" "))]
    NoNumbers {
        /// Its arguments.
        arguments: Vec<String>,
    },
}

/// Prints the numbers of a container's processes as a JSON array.
///
/// # Errors
/// [`PsError`].
pub fn numbers(root: &Path, id: &ContainerName) -> Result<(), PsError> {
    let processes = state::load(root, id)?.cgroup.processes()?;
    println!("{}", serde_json::json!(processes));
    Ok(())
}

/// Prints the lines of `ps ARGUMENTS` (`-ef` if there are none) that are about a container's processes.
///
/// # Errors
/// [`PsError`].
pub fn table(root: &Path, id: &ContainerName, arguments: &[String]) -> Result<(), PsError> {
    let processes = state::load(root, id)?.cgroup.processes()?;
    let arguments = if arguments.is_empty() {
        vec!["-ef".to_owned()]
    } else {
        arguments.to_vec()
    };
    let output = Command::new("ps").args(&arguments).output();
    let output = output.map_err(|source| PsError::Run {
        arguments: arguments.clone(),
        source,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = select(&text, &processes).ok_or(PsError::NoNumbers { arguments })?;
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// The head of ps's table and the lines of `processes`.
fn select<'a>(table: &'a str, processes: &[i32]) -> Option<Vec<&'a str>> {
    let mut lines = table.lines();
    let head = lines.next()?;
    let column = head.split_whitespace().position(|name| name == "PID")?;
    let of_container = |line: &&str| {
        let number = line
            .split_whitespace()
            .nth(column)
            .and_then(|text| text.parse().ok());
        number.is_some_and(|number: i32| processes.contains(&number))
    };
    Some(std::iter::once(head).chain(lines.filter(of_container)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_chosen_by_the_column_of_numbers() {
        let table = "UID PID CMD\nroot 7 sh\nroot 70 sh 7\n";
        assert_eq!(select(table, &[7]), Some(vec!["UID PID CMD", "root 7 sh"]));
        assert_eq!(select("CMD\nsh\n", &[7]), None);
    }
}
