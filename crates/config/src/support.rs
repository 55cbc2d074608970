//! What guise understands but does not do yet. Each row is refused where it is written; a row goes when guise
//! learns what it names.

use crate::{
    diagnostic::Report,
    yaml::{Entry, Node, Value},
};

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
    /// It is this text.
    Is(&'static str),
}

struct Row {
    part: Part,
    /// Keys from the part down; `*` for any.
    path: &'static [&'static str],
    when: When,
    what: &'static str,
}

const fn row(part: Part, path: &'static [&'static str], when: When, what: &'static str) -> Row {
    Row {
        part,
        path,
        when,
        what,
    }
}

const NOT_YET: &[Row] = &[
    row(Part::App, &["crons"], When::Given, "scheduled commands"),
    row(
        Part::App,
        &["source", "operations"],
        When::Given,
        "source operations",
    ),
    row(Part::App, &["operations"], When::Given, "runtime operations"),
    row(Part::App, &["firewall"], When::Given, "outbound rules"),
    row(Part::App, &["web", "firewall"], When::Given, "outbound rules"),
    row(
        Part::App,
        &["workers", "*", "firewall"],
        When::Given,
        "outbound rules",
    ),
    row(Part::App, &["stack"], When::Given, "composable images"),
    row(Part::App, &["build", "caches"], When::Given, "build caches"),
    row(
        Part::App,
        &["mounts", "*", "source"],
        When::Is("service"),
        "network storage",
    ),
    row(
        Part::App,
        &["web", "mounts", "*", "source"],
        When::Is("service"),
        "network storage",
    ),
    row(
        Part::App,
        &["workers", "*", "mounts", "*", "source"],
        When::Is("service"),
        "network storage",
    ),
    row(Part::Service, &["firewall"], When::Given, "outbound rules"),
    row(Part::Route, &["type"], When::Is("proxy"), "routes to other sites"),
    row(
        Part::Route,
        &["redirects"],
        When::Given,
        "redirects of single paths",
    ),
    row(Part::Route, &["tls"], When::Given, "TLS settings"),
    row(Part::Route, &["ssi"], When::True, "server-side includes"),
    row(
        Part::Route,
        &["ssi", "enabled"],
        When::True,
        "server-side includes",
    ),
    row(Part::Route, &["sticky"], When::True, "sticky sessions"),
    row(Part::Route, &["sticky", "enabled"], When::True, "sticky sessions"),
];

/// Reports everything in a part that guise does not do yet.
pub fn check(part: Part, node: &Node, report: &mut Report) {
    for row in NOT_YET.iter().filter(|row| row.part == part) {
        visit(node, row.path, &mut |entry| {
            if row.when.applies(&entry.value) {
                let written = match row.when {
                    When::Is(text) => format!("{}: {text}", entry.key.text),
                    When::Given | When::True => row.path.join("."),
                };
                let message = format!("not supported yet: `{written}` ({})", row.what);
                let finding = report.error("not-supported-yet", &entry.key.span, message);
                finding.help("take it out to deploy the project without it");
            }
        });
    }
}

impl When {
    fn applies(&self, node: &Node) -> bool {
        match self {
            Self::True => node.as_bool() == Some(true),
            Self::Is(text) => node.as_text() == Some(text),
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
