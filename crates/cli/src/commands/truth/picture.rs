//! A picture of which namespaces containers share: a row per namespace, a column per container and the machine.

use guise_api::{Namespace, Truth};
use std::collections::BTreeMap;

/// Columns between two names.
const GAP: usize = 3;
const LEGEND: &str = "○ a namespace of its own   ●──● one namespace, shared";

/// The picture's lines. Where the names do not fit into `width`, letters stand for them, with an explanation below.
pub(super) fn draw(containers: &[&Truth], width: Option<u16>) -> Vec<String> {
    let names: Vec<String> = std::iter::once("machine".to_owned())
        .chain(containers.iter().map(|container| container.name.clone()))
        .collect();
    let kinds = kinds(containers);
    let label = kinds
        .iter()
        .map(|(kind, hides)| heading(kind, hides).chars().count())
        .max()
        .unwrap_or(0);
    let needed = label + names.iter().map(|name| GAP + name.chars().count()).sum::<usize>();
    let fits = width.is_none_or(|width| needed <= usize::from(width));
    let shown: Vec<String> = if fits {
        names.clone()
    } else {
        (0..names.len()).map(letter).collect()
    };
    let canvas = Canvas::new(label, &shown);

    let mut lines = vec![canvas.names(&shown)];
    for (kind, hides) in &kinds {
        let mut text = heading(kind, hides);
        for group in groups(containers, kind) {
            lines.push(canvas.row(&text, &group));
            text.clear();
        }
    }
    lines.extend([String::new(), LEGEND.into()]);
    if !fits {
        lines.extend(
            shown
                .iter()
                .zip(&names)
                .map(|(letter, name)| format!("{letter}  {name}")),
        );
    }
    lines
}

/// What stands in one row.
#[derive(Debug, PartialEq, Eq)]
enum Group {
    /// Columns that each have a namespace of their own.
    Alone(Vec<usize>),
    /// Columns that are in one namespace.
    Together(Vec<usize>),
}

/// The rows of a kind: first all who share with nobody. Column 0 is the machine.
fn groups(containers: &[&Truth], kind: &str) -> Vec<Group> {
    let mut members: BTreeMap<Option<u64>, Vec<usize>> = BTreeMap::from([(None, vec![0])]);
    for (position, container) in containers.iter().enumerate() {
        let of_kind = |namespace: &&Namespace| namespace.kind == kind;
        if let Some(namespace) = container.namespaces.iter().find(of_kind) {
            let number = (!namespace.of_machine).then_some(namespace.number);
            members.entry(number).or_default().push(position + 1);
        }
    }
    let (mut alone, together): (Vec<_>, Vec<_>) =
        members.into_values().partition(|columns| columns.len() == 1);
    alone.sort_unstable();
    let alone = alone.concat();
    let alone = (!alone.is_empty()).then_some(Group::Alone(alone));
    alone
        .into_iter()
        .chain(together.into_iter().map(Group::Together))
        .collect()
}

/// The kinds in the daemon's order, with what they hide.
fn kinds(containers: &[&Truth]) -> Vec<(String, String)> {
    let mut kinds: Vec<(String, String)> = Vec::new();
    for namespace in containers.iter().flat_map(|container| &container.namespaces) {
        if !kinds.iter().any(|(kind, _)| *kind == namespace.kind) {
            kinds.push((namespace.kind.clone(), namespace.hides.clone()));
        }
    }
    kinds
}

fn heading(kind: &str, hides: &str) -> String {
    format!("{kind:<8}{hides}")
}

/// A, B, … Z, A1, B1, …
fn letter(column: usize) -> String {
    let (round, place) = (column / 26, (column % 26) as u8);
    let letter = char::from(b'A' + place);
    if round == 0 {
        letter.to_string()
    } else {
        format!("{letter}{round}")
    }
}

/// Where columns are.
struct Canvas {
    /// First character of each column.
    starts: Vec<usize>,
    /// Middle of each column, where its mark stands.
    middles: Vec<usize>,
}

impl Canvas {
    fn new(label: usize, names: &[String]) -> Self {
        let (mut starts, mut middles) = (Vec::new(), Vec::new());
        let mut next = label + GAP;
        for name in names {
            let length = name.chars().count();
            starts.push(next);
            middles.push(next + length.saturating_sub(1) / 2);
            next += length + GAP;
        }
        Self { starts, middles }
    }

    fn names(&self, names: &[String]) -> String {
        let mut line = String::new();
        for (start, name) in self.starts.iter().zip(names) {
            let missing = start - line.chars().count();
            line.extend(std::iter::repeat_n(' ', missing));
            line.push_str(name);
        }
        line
    }

    fn row(&self, heading: &str, group: &Group) -> String {
        let mut line: Vec<char> = heading.chars().collect();
        let (columns, mark, between) = match group {
            Group::Alone(columns) => (columns, '○', ' '),
            Group::Together(columns) => (columns, '●', '─'),
        };
        for (position, column) in columns.iter().enumerate() {
            let filling = if position == 0 { ' ' } else { between };
            line.resize(self.middles[*column], filling);
            line.push(mark);
        }
        line.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;
    use super::*;

    #[test]
    fn what_is_shared_is_joined_by_a_line() {
        let app = told("app", &[("user", 2), ("net", 3), ("time", 1)]);
        let worker = told("app--mail", &[("user", 4), ("net", 3), ("time", 1)]);
        let database = told("database", &[("user", 5), ("net", 6), ("time", 1)]);
        let lines = draw(&[&app, &worker, &database], Some(80)).join("\n");
        insta::assert_snapshot!(lines, @r"
                              machine   app   app--mail   database
        user    user things      ○       ○        ○          ○
        net     net things       ○                           ○
                                         ●────────●
        time    time things      ●───────●────────●──────────●

        ○ a namespace of its own   ●──● one namespace, shared
        ");
    }

    #[test]
    fn names_that_do_not_fit_become_letters() {
        let containers: Vec<Truth> = (0..30)
            .map(|number| told(&format!("service{number}"), &[("net", number + 2)]))
            .collect();
        let containers: Vec<&Truth> = containers.iter().collect();
        let lines = draw(&containers[..9], Some(80));
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert!(lines.contains(&"C  service1".to_owned()), "{lines:#?}");
        assert_eq!(letter(27), "B1");
    }
}
