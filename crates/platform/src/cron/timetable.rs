//! When a cron is due: its specification with `H` chosen, in its time zone. Pure functions of time.

use guise_config::{CronField, CronSpec, CronTerm};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use sha2::{Digest, Sha256};

/// How far ahead is looked: 29 February may be 8 years away.
const DAYS_AHEAD: usize = 8 * 366;

/// When a cron is due. Sets of values are bits.
#[derive(Debug, Clone)]
pub(crate) struct Timetable {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// 0 is Sunday.
    weekdays: u64,
    /// Whether a day that is in one of `days` and `weekdays` will do.
    either_day: bool,
    zone: TimeZone,
}

impl Timetable {
    /// Chooses what `H` stands for by `identity`: the same for the same one, different for most others.
    pub(crate) fn new(spec: &CronSpec, identity: &str, zone: TimeZone) -> Self {
        let digest = Sha256::digest(identity);
        let chance =
            |number: usize| u64::from(u16::from_le_bytes([digest[2 * number], digest[2 * number + 1]]));
        let weekdays = values(&spec.weekday, chance(4));
        Self {
            minutes: values(&spec.minute, chance(0)),
            hours: values(&spec.hour, chance(1)),
            days: values(&spec.day, chance(2)),
            months: values(&spec.month, chance(3)),
            weekdays: weekdays & 0x7f | weekdays >> 7,
            either_day: !spec.day.open && !spec.weekday.open,
            zone,
        }
    }

    /// The first moment after `after` at which it is due.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(after).date();
        today
            .series(jiff::Span::new().days(1))
            .take(DAYS_AHEAD)
            .filter(|date| self.is_day(*date))
            .find_map(|date| self.moments(date).filter(|moment| *moment > after).min())
    }

    fn is_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let fits = if self.either_day {
            day || weekday
        } else {
            day && weekday
        };
        has(self.months, date.month()) && fits
    }

    /// All moments of a day, in order but for the hour that clocks show twice.
    fn moments(&self, date: Date) -> impl Iterator<Item = Timestamp> {
        let times = (0..24)
            .filter(|hour| has(self.hours, *hour))
            .flat_map(move |hour| {
                let minutes = (0..60).filter(|minute| has(self.minutes, *minute));
                minutes.map(move |minute| date.at(hour, minute, 0, 0))
            });
        times.flat_map(|time| self.instants(time))
    }

    /// What is due every hour is due in each hour that passes. What is due at a certain time is due once on a day:
    /// at the first of two such times, and as much later as clocks jump over it (cron(8)).
    fn instants(&self, time: DateTime) -> Vec<Timestamp> {
        const ALL_HOURS: u64 = (1 << 24) - 1;
        let every_hour = self.hours == ALL_HOURS;
        let ambiguous = self.zone.to_ambiguous_timestamp(time);
        let found = match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } if every_hour => vec![],
            AmbiguousOffset::Fold { .. } if every_hour => vec![ambiguous.earlier(), ambiguous.later()],
            _ => vec![ambiguous.compatible()],
        };
        found.into_iter().filter_map(Result::ok).collect()
    }
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| set >> value & 1 == 1)
}

/// The set of a field's values.
fn values(field: &CronField, chance: u64) -> u64 {
    let terms = field.terms.iter().map(|term| match *term {
        CronTerm::Range { first, last, step } => every(first, last, step),
        CronTerm::Chosen {
            first,
            last,
            step: None,
        } => 1 << (u64::from(first) + chance % (u64::from(last - first) + 1)),
        CronTerm::Chosen {
            first,
            last,
            step: Some(step),
        } => {
            let choices = step.min(last - first + 1);
            // Less than `choices`, which is a u8.
            let offset = (chance % u64::from(choices)) as u8;
            every(first + offset, last, step)
        }
    });
    terms.fold(0, |set, term| set | term)
}

fn every(first: u8, last: u8, step: u8) -> u64 {
    (first..=last)
        .step_by(step.into())
        .fold(0, |set, value| set | 1 << value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn timetable(spec: &str, zone: &str) -> Timetable {
        let zone = TimeZone::get(zone).unwrap();
        Timetable::new(&CronSpec::parse(spec).unwrap(), "p/main/app/clean", zone)
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// The next `count` moments as texts.
    fn following(spec: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let timetable = timetable(spec, zone);
        let next = |moment: &Timestamp| timetable.next(*moment);
        std::iter::successors(timetable.next(at(after)), next)
            .take(count)
            .map(|moment| moment.to_string())
            .collect()
    }

    #[test]
    fn times_are_those_of_the_time_zone() {
        assert_eq!(
            following("30 2 * * *", "Europe/Paris", "2026-07-01T00:00:00Z", 2),
            ["2026-07-01T00:30:00Z", "2026-07-02T00:30:00Z"]
        );
        assert_eq!(
            following("*/20 9-10 * * mon", "UTC", "2026-11-24T00:00:00Z", 3),
            [
                "2026-11-30T09:00:00Z",
                "2026-11-30T09:20:00Z",
                "2026-11-30T09:40:00Z"
            ]
        );
    }

    #[test]
    fn a_moment_is_after_the_one_it_follows() {
        assert_eq!(
            following("0 * * * *", "UTC", "2026-11-24T10:00:00Z", 1),
            ["2026-11-24T11:00:00Z"]
        );
    }

    #[test]
    fn two_given_day_fields_mean_either() {
        assert_eq!(
            following("0 0 13 * fri", "UTC", "2026-11-12T12:00:00Z", 4),
            [
                "2026-11-13T00:00:00Z",
                "2026-11-20T00:00:00Z",
                "2026-11-27T00:00:00Z",
                "2026-12-04T00:00:00Z"
            ]
        );
        assert_eq!(
            following("0 0 */13 * 7", "UTC", "2026-11-01T12:00:00Z", 1),
            ["2026-12-27T00:00:00Z"]
        );
    }

    #[test]
    fn a_day_that_is_rare_is_found_and_one_that_never_comes_is_not() {
        assert_eq!(
            following("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1),
            ["2104-02-29T00:00:00Z"]
        );
        assert!(
            timetable("0 0 31 2 *", "UTC")
                .next(at("2026-01-01T00:00:00Z"))
                .is_none()
        );
    }

    /// In Paris, 02:00 to 03:00 is left out on 29 March 2026 and comes twice on 25 October 2026.
    #[test]
    fn a_certain_time_comes_once_a_day_and_every_hour_comes_whenever_it_passes() {
        let paris = "Europe/Paris";
        assert_eq!(
            following("30 2 * * *", paris, "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(
            following("30 2 * * *", paris, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        for night in ["2026-03-29T00:00:00Z", "2026-10-24T23:00:00Z"] {
            let moments = following("*/30 * * * *", paris, night, 12);
            for pair in moments.windows(2) {
                assert_eq!(
                    at(&pair[1]).duration_since(at(&pair[0])),
                    SignedDuration::from_mins(30)
                );
            }
        }
    }

    #[test]
    fn what_h_stands_for_stays_and_differs_between_crons() {
        let spec = CronSpec::parse("H H * * *").unwrap();
        let first = |identity: &str| {
            let timetable = Timetable::new(&spec, identity, TimeZone::UTC);
            timetable.next(at("2026-11-24T00:00:00Z")).unwrap()
        };
        assert_eq!(first("p/main/app/clean"), first("p/main/app/clean"));
        let moments: std::collections::BTreeSet<_> = (0..50)
            .map(|number| first(&format!("p/main/app/{number}")))
            .collect();
        assert!(moments.len() > 40, "only {} of 50 differ", moments.len());
    }

    fn field(first: u8, last: u8) -> impl Strategy<Value = String> {
        let value = first..=last;
        prop_oneof![
            Just("*".to_string()),
            Just("H".to_string()),
            value.clone().prop_map(|value| value.to_string()),
            (1..=last).prop_map(|step| format!("*/{step}")),
            (1..=last).prop_map(|step| format!("H/{step}")),
            (value.clone(), value.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            (value.clone(), value).prop_map(|(a, b)| format!("H({}-{}),{a}", a.min(b), a.max(b))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// What it says is due fits every field, and looking minute by minute finds nothing before.
        #[test]
        fn the_next_moment_is_the_first_that_fits(
            minute in field(0, 59), hour in field(0, 23), day in field(1, 31), month in field(1, 12),
            weekday in field(0, 7), start in 1_600_000_000i64..1_900_000_000, identity in "[a-z]{1,8}",
        ) {
            let spec = CronSpec::parse(&format!("{minute} {hour} {day} {month} {weekday}")).unwrap();
            let timetable = Timetable::new(&spec, &identity, TimeZone::UTC);
            let after = Timestamp::from_second(start).unwrap();
            let fits = |moment: Timestamp| {
                let time = TimeZone::UTC.to_datetime(moment);
                timetable.is_day(time.date()) && has(timetable.hours, time.hour())
                    && has(timetable.minutes, time.minute())
            };
            let next = timetable.next(after);
            if let Some(next) = next {
                prop_assert!(next > after && next.as_second() % 60 == 0 && fits(next));
            }
            let mut moment = Timestamp::from_second(start - start.rem_euclid(60) + 60).unwrap();
            for _ in 0..3 * 24 * 60 {
                if next.is_some_and(|next| moment >= next) {
                    break;
                }
                prop_assert!(!fits(moment), "{moment} was left out");
                moment += SignedDuration::from_mins(1);
            }
        }

        /// `H` with a step leaves no longer gap than the step within its range.
        #[test]
        fn a_chosen_step_keeps_its_distance(step in 1u8..60, identity in "[a-z]{1,8}") {
            let spec = CronSpec::parse(&format!("H/{step} * * * *")).unwrap();
            let minutes = Timetable::new(&spec, &identity, TimeZone::UTC).minutes;
            let set: Vec<i8> = (0..60).filter(|minute| has(minutes, *minute)).collect();
            prop_assert!(set[0] < step as i8);
            for pair in set.windows(2) {
                prop_assert_eq!(pair[1] - pair[0], step as i8);
            }
        }
    }
}
