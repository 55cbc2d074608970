//! Versions of languages and services, and which one stands in for which.

use std::cmp::Ordering;

/// Orders `3.9` before `3.13`: by numbers, not by letters. What is no number comes after what is.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<(u64, String)> {
        let part = |part: &str| (part.parse().unwrap_or(u64::MAX), part.to_string());
        text.split('.').map(part).collect()
    };
    numbers(a).cmp(&numbers(b))
}

/// The version that serves a wish (spec 2.5): itself, the newest below it (`3` gives `3.13`), or the nearest newer one.
/// `versions` are in ascending order. Never an older one.
pub(crate) fn choose<'a>(versions: &'a [String], wanted: &str) -> Option<&'a str> {
    let below = format!("{wanted}.");
    let exact = versions.iter().find(|version| *version == wanted);
    let refined = || versions.iter().rfind(|version| version.starts_with(&below));
    let newer = || versions.iter().find(|version| compare(version, wanted).is_ge());
    let is_version = wanted.starts_with(|first: char| first.is_ascii_digit());
    exact
        .or_else(refined)
        .or_else(|| newer().filter(|_| is_version))
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_of(versions: &[&str], wanted: &str) -> Option<String> {
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        choose(&versions, wanted).map(ToString::to_string)
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(compare("3.9", "3.13"), Ordering::Less);
        assert_eq!(compare("11.8", "10.11"), Ordering::Greater);
        assert_eq!(compare("20", "20"), Ordering::Equal);
    }

    #[test]
    fn the_nearest_newer_version_stands_in_and_never_an_older_one() {
        assert_eq!(choose_of(&["10.11", "11.8"], "10.11").as_deref(), Some("10.11"));
        assert_eq!(choose_of(&["10.11", "11.8"], "11.4").as_deref(), Some("11.8"));
        assert_eq!(choose_of(&["10.11", "11.8"], "5.5").as_deref(), Some("10.11"));
        assert_eq!(choose_of(&["3.11", "3.13"], "3").as_deref(), Some("3.13"));
        assert_eq!(choose_of(&["10.11", "11.8"], "12.3"), None);
        assert_eq!(choose_of(&["10.11", "11.8"], "latest"), None);
    }
}
