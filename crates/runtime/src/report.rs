//! How errors reach people and other programs.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// What a command was doing, and to what.
#[derive(Debug)]
pub struct Failure {
    /// `create`, `exec`, …
    pub operation: &'static str,
    /// The container, or nothing.
    pub object: String,
    /// Why it failed.
    pub cause: Box<dyn Error>,
}

impl Failure {
    /// To a person: `guise runtime: create shop: …` on standard error. To a program, in `log` or else on standard error: a line as runc
    /// writes it, `time="…" level=error msg="…"` or the same as JSON.
    pub fn tell(&self, log: Option<&Path>, json: bool) {
        let message = self.message();
        let line = line(&message, json);
        match log {
            // An unwritable log must not hide the error itself, which is told all the same.
            Some(log) => drop(append(log, &line)),
            None if !std::io::stderr().is_terminal() => return eprintln!("{line}"),
            None => {}
        }
        eprintln!("guise runtime: {message}");
    }

    fn message(&self) -> String {
        let object = if self.object.is_empty() {
            String::new()
        } else {
            format!(" {}", self.object)
        };
        format!("{}{object}: {}", self.operation, self.cause)
    }
}

/// Says on standard error what went wrong without making the command fail.
pub fn warn(message: &str) {
    eprintln!("time={:?} level=warning msg={message:?}", crate::clock::now());
}

fn line(message: &str, json: bool) -> String {
    let time = crate::clock::now();
    if json {
        serde_json::json!({ "level": "error", "msg": message, "time": time }).to_string()
    } else {
        format!("time={time:?} level=error msg={message:?}")
    }
}

fn append(log: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    writeln!(file, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_operation_object_and_cause() {
        let failure = Failure {
            operation: "start",
            object: "shop".into(),
            cause: "no such program".into(),
        };
        assert_eq!(failure.message(), "start shop: no such program");
        let line: serde_json::Value = serde_json::from_str(&line("a \"b\"\n", true)).unwrap();
        assert_eq!(line["level"], "error");
        assert_eq!(line["msg"], "a \"b\"\n");
    }
}
