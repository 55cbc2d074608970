//! Attempts that have failed, and when the next may be: authorities refuse who asks too often.

use anyhow::{Context, Result};
use guise_certificate::{CertificateError, Issued};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const NOTE: &str = "attempts";
const MINUTE: u64 = 60;
/// How long to wait after the first failure in a row, the second, and so on, in seconds. An attempt proves twice, and
/// Let's Encrypt allows five failures for a host in an hour.
const WAITS: [u64; 5] = [
    10 * MINUTE,
    60 * MINUTE,
    180 * MINUTE,
    720 * MINUTE,
    1440 * MINUTE,
];

/// Failures by host.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Attempts(BTreeMap<String, Failure>);

#[derive(Debug, Serialize, Deserialize)]
struct Failure {
    /// In a row.
    count: usize,
    /// Seconds since 1970.
    at: u64,
    reason: String,
}

impl Attempts {
    /// As they were kept.
    pub fn read(issued: &Issued) -> Result<Self> {
        match issued.note(NOTE)? {
            Some(text) => serde_json::from_str(&text).context("reading what was tried with the authority"),
            None => Ok(Self::default()),
        }
    }

    /// Before when a host is not tried.
    pub fn not_before(&self, host: &str) -> SystemTime {
        self.0.get(host).map_or(UNIX_EPOCH, Failure::next)
    }

    /// What is wrong with a host.
    pub fn problem(&self, host: &str) -> Option<String> {
        let failure = self.0.get(host)?;
        let wait = failure
            .next()
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let minutes = wait.as_secs().div_ceil(MINUTE);
        Some(format!("{}; tried again in {minutes} min", failure.reason))
    }

    /// A host was refused.
    pub fn failed(&mut self, host: &str, reason: String, issued: &Issued) -> Result<(), CertificateError> {
        let count = self.0.get(host).map_or(1, |failure| failure.count + 1);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = at.as_secs();
        self.0.insert(host.into(), Failure { count, at, reason });
        self.keep(issued)
    }

    /// A host has its certificate.
    pub fn succeeded(&mut self, host: &str, issued: &Issued) -> Result<(), CertificateError> {
        match self.0.remove(host) {
            Some(_) => self.keep(issued),
            None => Ok(()),
        }
    }

    fn keep(&self, issued: &Issued) -> Result<(), CertificateError> {
        issued.keep_note(NOTE, &serde_json::json!(self).to_string())
    }
}

impl Failure {
    fn next(&self) -> SystemTime {
        let step = self.count.clamp(1, WAITS.len()) - 1;
        UNIX_EPOCH + Duration::from_secs(self.at.saturating_add(WAITS[step]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_wait_longer_and_longer_and_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let issued = Issued::at(directory.path());
        let mut attempts = Attempts::read(&issued).unwrap();
        let wait = |attempts: &Attempts| {
            let next = attempts.not_before("a.test");
            next.duration_since(SystemTime::now())
                .unwrap()
                .as_secs()
                .div_ceil(MINUTE)
        };
        for minutes in [10, 60, 180, 720, 1440, 1440] {
            attempts.failed("a.test", "no".into(), &issued).unwrap();
            attempts = Attempts::read(&issued).unwrap();
            assert_eq!(wait(&attempts), minutes);
        }
        assert_eq!(attempts.problem("a.test").unwrap(), "no; tried again in 1440 min");
        attempts.succeeded("a.test", &issued).unwrap();
        assert_eq!(Attempts::read(&issued).unwrap().problem("a.test"), None);
        assert_eq!(attempts.not_before("b.test"), UNIX_EPOCH);
    }
}
