//! `expires: 5m` and `max_request_size: 250m`.

use crate::model::Expires;

/// A duration in milliseconds: seconds, or a number with one of `ms s m h d w M y`; `-1` for never.
pub fn expires(text: &str) -> Option<Expires> {
    if matches!(text, "-1" | "-1s") {
        return Some(Expires::Never);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let millis = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => DAY,
        "w" => 7 * DAY,
        "M" => 30 * DAY,
        "y" => 365 * DAY,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(millis)
        .map(Expires::AfterMillis)
}

/// A size in bytes: a number with one of `k m g` (powers of 1024) or none.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_documented_units() {
        let seconds = |n: u64| Some(Expires::AfterMillis(n * 1000));
        assert_eq!(expires("-1"), Some(Expires::Never));
        assert_eq!(expires("300"), seconds(300));
        assert_eq!(expires("5m"), seconds(300));
        assert_eq!(expires("1M"), seconds(30 * 86400));
        assert_eq!(expires("500ms"), Some(Expires::AfterMillis(500)));
        for wrong in ["", "m", "5 parsecs", "-5", "1.5h", "99999999999999999999"] {
            assert_eq!(expires(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        assert_eq!(bytes("250m"), Some(262_144_000));
        assert_eq!(bytes("1G"), Some(1 << 30));
        assert_eq!(bytes("10"), Some(10));
        assert_eq!(bytes("ten"), None);
        assert_eq!(bytes("99999999999g"), None);
    }
}
