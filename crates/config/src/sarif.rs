//! Findings as SARIF, which code hosts show beside the lines of a change
//! (Static Analysis Results Interchange Format 2.1.0, OASIS).

use crate::{
    diagnostic::{Diagnostic, Label, Severity},
    source::Span,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All findings as one SARIF log with one run. `version` is that of the program that found them.
pub fn sarif(findings: &[Diagnostic], version: &str) -> Value {
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.code).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "guise",
                "version": version,
                "rules": rules.into_iter().map(|code| json!({"id": code})).collect::<Vec<_>>(),
            }},
            // `Span::position` counts characters.
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Diagnostic) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{} ({help})", finding.message),
        None => finding.message.clone(),
    };
    let (first, others) = match finding.labels.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[][..]),
    };
    json!({
        "ruleId": finding.code,
        "level": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": {"text": text},
        "locations": first.map(location).into_iter().collect::<Vec<_>>(),
        "relatedLocations": others.iter().map(location).collect::<Vec<_>>(),
    })
}

fn location(label: &Label) -> Value {
    let (line, column) = label.span.position();
    let (end_line, end_column) = end(&label.span);
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&label.span.file.path), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
    }});
    if !label.text.is_empty() {
        location["message"] = json!({"text": label.text});
    }
    location
}

/// Line and column after the last character.
fn end(span: &Span) -> (usize, usize) {
    let after = Span {
        file: span.file.clone(),
        range: span.range.end..span.range.end,
    };
    after.position()
}

/// A path as a relative URI reference (RFC 3986): a file's name may hold anything.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use std::sync::Arc;

    #[test]
    fn a_finding_keeps_its_places_and_its_help() {
        let file = Arc::new(SourceFile {
            path: "my app/.platform.app.yaml".into(),
            text: "name: ü\ntypo: 1\n".into(),
        });
        let start = file.text.find("typo").unwrap_or_default();
        let place = |range| Label {
            span: Span {
                file: Arc::clone(&file),
                range,
            },
            text: "here".into(),
        };
        let finding = Diagnostic {
            severity: Severity::Error,
            code: "unknown-key",
            message: "unknown key `typo`".into(),
            labels: vec![place(start..start + 4), place(6..8)],
            help: Some("did you mean `type`?".into()),
        };
        let log = sarif(&[finding], "1.2.3");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(
            result["message"]["text"],
            "unknown key `typo` (did you mean `type`?)"
        );
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "my%20app/.platform.app.yaml");
        assert_eq!(
            physical["region"],
            json!({"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5})
        );
        let related = &result["relatedLocations"][0]["physicalLocation"]["region"];
        assert_eq!(
            related,
            &json!({"startLine": 1, "startColumn": 7, "endLine": 1, "endColumn": 8})
        );
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["id"], "unknown-key");
    }

    #[test]
    fn a_finding_without_a_file_has_no_place() {
        let finding = Diagnostic {
            severity: Severity::Error,
            code: "no-app",
            message: "no app is configured".into(),
            labels: Vec::new(),
            help: None,
        };
        assert_eq!(
            sarif(&[finding], "1")["runs"][0]["results"][0]["locations"],
            json!([])
        );
    }
}
