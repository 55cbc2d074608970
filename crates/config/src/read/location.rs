//! `web.locations` and their rules (spec 1.5).

use super::{Reader, duration};
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::{Expires, Location, Passthru, RequestBuffering, Rule},
    source::join,
    yaml::{Entry, Node},
};
use std::collections::BTreeMap;

pub const KEYS: [&str; 9] = [
    "root",
    "passthru",
    "index",
    "expires",
    "allow",
    "scripts",
    "headers",
    "request_buffering",
    "rules",
];
pub const RULE_KEYS: [&str; 5] = ["allow", "passthru", "expires", "scripts", "headers"];

impl Reader<'_> {
    /// A location; `None` when its path is wrong, which is reported.
    pub fn location(&mut self, entry: &Entry) -> Option<Location> {
        let path = &entry.key.text;
        if !path.starts_with('/') {
            let finding = self.report.error(
                "location-path",
                &entry.key.span,
                format!("the location `{path}` has no leading `/`"),
            );
            finding.help(format!("write `\"/{path}\"`"));
            return None;
        }
        if !self.is_one_line(path, &entry.key.span, "a location") {
            return None;
        }
        let fields = Fields::read(&entry.value, "a location", &KEYS, Severity::Warning, self.report);
        let rules = fields.get("rules").map(|node| {
            fields.mapping("rules", self.report);
            // A pattern may well begin with a dot: `.*\.css$`.
            node.all_entries()
                .iter()
                .filter_map(|entry| self.rule(entry))
                .collect()
        });
        Some(Location {
            path: path.clone(),
            root: self.root(&fields),
            passthru: self.passthru(&fields).unwrap_or(Passthru::No),
            index: self.index(&fields),
            expires: self.expires(&fields).unwrap_or(Expires::Never),
            allow: fields.truth("allow", self.report).unwrap_or(true),
            scripts: fields.truth("scripts", self.report).unwrap_or(true),
            headers: self.headers(&fields).unwrap_or_default(),
            request_buffering: self.request_buffering(&fields),
            rules: rules.unwrap_or_default(),
        })
    }

    fn rule(&mut self, entry: &Entry) -> Option<Rule> {
        let pattern = &entry.key.text;
        if !self.is_one_line(pattern, &entry.key.span, "a pattern") {
            return None;
        }
        if let Some(wrong) = unbalanced(pattern) {
            let message = format!("the pattern `{pattern}` is not a regular expression: {wrong}");
            self.report.error("bad-pattern", &entry.key.span, message);
            return None;
        }
        let fields = Fields::read(&entry.value, "a rule", &RULE_KEYS, Severity::Warning, self.report);
        Some(Rule {
            pattern: pattern.clone(),
            allow: fields.truth("allow", self.report),
            passthru: self.passthru(&fields),
            expires: self.expires(&fields),
            scripts: fields.truth("scripts", self.report),
            headers: self.headers(&fields),
        })
    }

    fn root(&mut self, fields: &Fields<'_>) -> Option<String> {
        let text = fields.text("root", self.report)?;
        let span = &fields.get("root")?.span;
        let root = join("", &text);
        if root.is_none() {
            self.report.error(
                "root-outside",
                span,
                format!("`{text}` leads out of the app's directory"),
            );
        }
        self.is_one_line(&text, span, "`root`").then_some(root?)
    }

    /// `passthru` of a location or rule, or of a legacy `web`.
    pub fn passthru(&mut self, fields: &Fields<'_>) -> Option<Passthru> {
        let node = fields.get("passthru")?;
        if let Some(truth) = node.as_bool() {
            return Some(if truth { Passthru::Yes } else { Passthru::No });
        }
        let text = fields.text("passthru", self.report)?;
        if !text.starts_with('/') {
            let message = format!("`{text}` is no URL path");
            let finding = self.report.error("wrong-value", &node.span, message);
            finding.help(format!(
                "`passthru` is `true`, `false` or the front controller's path: `/{text}`"
            ));
            return None;
        }
        let clean = self.is_one_line(&text, &node.span, "`passthru`");
        clean.then_some(Passthru::To(text))
    }

    fn index(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let mut files = fields.texts("index", self.report);
        if let Some(node) = fields.get("index") {
            files.retain(|file| self.is_one_line(file, &node.span, "`index`"));
        }
        files
    }

    /// `expires` of a location or rule, or of a legacy `web`.
    pub fn expires(&mut self, fields: &Fields<'_>) -> Option<Expires> {
        let node = fields.get("expires")?;
        let expires = node.as_text().and_then(duration::expires);
        if expires.is_none() {
            let finding = self
                .report
                .error("wrong-value", &node.span, "`expires` is not a duration");
            finding.help("write seconds, a number with one of `ms s m h d w M y` (`5m`), or `-1` for none");
        }
        expires
    }

    fn headers(&mut self, fields: &Fields<'_>) -> Option<BTreeMap<String, String>> {
        let mut headers = fields.text_map("headers", self.report)?;
        for entry in fields.get("headers").into_iter().flat_map(Node::entries) {
            let name = &entry.key.text;
            if !is_header_name(name) {
                self.report.error(
                    "header-name",
                    &entry.key.span,
                    format!("`{name}` is not a header's name"),
                );
                headers.remove(name);
            } else if !self.is_one_line(&headers[name].clone(), &entry.value.span, "a header") {
                headers.remove(name);
            }
        }
        Some(headers)
    }

    fn request_buffering(&mut self, fields: &Fields<'_>) -> RequestBuffering {
        let default = RequestBuffering::default();
        let Some(node) = fields.get("request_buffering") else {
            return default;
        };
        let known = ["enabled", "max_request_size"];
        let fields = Fields::read(
            node,
            "`request_buffering`",
            &known,
            Severity::Warning,
            self.report,
        );
        let size = fields
            .get("max_request_size")
            .map(|node| (node, node.as_text().and_then(duration::bytes)));
        if let Some((node, None)) = size {
            let finding = self
                .report
                .error("wrong-value", &node.span, "`max_request_size` is not a size");
            finding.help("write bytes, or a number with one of `k m g` (`250m`)");
        }
        RequestBuffering {
            enabled: fields.truth("enabled", self.report).unwrap_or(default.enabled),
            max_request_bytes: size
                .and_then(|(_, size)| size)
                .unwrap_or(default.max_request_bytes),
        }
    }
}

/// A token of RFC 9110, 5.6.2.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// What is plainly wrong with a pattern. Only what nginx would refuse to start with, and only the common slips:
/// PCRE itself judges the rest.
fn unbalanced(pattern: &str) -> Option<&'static str> {
    let is_empty = |class: &str| matches!(class, "[" | "[^");
    let (mut depth, mut in_class, mut escaped) = (0usize, None, false);
    for (index, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // The first `]` of a class, also after `^`, is an ordinary character.
            ']' if in_class.is_some_and(|start| !is_empty(&pattern[start..index])) => {
                in_class = None;
            }
            '[' if in_class.is_none() => in_class = Some(index),
            _ if in_class.is_some() => {}
            '(' => depth += 1,
            ')' if depth == 0 => return Some("a `)` without its `(`"),
            ')' => depth -= 1,
            _ => {}
        }
    }
    if escaped {
        Some("it ends in a `\\`")
    } else if in_class.is_some() {
        Some("a `[` without its `]`")
    } else if depth > 0 {
        Some("a `(` without its `)`")
    } else if pattern.starts_with(['*', '+', '?']) {
        Some("it begins with a repetition of nothing")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_in_patterns_are_found() {
        for good in [
            "",
            r"\.css$",
            "^/a(b|c)$",
            "[)(]",
            "[]a]x",
            "[^]a]",
            r"\(",
            "(?<year>[0-9]+)",
        ] {
            assert_eq!(unbalanced(good), None, "{good}");
        }
        for bad in ["*.css", "(a", "a)", "[a", r"a\", "[^]"] {
            assert!(unbalanced(bad).is_some(), "{bad}");
        }
    }
}
