//! A YAML document as a tree in which everything knows its place.

use crate::source::Span;
use serde_json::{Map, Number, Value as Json};

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// Its tag as written, unless it is one of YAML's own: `!include`.
    pub tag: Option<String>,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A single value. Its text is kept as written, because `8.10` is a version as often as a number.
    Scalar {
        /// The text, escapes undone.
        text: String,
        /// Whether it stood without quotes, so that it can mean a number, a truth value or nothing.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, in file order, without duplicates.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Entry {
    /// Whether it only holds an anchor: keys that start with a dot configure nothing (spec 0.2).
    pub fn is_hidden(&self) -> bool {
        self.key.text.starts_with('.')
    }
}

impl Node {
    /// Whether nothing is given: `key:` or `key: ~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a single value that is there.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// A truth value as YAML 1.1 has them, which is what the platform's own parser reads.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar { text, plain: true } => match text.as_str() {
                "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// An integer, also when it stood in quotes.
    pub fn as_integer(&self) -> Option<i64> {
        match &self.value {
            Value::Scalar { text, .. } => integer(text),
            _ => None,
        }
    }

    /// The entries of a mapping that configure something.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.all_entries().iter().filter(|entry| !entry.is_hidden())
    }

    /// The entries of a mapping, also those that start with a dot; none for anything else.
    pub fn all_entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key of a mapping; `None` also for a null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// A key of a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.all_entries().iter().find(|entry| entry.key.text == key)
    }

    /// What it is, as a person would say it.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { .. } if self.as_bool().is_some() => "a truth value",
            Value::Scalar { plain: true, text } if number(text).is_some() => "a number",
            Value::Scalar { .. } => "a text",
        }
    }

    /// The value as JSON; tags are lost, hidden keys left out.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(_) => Json::Object(self.to_json_map()),
            Value::Scalar { .. } if self.is_null() => Json::Null,
            Value::Scalar { text, plain: true } => match (self.as_bool(), number(text)) {
                (Some(truth), _) => Json::Bool(truth),
                (None, Some(number)) => Json::Number(number),
                (None, None) => Json::String(text.clone()),
            },
            Value::Scalar { text, .. } => Json::String(text.clone()),
        }
    }

    /// A mapping as a JSON object; empty for anything else.
    pub fn to_json_map(&self) -> Map<String, Json> {
        self.entries()
            .map(|entry| (entry.key.text.clone(), entry.value.to_json()))
            .collect()
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(integer) = integer(text) {
        return Some(integer.into());
    }
    let looks_decimal = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.contains(|c: char| c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    looks_decimal
        .then(|| text.parse().ok().and_then(Number::from_f64))
        .flatten()
}

/// An integer of YAML 1.1 or 1.2: decimal, `0x1f`, `0o17`, `017`.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let magnitude = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        i64::from_str_radix(octal, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    magnitude.ok().map(|value| if negative { -value } else { value })
}
