//! Reading a mapping's keys: known ones by type, unknown ones reported.

use crate::{
    diagnostic::{Report, Severity},
    suggest::{listed, nearest},
    yaml::{Entry, Node, Value},
};
use guise_model::Name;
use std::collections::BTreeMap;

/// A mapping of which the keys are known.
pub struct Fields<'a> {
    node: &'a Node,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Reports keys that are not among `known` (as errors or warnings), and anything that is no mapping.
    /// `what` is what the mapping describes, with its article: `an app`.
    pub fn read(
        node: &'a Node,
        what: &'static str,
        known: &[&'static str],
        unknown: Severity,
        report: &mut Report,
    ) -> Self {
        if !matches!(node.value, Value::Mapping(_)) && !node.is_null() {
            report.error(
                "wrong-kind",
                &node.span,
                format!("{what} must be a mapping, not {}", node.kind()),
            );
        }
        for entry in node.entries().filter(|entry| !is_known(entry, known)) {
            let key = &entry.key;
            let finding = report.add(
                unknown,
                "unknown-key",
                Some(&key.span),
                format!("unknown key `{}`", key.text),
            );
            finding.label(format!("{what} has no such key"));
            finding.help(match nearest(&key.text, known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("the keys here are {}", listed(known.iter().copied())),
            });
        }
        Self { node, what }
    }

    /// A mapping of which the unknown keys are reported by another reader of it.
    pub fn checked_elsewhere(node: &'a Node, what: &'static str) -> Self {
        Self { node, what }
    }

    /// Whether it is a mapping at all.
    pub fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Mapping(_))
    }

    /// The whole mapping.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// A key's value, if it is there and not null.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key)
    }

    /// A text.
    pub fn text(&self, key: &str, report: &mut Report) -> Option<String> {
        let node = self.get(key)?;
        let text = node.as_text();
        if text.is_none() {
            self.wrong(key, node, "a text", report);
        }
        text.map(str::to_owned)
    }

    /// A text that must be there.
    pub fn required_text(&self, key: &str, report: &mut Report) -> Option<String> {
        if self.get(key).is_none() {
            let message = format!("{} needs the key `{key}`", self.what);
            report.error("missing-key", &self.node.span, message);
            return None;
        }
        self.text(key, report)
    }

    /// A truth value; the platform takes 0 and 1 for one, too.
    pub fn truth(&self, key: &str, report: &mut Report) -> Option<bool> {
        let node = self.get(key)?;
        let truth = node.as_bool().or_else(|| match node.as_integer()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        });
        if truth.is_none() {
            self.wrong(key, node, "`true` or `false`", report);
        }
        truth
    }

    /// A number that is not negative.
    pub fn number(&self, key: &str, report: &mut Report) -> Option<u64> {
        let node = self.get(key)?;
        let number = node.as_integer().and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            self.wrong(key, node, "a whole number", report);
        }
        number
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], report: &mut Report) -> Option<T> {
        let node = self.get(key)?;
        let chosen = node
            .as_text()
            .and_then(|text| choices.iter().find(|(word, _)| *word == text));
        if chosen.is_none() {
            let words = choices.iter().map(|(word, _)| *word);
            let help = match node.as_text().and_then(|text| nearest(text, words.clone())) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("the values are {}", listed(words)),
            };
            let finding = report.error("wrong-value", &node.span, format!("`{key}` has no such value"));
            finding.help(help);
        }
        chosen.map(|(_, value)| *value)
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts(&self, key: &str, report: &mut Report) -> Vec<String> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let items = match &node.value {
            Value::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match item.as_text() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(key, item, "a list of texts", report),
            }
        }
        texts
    }

    /// A mapping of texts.
    pub fn text_map(&self, key: &str, report: &mut Report) -> Option<BTreeMap<String, String>> {
        self.get(key)?;
        let mut map = BTreeMap::new();
        for entry in self.mapping(key, report) {
            match entry.value.as_text() {
                Some(text) => drop(map.insert(entry.key.text.clone(), text.to_owned())),
                None if entry.value.is_null() => drop(map.insert(entry.key.text.clone(), String::new())),
                None => self.wrong(&entry.key.text, &entry.value, "a text", report),
            }
        }
        Some(map)
    }

    /// The entries of a mapping; none when it is absent.
    pub fn mapping(&self, key: &str, report: &mut Report) -> Vec<&'a Entry> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        if !matches!(node.value, Value::Mapping(_)) && !is_empty_list(node) {
            self.wrong(key, node, "a mapping", report);
        }
        node.entries().collect()
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str, report: &mut Report) {
        let message = format!("`{key}` must be {wanted}, not {}", node.kind());
        report.error("wrong-kind", &node.span, message);
    }
}

/// Keys that start with `x-` are for other programs.
fn is_known(entry: &Entry, known: &[&str]) -> bool {
    known.contains(&entry.key.text.as_str()) || entry.key.text.starts_with("x-")
}

/// `[]` where a mapping belongs: written by programs of languages that know one empty collection only.
fn is_empty_list(node: &Node) -> bool {
    matches!(&node.value, Value::Sequence(items) if items.is_empty())
}

/// A name, or a report of what is allowed.
pub fn name(entry_text: &str, span: &crate::source::Span, what: &str, report: &mut Report) -> Option<Name> {
    match Name::new(entry_text) {
        Ok(name) => Some(name),
        Err(refusal) => {
            let finding = report.error(
                "bad-name",
                span,
                format!("`{entry_text}` cannot be the name of {what}"),
            );
            finding.help(format!("allowed are {}", refusal.allowed));
            None
        }
    }
}
