//! Sizes, ages and durations as people say them.

use jiff::Timestamp;

/// A number of bytes in decimal units: `512 MB`, `1.2 GB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // 999.5 would be written as 1000 of the smaller unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit > 0 && value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// How long ago an RFC 3339 time was: `12 s`, `4 min`, `3 h`, `12 d`. The text itself when it is no time.
pub fn age(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map_or_else(
        |_| time.to_owned(),
        |then| seconds(now.as_second() - then.as_second()),
    )
}

/// A whole number of seconds in its largest unit.
pub fn seconds(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3600 => format!("{} min", s / 60),
        s @ 3600..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

/// A duration in seconds whose parts of a second matter: `0.034 s`, `1.25 s`, `34.1 s`; from a minute on as [`seconds`].
pub fn duration(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 1.0 => format!("{s:.3} s"),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s => self::seconds(s as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let said: Vec<String> = [0, 999, 1000, 9_960_000, 512_000_000, 999_700_000, 5_248_000_000]
            .into_iter()
            .map(bytes)
            .collect();
        assert_eq!(
            said,
            ["0 B", "999 B", "1.0 kB", "10 MB", "512 MB", "1.0 GB", "5.2 GB"]
        );
    }

    #[test]
    fn ages_use_one_unit_and_never_lie_in_the_future() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let said: Vec<String> = [
            "2026-11-24T12:00:09Z",
            "2026-11-24T11:56:00Z",
            "2026-11-23T12:30:00.5Z",
            "2026-11-01T00:00:00Z",
            "soon",
        ]
        .into_iter()
        .map(|time| age(time, now))
        .collect();
        assert_eq!(said, ["0 s", "4 min", "23 h", "23 d", "soon"]);
    }

    #[test]
    fn durations_have_three_digits() {
        let said: Vec<String> = [0.0, 0.0341, 1.2549, 34.14, 61.0]
            .into_iter()
            .map(duration)
            .collect();
        assert_eq!(said, ["0.000 s", "0.034 s", "1.25 s", "34.1 s", "1 min"]);
    }
}
