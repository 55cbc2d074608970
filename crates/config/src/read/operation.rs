//! Commands that people start: runtime and source operations (spec 1.15).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::{Operation, Role, SourceOperation},
    yaml::{Entry, Node},
};

const DAY: u64 = 24 * 60 * 60;

/// Roles, least first.
pub const ROLES: [(&str, Role); 3] = [
    ("viewer", Role::Viewer),
    ("contributor", Role::Contributor),
    ("admin", Role::Admin),
];

impl Reader<'_> {
    /// An app's runtime operations; wrong ones are reported and left out.
    pub fn operations(&mut self, fields: &Fields<'_>) -> Vec<Operation> {
        let entries = fields.mapping("operations", self.report);
        entries
            .into_iter()
            .filter_map(|entry| self.operation(entry))
            .collect()
    }

    fn operation(&mut self, entry: &Entry) -> Option<Operation> {
        let known = ["commands", "timeout", "role"];
        let fields = Fields::read(
            &entry.value,
            "an operation",
            &known,
            Severity::Warning,
            self.report,
        );
        let (start, stop) = self.start_and_stop(&fields);
        Some(Operation {
            name: entry.key.text.clone(),
            start: start?,
            stop,
            timeout: fields.number("timeout", self.report).unwrap_or(DAY).min(DAY),
            role: fields
                .choice("role", &ROLES, self.report)
                .unwrap_or(Role::Contributor),
        })
    }

    /// `commands: {start, stop}` of what is run on demand or in time; `start` must be there.
    pub fn start_and_stop(&mut self, fields: &Fields<'_>) -> (Option<String>, Option<String>) {
        let Some(node) = fields.get("commands") else {
            return (fields.required_text("commands", self.report), None);
        };
        let known = ["start", "stop"];
        let commands = Fields::read(node, "`commands`", &known, Severity::Warning, self.report);
        let start = commands.required_text("start", self.report);
        (start, commands.text("stop", self.report))
    }

    /// `source.operations`; wrong ones are reported and left out.
    pub fn source_operations(&mut self, source: Option<&Node>) -> Vec<SourceOperation> {
        let Some(source) = source else {
            return Vec::new();
        };
        let entries = Fields::checked_elsewhere(source, "`source`").mapping("operations", self.report);
        entries
            .into_iter()
            .filter_map(|entry| self.source_operation(entry))
            .collect()
    }

    fn source_operation(&mut self, entry: &Entry) -> Option<SourceOperation> {
        let what = "a source operation";
        let fields = Fields::read(&entry.value, what, &["command"], Severity::Warning, self.report);
        Some(SourceOperation {
            name: entry.key.text.clone(),
            command: fields.required_text("command", self.report)?,
        })
    }
}
