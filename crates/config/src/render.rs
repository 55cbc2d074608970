//! Findings as people read them: the file's line, the place marked, what to do.

use crate::diagnostic::{Diagnostic, Label, Severity};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Whether the output may hold terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// For logs and git's `remote:` lines.
    Never,
    /// For terminals.
    Always,
}

/// All findings, one below the other, with an empty line between them and a line break at the end.
pub fn render(findings: &[Diagnostic], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let texts = findings.iter().map(|finding| {
        let text = renderer.render(&[group(finding)]);
        // Trailing blanks of empty source lines only make trouble in logs.
        text.lines()
            .map(str::trim_end)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn group(finding: &Diagnostic) -> Group<'_> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(finding.message.as_str()).id(finding.code);
    let mut group = Group::with_title(title);
    for (index, labels) in by_file(&finding.labels).into_iter().enumerate() {
        group = group.element(snippet(&labels, index == 0));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

/// Labels of one file are shown in one excerpt.
fn by_file(labels: &[Label]) -> Vec<Vec<&Label>> {
    let mut files: Vec<Vec<&Label>> = Vec::new();
    for label in labels {
        match files
            .iter_mut()
            .find(|known| known[0].span.file == label.span.file)
        {
            Some(known) => known.push(label),
            None => files.push(vec![label]),
        }
    }
    files
}

fn snippet<'a>(
    labels: &[&'a Label],
    holds_the_place: bool,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let file = &labels[0].span.file;
    let snippet = Snippet::source(file.text.as_str()).path(file.path.as_str());
    snippet.annotations(labels.iter().enumerate().map(|(index, label)| {
        let kind = if holds_the_place && index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let annotation = kind.span(first_line(label));
        if label.text.is_empty() {
            annotation
        } else {
            annotation.label(label.text.as_str())
        }
    }))
}

/// The part of a place on its first line: a whole block marked over many lines hides more than it shows.
fn first_line(label: &Label) -> std::ops::Range<usize> {
    let range = label.span.range.clone();
    let text = &label.span.file.text[range.clone()];
    let length = text.find(['\n', '\r']).unwrap_or(text.len());
    range.start..range.start + text[..length].trim_end().len()
}
