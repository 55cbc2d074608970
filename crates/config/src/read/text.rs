//! Texts that later become part of other files: what cannot stand in one line is refused here.

use super::Reader;
use crate::source::Span;

impl Reader<'_> {
    /// Whether a text has no control characters; else it is reported.
    pub fn is_one_line(&mut self, text: &str, span: &Span, what: &str) -> bool {
        let clean = !text.chars().any(char::is_control);
        if !clean {
            self.report.error(
                "control-character",
                span,
                format!("{what} must not hold control characters"),
            );
        }
        clean
    }
}
