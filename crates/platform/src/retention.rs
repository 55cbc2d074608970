//! How often an environment is backed up by itself, and for how long such a backup is kept: pure functions of time.

use crate::store::{BackupRecord, BackupStatus};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde::Deserialize;

/// How many automated backups are kept of each period; none of a period is made for when its number is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// One per hour, for so many hours.
    pub hourly: u32,
    /// One per day, for so many days.
    pub daily: u32,
    /// One per week, for so many weeks.
    pub weekly: u32,
    /// One per month, for so many months.
    pub monthly: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            hourly: 0,
            daily: 7,
            weekly: 4,
            monthly: 3,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Period {
    Hour,
    Day,
    Week,
    Month,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

impl Period {
    /// The number of the period that a moment lies in. Days, weeks and months begin at 04:00 in the project's time zone,
    /// when the fewest people are awake (spec 5.4); weeks on Mondays.
    fn number(self, moment: Timestamp, zone: &TimeZone) -> i64 {
        let date = (zone.to_datetime(moment) - SignedDuration::from_hours(4)).date();
        let days = date.duration_since(civil::date(1970, 1, 1)).as_secs() / DAY;
        match self {
            Self::Hour => moment.as_second().div_euclid(HOUR),
            Self::Day => days,
            // 1970 began on a Thursday.
            Self::Week => (days + 3).div_euclid(7),
            Self::Month => i64::from(date.year()) * 12 + i64::from(date.month()),
        }
    }

    fn longest(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
        })
    }
}

impl Retention {
    fn periods(self) -> impl Iterator<Item = (Period, u32)> {
        let all = [
            (Period::Hour, self.hourly),
            (Period::Day, self.daily),
            (Period::Week, self.weekly),
            (Period::Month, self.monthly),
        ];
        all.into_iter().filter(|(_, count)| *count > 0)
    }

    /// Whether a backup is due: whether a period has begun since the last one.
    pub(crate) fn is_due(self, last: Timestamp, now: Timestamp, zone: &TimeZone) -> bool {
        self.periods()
            .any(|(period, _)| period.number(last, zone) < period.number(now, zone))
    }

    /// When a backup made now may be deleted: it is kept for the longest of the periods whose first one it is.
    pub(crate) fn expires(self, last: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let first = self.periods().filter(|(period, _)| {
            last.is_none_or(|last| period.number(last, zone) < period.number(now, zone))
        });
        let ends = first.map(|(period, count)| {
            let kept = period
                .longest()
                .saturating_mul(i32::try_from(count).unwrap_or(i32::MAX));
            now.saturating_add(kept).unwrap_or(Timestamp::MAX)
        });
        ends.max().unwrap_or(now)
    }
}

/// Which of an environment's backups may be deleted: automated ones whose time has come, but never the newest that
/// is complete, lest a daemon that was off for long begin by deleting everything.
pub(crate) fn expired(newest_first: &[BackupRecord], now: Timestamp) -> Vec<&BackupRecord> {
    let automated = newest_first
        .iter()
        .filter(|backup| backup.automated && backup.status == BackupStatus::Created);
    automated
        .skip(1)
        .filter(|backup| {
            let expires = backup.expires_at.as_deref().and_then(|time| time.parse().ok());
            expires.is_some_and(|expires: Timestamp| expires <= now)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::backup_for_tests;
    use guise_model::ProjectId;
    use proptest::prelude::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_four() {
        let retention = Retention::default();
        assert!(!retention.is_due(
            at("2026-11-24T04:00:00Z"),
            at("2026-11-25T03:59:59Z"),
            &TimeZone::UTC
        ));
        assert!(retention.is_due(
            at("2026-11-24T04:00:00Z"),
            at("2026-11-25T04:00:00Z"),
            &TimeZone::UTC
        ));
        assert!(retention.is_due(
            at("2026-11-24T03:59:00Z"),
            at("2026-11-24T04:00:00Z"),
            &TimeZone::UTC
        ));
        // A clock that was set back makes nothing due.
        assert!(!retention.is_due(
            at("2026-11-24T04:00:00Z"),
            at("2026-11-01T00:00:00Z"),
            &TimeZone::UTC
        ));
    }

    #[test]
    fn a_day_begins_where_the_project_is() {
        let retention = Retention::default();
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        // 19:00 in UTC is 04:00 in Tokyo.
        assert!(!retention.is_due(at("2026-11-24T19:00:00Z"), at("2026-11-25T18:59:59Z"), &zone));
        assert!(retention.is_due(at("2026-11-24T18:59:00Z"), at("2026-11-24T19:00:00Z"), &zone));
    }

    #[test]
    fn the_first_backup_of_a_month_is_kept_for_months_and_the_next_one_for_days() {
        let retention = Retention::default();
        let tuesday = at("2026-12-01T04:00:00Z");
        let expires = |last: &str| retention.expires(Some(at(last)), tuesday, &TimeZone::UTC);
        assert_eq!(
            expires("2026-11-30T04:00:00Z"),
            tuesday + SignedDuration::from_hours(3 * 31 * 24)
        );
        let wednesday = at("2026-12-02T04:00:00Z");
        assert_eq!(
            retention.expires(Some(tuesday), wednesday, &TimeZone::UTC),
            wednesday + SignedDuration::from_hours(7 * 24)
        );
        // 7 December 2026 is a Monday.
        let monday = at("2026-12-07T04:00:00Z");
        assert_eq!(
            retention.expires(Some(at("2026-12-06T04:00:00Z")), monday, &TimeZone::UTC),
            monday + SignedDuration::from_hours(4 * 7 * 24)
        );
    }

    #[test]
    fn no_number_means_no_automated_backup() {
        let never = Retention {
            hourly: 0,
            daily: 0,
            weekly: 0,
            monthly: 0,
        };
        assert!(!never.is_due(
            at("2000-01-01T00:00:00Z"),
            at("2026-11-24T04:00:00Z"),
            &TimeZone::UTC
        ));
    }

    #[test]
    fn the_newest_automated_backup_and_manual_ones_never_expire() {
        let project = ProjectId::new("abcdefgh12345").unwrap();
        let backup = |id: char, automated: bool| {
            let mut backup = backup_for_tests(&project, &id.to_string().repeat(13));
            backup.status = BackupStatus::Created;
            backup.automated = automated;
            backup.expires_at = automated.then(|| "2026-11-01T00:00:00Z".into());
            backup
        };
        let backups = [
            backup('d', false),
            backup('c', true),
            backup('b', true),
            backup('a', false),
        ];
        let ids: Vec<&str> = expired(&backups, at("2026-11-24T00:00:00Z"))
            .into_iter()
            .map(|backup| backup.id.as_str())
            .collect();
        assert_eq!(ids, ["bbbbbbbbbbbbb"]);
        assert!(expired(&backups, at("2026-10-24T00:00:00Z")).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// A schedule that is looked at hourly for months keeps about as many as it was told to, and reaches as far
        /// back as it was told to.
        #[test]
        fn a_schedule_keeps_what_it_promises(
            start in 1_600_000_000i64..1_900_000_000,
            hourly in 0u32..12, daily in 0u32..10, weekly in 0u32..6, monthly in 0u32..4,
        ) {
            let retention = Retention { hourly, daily, weekly, monthly };
            let mut now = Timestamp::from_second(start).unwrap();
            let mut kept: Vec<(Timestamp, Timestamp)> = Vec::new();
            let mut last = None;
            for _ in 0..24 * 200 {
                now += SignedDuration::from_hours(1);
                kept.retain(|(_, expires)| *expires > now);
                if last.is_none_or(|last| retention.is_due(last, now, &TimeZone::UTC)) && retention.periods().count() > 0 {
                    kept.push((now, retention.expires(last, now, &TimeZone::UTC)));
                    last = Some(now);
                }
                // A period of less than its longest duration lets one more of its kind overlap.
                prop_assert!(kept.len() <= (hourly + daily + weekly + monthly + 4) as usize);
            }
            for (period, count) in retention.periods() {
                let reach = period.longest().saturating_mul(i32::try_from(count).unwrap() - 1);
                let oldest = kept.iter().map(|(made, _)| *made).min().unwrap();
                prop_assert!(now.duration_since(oldest) >= reach, "{period:?} reaches {oldest}, not {reach} back");
            }
        }
    }
}
