//! After how long without a visitor an environment sleeps.

use crate::store::EnvironmentType;
use serde::Deserialize;
use std::{fmt, str::FromStr, time::Duration};

/// A time, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SleepAfter(pub Option<Duration>);

/// What is no such time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is off, or a number with s, m, h or d: 30m")]
pub struct NoSleepAfter;

/// For environments that have no setting of their own, by their type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SleepDefaults {
    /// For production.
    pub production: SleepAfter,
    /// For staging.
    pub staging: SleepAfter,
    /// For development.
    pub development: SleepAfter,
}

impl Default for SleepDefaults {
    fn default() -> Self {
        let hours = |hours: u64| SleepAfter(Some(Duration::from_secs(hours * 60 * 60)));
        Self {
            production: SleepAfter(None),
            staging: hours(8),
            development: hours(2),
        }
    }
}

impl SleepDefaults {
    pub(crate) fn of(&self, kind: EnvironmentType) -> SleepAfter {
        match kind {
            EnvironmentType::Production => self.production,
            EnvironmentType::Staging => self.staging,
            EnvironmentType::Development => self.development,
        }
    }
}

impl FromStr for SleepAfter {
    type Err = NoSleepAfter;

    fn from_str(text: &str) -> Result<Self, NoSleepAfter> {
        if text == "off" {
            return Ok(Self(None));
        }
        let unit = text.chars().last().ok_or(NoSleepAfter)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(NoSleepAfter),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| NoSleepAfter)?;
        let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
        Ok(Self(Some(Duration::from_secs(seconds.ok_or(NoSleepAfter)?))))
    }
}

impl TryFrom<String> for SleepAfter {
    type Error = NoSleepAfter;

    fn try_from(text: String) -> Result<Self, NoSleepAfter> {
        text.parse()
    }
}

impl fmt::Display for SleepAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(time) = self.0 else {
            return f.write_str("off");
        };
        let seconds = time.as_secs();
        let units = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')];
        let unit = units
            .into_iter()
            .find(|(length, _)| seconds.is_multiple_of(*length));
        let (length, unit) = unit.unwrap_or((1, 's'));
        write!(f, "{}{unit}", seconds / length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_shown_alike() {
        for text in ["off", "90s", "30m", "2h", "7d"] {
            assert_eq!(text.parse::<SleepAfter>().unwrap().to_string(), text);
        }
        assert_eq!("120m".parse::<SleepAfter>().unwrap().to_string(), "2h");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "0m",
            "m",
            "30",
            "-1h",
            "1.5h",
            "99999999999999999999d",
            "3ä",
            "on",
        ] {
            assert_eq!(text.parse::<SleepAfter>(), Err(NoSleepAfter), "{text}");
        }
    }

    #[test]
    fn production_does_not_sleep_unless_somebody_says_so() {
        assert_eq!(
            SleepDefaults::default().of(EnvironmentType::Production),
            SleepAfter(None)
        );
    }
}
