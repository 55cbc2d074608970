//! Scheduled commands (spec 1.10).

use super::Reader;
use crate::{cron_spec::CronSpec, diagnostic::Severity, fields::Fields, model::Cron, yaml::Entry};

const DAY: u64 = 24 * 60 * 60;

impl Reader<'_> {
    /// An app's crons; wrong ones are reported and left out.
    pub fn crons(&mut self, entries: &[&Entry]) -> Vec<Cron> {
        entries.iter().filter_map(|entry| self.cron(entry)).collect()
    }

    fn cron(&mut self, entry: &Entry) -> Option<Cron> {
        let known = ["spec", "commands", "cmd", "shutdown_timeout", "timeout"];
        let fields = Fields::read(&entry.value, "a cron", &known, Severity::Warning, self.report);
        let spec = fields.required_text("spec", self.report)?;
        if let (Err(reason), Some(node)) = (CronSpec::parse(&spec), fields.get("spec")) {
            let message = format!("`{spec}` is not a cron specification: {reason}");
            self.report
                .error("cron-spec", &node.span, message)
                .help("five fields: minute, hour, day, month, weekday; `H` is a fixed value chosen for you");
        }
        let (start, stop) = match fields.get("commands") {
            None if fields.get("cmd").is_some() => (fields.text("cmd", self.report), None),
            _ => self.start_and_stop(&fields),
        };
        let mut seconds = |key: &str, default| fields.number(key, self.report).unwrap_or(default);
        Some(Cron {
            name: entry.key.text.clone(),
            spec,
            start: start?,
            stop,
            shutdown_timeout: seconds("shutdown_timeout", 10),
            timeout: seconds("timeout", DAY).min(DAY),
        })
    }
}
