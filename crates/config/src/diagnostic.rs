//! What is wrong, where, and what a person can do about it.

use crate::source::Span;
use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The commit is refused.
    Error,
    /// The commit is taken; a person should know.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of its kind, for machines and search engines: `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; the first is the place itself, the others explain it. Empty when there is no file to point at.
    pub labels: Vec<Label>,
    /// What to do, or what is allowed.
    pub help: Option<String>,
}

/// A marked place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is said about it; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// The finding for machines: lines and columns count from 1, offsets are bytes.
    pub fn to_json(&self) -> Value {
        let labels = self.labels.iter().map(|label| {
            let (line, column) = label.span.position();
            json!({
                "file": label.span.file.path,
                "line": line,
                "column": column,
                "start": label.span.range.start,
                "end": label.span.range.end,
                "text": label.text,
            })
        });
        json!({
            "severity": match self.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "code": self.code,
            "message": self.message,
            "labels": labels.collect::<Vec<_>>(),
            "help": self.help,
        })
    }

    /// File and byte of its first place; findings without one come first.
    fn place(&self) -> Option<(&str, usize)> {
        let first = self.labels.first()?;
        Some((first.span.file.path.as_str(), first.span.range.start))
    }

    /// Says more about the marked place.
    pub fn label(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Marks another place that explains the first.
    pub fn also(&mut self, span: &Span, text: impl Into<String>) -> &mut Self {
        self.labels.push(Label {
            span: span.clone(),
            text: text.into(),
        });
        self
    }

    /// Says what to do.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }
}

/// Most findings that are told at once. A file can be wrong in ten thousand places.
const MOST: usize = 200;

/// Findings as they are gathered.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Diagnostic>,
}

impl Report {
    /// Adds an error.
    pub fn error(&mut self, code: &'static str, span: &Span, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, code, Some(span), message.into())
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        code: &'static str,
        span: &Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, code, Some(span), message.into())
    }

    /// Adds an error that no file can be blamed for.
    pub fn error_nowhere(&mut self, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, code, None, message.into())
    }

    /// Adds a finding.
    pub fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Option<&Span>,
        message: String,
    ) -> &mut Diagnostic {
        let labels = span
            .map(|span| Label {
                span: span.clone(),
                text: String::new(),
            })
            .into_iter()
            .collect();
        self.findings.push(Diagnostic {
            severity,
            code,
            message,
            labels,
            help: None,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// All findings in the order of files and lines, each once: what stands behind an anchor is read once per use. Of
    /// very many, the first errors.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut findings = self.findings;
        findings.sort_by(|a, b| a.place().cmp(&b.place()));
        let mut known: Vec<Diagnostic> = Vec::new();
        for finding in findings {
            let here = known
                .iter()
                .rev()
                .take_while(|other| other.place() == finding.place());
            if !here.into_iter().any(|other| *other == finding) {
                known.push(finding);
            }
        }
        shortened(known)
    }
}

fn shortened(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if findings.len() <= MOST {
        return findings;
    }
    let mut severity = Severity::Warning;
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        severity = Severity::Error;
        findings.retain(|finding| finding.severity == severity);
    }
    let more = findings.len().saturating_sub(MOST);
    findings.truncate(MOST);
    if more > 0 {
        findings.push(Diagnostic {
            severity,
            code: "too-many-findings",
            message: format!("and {more} more"),
            labels: Vec::new(),
            help: None,
        });
    }
    findings
}
