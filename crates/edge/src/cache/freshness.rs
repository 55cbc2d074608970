//! How old an answer is, and how old it may become (RFC 9111, 4.2).

use super::control::seconds;
use http::{
    HeaderMap,
    header::{AGE, DATE},
};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The age of a kept answer.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    lifetime: Duration,
    received: Instant,
    age_then: Duration,
}

impl Freshness {
    /// That of an answer that has just arrived.
    pub fn begin(lifetime: Duration, headers: &HeaderMap) -> Self {
        Self {
            lifetime,
            received: Instant::now(),
            age_then: apparent_age(headers).max(told_age(headers)),
        }
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.age_then + self.received.elapsed()
    }

    /// Whether it may be given without asking.
    pub fn is_fresh(&self) -> bool {
        self.age() < self.lifetime
    }
}

fn apparent_age(headers: &HeaderMap) -> Duration {
    let date = headers.get(DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|text| httpdate::parse_http_date(text).ok());
    date.and_then(|date| SystemTime::now().duration_since(date).ok())
        // The clock that it is compared with has no fractions of a second.
        .map_or(Duration::ZERO, |age| Duration::from_secs(age.as_secs()))
}

fn told_age(headers: &HeaderMap) -> Duration {
    let ages = headers.get_all(AGE).into_iter();
    let ages = ages.filter_map(|value| value.to_str().ok());
    // Of a list the first counts (RFC 9111, 5.1).
    let first = ages.flat_map(|value| value.split(',')).next();
    Duration::from_secs(first.map_or(0, |age| seconds(age.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn time_on_the_way_counts_and_the_older_of_two_ages() {
        let earlier = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(30));
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_str(&earlier).unwrap());
        let by_date = Freshness::begin(MINUTE, &headers).age().as_secs();
        assert!((30..32).contains(&by_date), "{by_date}");
        headers.insert(AGE, HeaderValue::from_static("61"));
        assert!(!Freshness::begin(MINUTE, &headers).is_fresh());
        headers.insert(AGE, HeaderValue::from_static("50, 90"));
        assert!(Freshness::begin(MINUTE, &headers).is_fresh());
    }

    #[test]
    fn an_age_and_a_date_that_make_no_sense_count_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(AGE, HeaderValue::from_static("soon"));
        headers.insert(DATE, HeaderValue::from_static("tomorrow"));
        assert_eq!(Freshness::begin(MINUTE, &headers).age().as_secs(), 0);
    }
}
