//! What guise understands but does not do yet. Each row is reported where it is written; a row goes when guise
//! learns what it names.

use crate::{
    diagnostic::Report,
    yaml::{Entry, Node, Value},
};

use Part::{App, Route, Service};
use When::{Given, True};

/// What a row's path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    App,
    Service,
    Route,
}

/// When a row applies to the value found.
enum When {
    /// It says anything: not nothing, not an empty mapping, not `false`.
    Given,
    /// It is `true`.
    True,
}

struct Row {
    part: Part,
    /// Keys from the part down, with dots between; `*` for any.
    path: &'static str,
    when: When,
    what: &'static str,
}

const fn row(part: Part, path: &'static str, when: When, what: &'static str) -> Row {
    Row {
        part,
        path,
        when,
        what,
    }
}

const NOT_YET: &[Row] = &[
    row(App, "stack", Given, "composable images"),
    row(Service, "firewall", Given, "outbound rules"),
    row(Route, "ssi", True, "server-side includes"),
    row(Route, "ssi.enabled", True, "server-side includes"),
    row(Route, "sticky", True, "sticky sessions"),
    row(Route, "sticky.enabled", True, "sticky sessions"),
];

/// Reports everything in a part that guise does not do yet.
pub fn check(part: Part, node: &Node, report: &mut Report) {
    for row in NOT_YET.iter().filter(|row| row.part == part) {
        let keys: Vec<&str> = row.path.split('.').collect();
        visit(node, &keys, &mut |entry| {
            if row.when.applies(&entry.value) {
                row.report(entry, report);
            }
        });
    }
}

impl Row {
    fn report(&self, entry: &Entry, report: &mut Report) {
        let message = format!("not supported yet: `{}` ({})", self.path, self.what);
        report
            .error("not-supported-yet", &entry.key.span, message)
            .help("take it out to deploy the project without it");
    }
}

impl When {
    fn applies(&self, node: &Node) -> bool {
        match self {
            Self::True => node.as_bool() == Some(true),
            Self::Given => match &node.value {
                Value::Scalar { .. } => !node.is_null() && node.as_bool() != Some(false),
                Value::Sequence(items) => !items.is_empty(),
                Value::Mapping(_) => node.entries().next().is_some(),
            },
        }
    }
}

fn visit(node: &Node, path: &[&str], found: &mut dyn FnMut(&Entry)) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    for entry in node
        .entries()
        .filter(|entry| *key == "*" || entry.key.text == *key)
    {
        match rest {
            [] => found(entry),
            _ => visit(&entry.value, rest, found),
        }
    }
}
